import { defineJob } from '@tallyfleet/ports'
import { z } from 'zod'

/** Compares the ledger, and every rollup with the days below it, each hour. */
export const checkRollupsJob = defineJob({
  name: 'check-rollups', queue: 'maintenance', payload: z.strictObject({}),
  softTimeoutMs: 1_200_000, timeoutMs: 3_000_000, attempts: 2, backoffMs: 60_000, maxBackoffMs: 300_000, waitGoalMs: 600_000,
  schedule: { pattern: '17 * * * *', zone: 'UTC', missed: { policy: 'latest' }, overlap: 'skip', spreadMs: 120_000 },
})
