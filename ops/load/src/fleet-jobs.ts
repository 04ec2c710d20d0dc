import { defineJob } from '@tallyfleet/ports'
import type { JobsOptions } from 'bullmq'
import { z } from 'zod'

/** The job of both arms; `n` tells one from another. */
export const benchJob = defineJob({ name: 'run-bench', queue: 'bench', payload: z.object({ n: z.int() }), softTimeoutMs: 30_000, timeoutMs: 60_000 })

export type Arm = 'ours' | 'bare'

export function prefixOf(arm: Arm): string {
  return arm === 'ours' ? '{tally}' : '{bare}'
}

/** What our queue gives each job too: as many tries, and the same jobs kept. */
export const jobOptions: JobsOptions = {
  attempts: benchJob.attempts,
  backoff: { type: 'exponential', delay: benchJob.backoffMs },
  removeOnComplete: { age: benchJob.keepCompletedSeconds, count: 10_000 },
  removeOnFail: { age: benchJob.keepFailedSeconds, count: 10_000 },
}

/** What a process is to do next: run `jobs` jobs of so many ms. They wait in the paused queue, numbered from 0. */
export type FleetOrder = { ms: number; jobs: number }

/** What a process that drained the queue tells. */
export type FleetRun = {
  /** Until no job was waiting or active. */
  seconds: number
  /** Processor time of the process in that time. */
  cpuSeconds: number
  /** Jobs that ran exactly once. */
  once: number
  /** Jobs that are waiting, active, delayed or failed in the end. */
  left: number
}
