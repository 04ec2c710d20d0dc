import { ledgerAnswerSchema, ledgerQuerySchema } from '@tallyfleet/api-contract'
import { rangeError, readInstant, readLedger } from '@tallyfleet/features'
import { defineRoute } from '../../http/define-route.ts'
import { toEnvelope } from '../../http/to-envelope.ts'

export const ledger = defineRoute({
  method: 'get',
  path: '/api/v1/ledger',
  id: 'readLedger',
  tag: 'proof',
  summary: 'What became of every event of the tenant',
  description: 'Without a range: everything so far. `balanced` is always about now: every event that was ever counted '
    + 'is in the rollups, on its way there, or named as a dead delta.',
  scope: 'read',
  query: ledgerQuerySchema,
  answers: { 200: { description: 'The conservation ledger', schema: ledgerAnswerSchema } },
}, async ({ query, caller: { tenant } }, needs) => {
  const from = query.from === undefined ? undefined : readInstant('/from', query.from, tenant.zone)
  const to = query.to === undefined ? undefined : readInstant('/to', query.to, tenant.zone)
  if (from && to && from >= to) throw rangeError('/to', 'is not after `from`: `to` is exclusive')
  return { body: toEnvelope(await readLedger({ tenant: tenant.id, from, to }, needs), needs.clock.now()) }
})
