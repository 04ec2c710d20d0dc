import { retentionAnswerSchema, retentionBodySchema } from '@tallyfleet/api-contract'
import { RETENTION, RETENTION_KINDS } from '@tallyfleet/domain'
import { actorOf, putRetention, readRetention } from '@tallyfleet/features'
import type { RecordStore } from '@tallyfleet/ports'
import { defineRoute } from '../../http/define-route.ts'
import { checkOverseesAll } from '../../http/oversees-all.ts'
import { toEnvelope } from '../../http/to-envelope.ts'

/** A repeat is caught for 48 to 60 hours: what can be promised. */
const DEDUPE_DAYS = 2

const answers = { 200: { description: 'Each kind of record', schema: retentionAnswerSchema } }

export const retention = defineRoute({
  method: 'get',
  path: '/api/v1/retention',
  id: 'readRetention',
  tag: 'admin',
  summary: 'How long what is kept',
  scope: 'read',
  answers,
}, async (_context, { records, clock }) => ({ body: toEnvelope(await listKept(records), clock.now()) }))

export const changeRetention = defineRoute({
  method: 'put',
  path: '/api/v1/retention',
  id: 'changeRetention',
  tag: 'admin',
  summary: 'Keep records for longer, or not as long',
  description: 'Holds for the whole installation, from the next nightly `apply-retention` on: what that has deleted does not '
    + 'come back. Needs an admin key of the tenant `default`.',
  scope: 'admin',
  body: { schema: retentionBodySchema, types: ['application/json'], example: { minutes: 730, jobEvents: null } },
  answers,
}, async ({ caller, body }, { records, clock }) => {
  checkOverseesAll(caller)
  await putRetention(body, actorOf(caller), { records, clock })
  return { body: toEnvelope(await listKept(records), clock.now()) }
})

async function listKept(records: RecordStore) {
  const { days, set } = await readRetention({ records })
  return [
    { what: 'counts' as const, days: null, source: 'protocol' as const, least: null },
    { what: 'dedupe' as const, days: DEDUPE_DAYS, source: 'protocol' as const, least: null },
    ...RETENTION_KINDS.map((what) =>
      ({ what, days: days[what], source: set.has(what) ? 'setting' as const : 'default' as const, least: RETENTION[what].least })),
    { what: 'audit' as const, days: null, source: 'default' as const, least: null },
  ]
}
