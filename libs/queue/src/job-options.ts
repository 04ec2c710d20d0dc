import { randomUUID } from 'node:crypto'
import { AppError } from '@tallyfleet/domain'
import type { DedupPolicy, EnqueueOptions, JobDefinition } from '@tallyfleet/ports'
import type { DeduplicationOptions, JobsOptions } from 'bullmq'

const MAX_KEPT = 10_000
/** The name under which workers register the back-off of backoff.ts. */
export const BACKOFF = 'full-jitter'

/**
 * BullMQ's options for one job. Retention is by age and by count: whichever is less. Every word here is carried, kept and
 * read again with each job.
 */
export function jobOptionsOf(definition: JobDefinition<any>, options: EnqueueOptions = {}): JobsOptions {
  const { jobId, delayMs, onlyOne, priority = definition.priority } = options
  if (jobId !== undefined && (/^\d*$/.test(jobId) || jobId.includes(':') || jobId.length > 256)) {
    const name = JSON.stringify(jobId)
    throw new AppError('FIELD_INVALID', `the job id ${name} is empty, a number, too long or holds a colon`)
  }
  return {
    attempts: definition.attempts,
    backoff: { type: BACKOFF, delay: definition.backoffMs },
    removeOnComplete: { age: definition.keepCompletedSeconds, count: MAX_KEPT },
    removeOnFail: { age: definition.keepFailedSeconds, count: MAX_KEPT },
    ...(priority > 0 && { priority }),
    ...(jobId !== undefined && { jobId }),
    ...(delayMs !== undefined && { delay: delayMs }),
    // With an id of its own, the answer tells whether this job was taken or another one stands for it.
    ...(onlyOne !== undefined && { jobId: jobId ?? randomUUID(), ...dedupOptionsOf(onlyOne, definition.dedup) }),
  }
}

function dedupOptionsOf(id: string, dedup: DedupPolicy): { deduplication: DeduplicationOptions; delay?: number } {
  switch (dedup.mode) {
    case 'unique': return { deduplication: { id } }
    case 'keepLast': return { deduplication: { id, keepLastIfActive: true } }
    case 'throttle': return { deduplication: { id, ttl: dedup.windowMs } }
    case 'debounce':
      return { deduplication: { id, ttl: dedup.windowMs, extend: true, replace: true }, delay: dedup.windowMs }
  }
}
