import { defineJob } from '@tallyfleet/ports'
import { z } from 'zod'

/** Keeps a snapshot of what the fleet holds, for a week. A missed minute stays a hole: it cannot be read later. */
export const collectTelemetryJob = defineJob({
  name: 'collect-telemetry', queue: 'housekeeping', payload: z.strictObject({}),
  softTimeoutMs: 10_000, timeoutMs: 30_000, attempts: 1,
  schedule: { everyMs: 60_000, missed: { policy: 'skip' }, overlap: 'skip', spreadMs: 5_000 },
})
