import { defineJob } from '@tallyfleet/ports'
import { z } from 'zod'

/** Keeps what each catalog is like today, each hour anew: the last look of a day stays in the trend. */
export const scoreCatalogJob = defineJob({
  name: 'score-catalog', queue: 'maintenance', priority: 1, payload: z.strictObject({}),
  softTimeoutMs: 600_000, timeoutMs: 1_800_000, attempts: 2, backoffMs: 60_000, maxBackoffMs: 300_000, waitGoalMs: 600_000,
  schedule: { pattern: '7 * * * *', zone: 'UTC', missed: { policy: 'latest' }, overlap: 'skip', spreadMs: 120_000 },
})
