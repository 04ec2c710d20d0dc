import { defineJob } from '@tallyfleet/ports'
import { z } from 'zod'

/** Moves hot counters into rollups, each minute unless FLUSH_INTERVAL_MS says otherwise. */
export const flushJob = defineJob({
  name: 'flush', queue: 'flush',
  payload: z.strictObject({
    shards: z.array(z.int().min(0).max(255)).max(256).optional().describe('absent: every shard'),
  }),
  softTimeoutMs: 60_000, timeoutMs: 300_000, attempts: 5, backoffMs: 1_000, maxBackoffMs: 30_000, waitGoalMs: 30_000,
  // One that hangs must not keep the next from counting: flushes bear each other.
  schedule: { everyMs: 60_000, missed: { policy: 'latest' }, overlap: 'allow' },
})

/** Of flushes that nobody scheduled, one waits at a time. */
export const EXTRA_FLUSH = 'extra-flush'
