import { auditAnswerSchema, auditQuerySchema } from '@tallyfleet/api-contract'
import { defineRoute } from '../../http/define-route.ts'
import { checkOverseesAll } from '../../http/oversees-all.ts'
import { toEnvelope } from '../../http/to-envelope.ts'

export const audit = defineRoute({
  method: 'get',
  path: '/api/v1/audit',
  id: 'listAudit',
  tag: 'admin',
  summary: 'Who changed what, and how it ended',
  description: 'Needs an admin key of the tenant `default`.',
  scope: 'admin',
  query: auditQuerySchema,
  list: true,
  answers: { 200: { description: 'The newest first', schema: auditAnswerSchema } },
}, async ({ caller, query: { limit, before } }, { accounts, clock }) => {
  checkOverseesAll(caller)
  const entries = await accounts.listAudit(limit, before === undefined ? undefined : new Date(before))
  return { body: toEnvelope(entries.map(({ at, ...entry }) => ({ at: at.toISOString(), ...entry })), clock.now()) }
})
