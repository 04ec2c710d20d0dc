import { defineJob } from '@tallyfleet/ports'
import { z } from 'zod'

/** Forgets what is kept for a time only, each night. */
export const applyRetentionJob = defineJob({
  name: 'apply-retention', queue: 'maintenance', priority: 1, payload: z.strictObject({}),
  softTimeoutMs: 1_200_000, timeoutMs: 3_600_000, attempts: 3, backoffMs: 60_000, maxBackoffMs: 300_000, waitGoalMs: 600_000,
  schedule: { pattern: '23 4 * * *', zone: 'UTC', missed: { policy: 'latest' }, overlap: 'skip', spreadMs: 600_000 },
})
