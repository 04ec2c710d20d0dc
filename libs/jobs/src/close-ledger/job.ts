import { defineJob } from '@tallyfleet/ports'
import { z } from 'zod'

/** Closes the minutes of the ledger that have passed. */
export const closeLedgerJob = defineJob({
  name: 'close-ledger', queue: 'housekeeping', payload: z.strictObject({}),
  softTimeoutMs: 20_000, timeoutMs: 60_000, attempts: 5, backoffMs: 1_000, maxBackoffMs: 30_000,
  schedule: { everyMs: 60_000, missed: { policy: 'latest' }, overlap: 'skip', spreadMs: 5_000 },
})
