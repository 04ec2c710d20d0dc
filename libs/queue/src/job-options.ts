import { AppError } from '@tallyfleet/domain'
import type { EnqueueOptions, JobDefinition } from '@tallyfleet/ports'
import type { JobsOptions } from 'bullmq'

const MAX_PAYLOAD_BYTES = 65_536
const MAX_KEPT = 10_000
const STACK_TRACES = 3
/** The name under which workers register the back-off of backoff.ts. */
export const BACKOFF = 'full-jitter'

/** BullMQ's options for one job. Retention is by age and by count: whichever is less. */
export function jobOptionsOf(definition: JobDefinition<any>, options: EnqueueOptions = {}): JobsOptions {
  const { jobId, delayMs, onlyOne } = options
  if (jobId !== undefined && (/^\d*$/.test(jobId) || jobId.includes(':') || jobId.length > 256)) {
    const name = JSON.stringify(jobId)
    throw new AppError('FIELD_INVALID', `the job id ${name} is empty, a number, too long or holds a colon`)
  }
  return {
    attempts: definition.attempts,
    backoff: { type: BACKOFF, delay: definition.backoffMs },
    removeOnComplete: { age: definition.keepCompletedSeconds, count: MAX_KEPT },
    removeOnFail: { age: definition.keepFailedSeconds, count: MAX_KEPT },
    sizeLimit: MAX_PAYLOAD_BYTES,
    stackTraceLimit: STACK_TRACES,
    keepLogs: 0,
    ...(jobId !== undefined && { jobId }),
    ...(delayMs !== undefined && { delay: delayMs }),
    ...(onlyOne !== undefined && { deduplication: { id: onlyOne, keepLastIfActive: true } }),
  }
}
