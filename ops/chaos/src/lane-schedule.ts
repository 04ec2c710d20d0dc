import { defineJob } from '@tallyfleet/ports'
import { z } from 'zod'

/** A schedule whose ticks nobody works off: each must be in the queue once, or recorded as skipped. */
export const SCHEDULE = defineJob({
  name: 'chaos-tick', queue: 'chaos', payload: z.strictObject({}), softTimeoutMs: 1_000 / 2, timeoutMs: 1_000,
  schedule: { everyMs: 500, missed: { policy: 'all', max: 100 } },
})
