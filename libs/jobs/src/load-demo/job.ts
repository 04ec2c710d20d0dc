import { defineJob } from '@tallyfleet/ports'
import { z } from 'zod'

/** Fills a tenant with films and a month of traffic. */
export const loadDemoJob = defineJob({
  name: 'load-demo', queue: 'maintenance',
  payload: z.strictObject({ tenant: z.string(), zone: z.string() }),
  softTimeoutMs: 120_000, timeoutMs: 900_000, attempts: 3, backoffMs: 1_000, maxBackoffMs: 30_000,
})
