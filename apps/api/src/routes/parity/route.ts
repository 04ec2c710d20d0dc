import { parityAnswerSchema, parityQuerySchema } from '@tallyfleet/api-contract'
import { listParityRuns } from '@tallyfleet/features'
import { defineRoute } from '../../http/define-route.ts'
import { toEnvelope } from '../../http/to-envelope.ts'

export const parity = defineRoute({
  method: 'get',
  path: '/api/v1/parity',
  id: 'listParityRuns',
  tag: 'proof',
  summary: 'The latest comparison of the stores',
  scope: 'read',
  query: parityQuerySchema,
  answers: { 200: { description: 'The latest runs, newest first', schema: parityAnswerSchema } },
}, async ({ query: { limit } }, needs) => {
  const runs = await listParityRuns(limit, needs)
  return { body: toEnvelope({ latest: runs[0] ?? null, runs }, needs.clock.now()) }
})
