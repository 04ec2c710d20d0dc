import { parityAnswerSchema, parityQuerySchema } from '@tallyfleet/api-contract'
import { listParityRuns } from '@tallyfleet/features'
import { defineRoute } from '../../http/define-route.ts'
import { overseesAll } from '../../http/oversees-all.ts'
import { toEnvelope } from '../../http/to-envelope.ts'

export const parity = defineRoute({
  method: 'get',
  path: '/api/v1/parity',
  id: 'listParityRuns',
  tag: 'proof',
  summary: 'The latest comparison of the stores',
  description: 'A run compares the whole installation. Keys of the tenant `default` see what differs; others, whose '
    + 'business the entities of their neighbours are not, see how much.',
  scope: 'read',
  query: parityQuerySchema,
  answers: { 200: { description: 'The latest runs, newest first', schema: parityAnswerSchema } },
}, async ({ caller, query: { limit } }, needs) => {
  const whole = await listParityRuns(limit, needs)
  const runs = overseesAll(caller) ? whole : whole.map((run) => ({
    ...run, differences: [], orphans: { count: run.orphans.count, sample: [] },
  }))
  return { body: toEnvelope({ latest: runs[0] ?? null, runs }, needs.clock.now()) }
})
