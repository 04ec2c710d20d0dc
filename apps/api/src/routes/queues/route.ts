import { queuesAnswerSchema } from '@tallyfleet/api-contract'
import { defineRoute } from '../../http/define-route.ts'
import { toEnvelope } from '../../http/to-envelope.ts'

export const queues = defineRoute({
  method: 'get',
  path: '/api/v1/queues',
  id: 'listQueues',
  tag: 'fleet',
  summary: 'What waits, runs and failed',
  scope: 'read',
  answers: { 200: { description: 'Every queue', schema: queuesAnswerSchema } },
}, async (_context, needs) => {
  const statuses = await needs.queues.listQueues()
  const data = statuses.map((status) => ({
    ...status, oldestReadySeconds: status.oldestReadySeconds ?? null, oldestDeadSeconds: status.oldestDeadSeconds ?? null,
    runSeconds: status.runSeconds ?? null,
  }))
  return { body: toEnvelope(data, needs.clock.now()) }
})
