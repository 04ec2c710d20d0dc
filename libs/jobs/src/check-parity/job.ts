import { defineJob } from '@tallyfleet/ports'
import { z } from 'zod'

/** Compares every store with the one before it, each night. */
export const checkParityJob = defineJob({
  name: 'check-parity', queue: 'maintenance', payload: z.strictObject({}),
  softTimeoutMs: 3_600_000, timeoutMs: 7_200_000, attempts: 2, backoffMs: 60_000, maxBackoffMs: 300_000,
  schedule: { pattern: '41 3 * * *', zone: 'UTC', missed: { policy: 'latest' } },
})
