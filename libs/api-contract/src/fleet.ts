import { z } from 'zod'
import { envelopeOf } from './envelope.ts'

const state = z.int()

export const queuesAnswerSchema = envelopeOf(z.array(z.object({
  queue: z.string(),
  paused: z.boolean(),
  counts: z.object({
    waiting: state, active: state, delayed: state, completed: state, failed: state, prioritized: state,
  }),
  oldestReadySeconds: z.number().nullable(),
  oldestDeadSeconds: z.number().nullable(),
  workers: z.int(),
})))
