import { defineJob } from '@tallyfleet/ports'
import { z } from 'zod'

/** Writes changed totals into the catalog. Each flush asks for it; the schedule is for what a crash left behind. */
export const syncCatalogJob = defineJob({
  name: 'sync-catalog', queue: 'sync', payload: z.strictObject({}),
  softTimeoutMs: 120_000, timeoutMs: 600_000, attempts: 5, backoffMs: 2_000, maxBackoffMs: 60_000,
  schedule: { everyMs: 300_000, missed: { policy: 'latest' }, overlap: 'skip', spreadMs: 20_000 },
})
