import { defineJob } from '@tallyfleet/ports'
import { z } from 'zod'

/** Writes changed catalog rows as segment documents. Each catalog sync asks for it. */
export const syncSegmentsJob = defineJob({
  name: 'sync-segments', queue: 'sync', payload: z.strictObject({}),
  softTimeoutMs: 120_000, timeoutMs: 600_000, attempts: 5, backoffMs: 2_000, maxBackoffMs: 60_000,
  schedule: { everyMs: 300_000, missed: { policy: 'latest' }, overlap: 'skip', spreadMs: 20_000 },
})
