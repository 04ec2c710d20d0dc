import { defineJob } from '@tallyfleet/ports'
import { z } from 'zod'

/** Compares every store with the one before it, each night; on demand it repairs what differs. */
export const checkParityJob = defineJob({
  name: 'check-parity', queue: 'maintenance',
  payload: z.strictObject({
    stores: z.array(z.enum(['ledger', 'rollups', 'catalog', 'segments'])).min(1).optional().describe('absent: all'),
    from: z.iso.date().optional().describe('the rollups of these days alone'),
    to: z.iso.date().optional().describe('exclusive'),
    repair: z.boolean().optional().describe('put right what differs from its source'),
    dryRun: z.boolean().optional().describe('say what a repair would do'),
  }),
  softTimeoutMs: 3_600_000, timeoutMs: 7_200_000, attempts: 2, backoffMs: 60_000, maxBackoffMs: 300_000, waitGoalMs: 600_000,
  schedule: { pattern: '41 3 * * *', zone: 'UTC', missed: { policy: 'latest' }, overlap: 'skip', spreadMs: 600_000 },
})
