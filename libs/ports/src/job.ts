import type { z } from 'zod'
import type { Log } from './log.ts'

/** What becomes of ticks that no scheduler was there for. `all` runs at most `max` of them, oldest first. */
export type MissedPolicy = { policy: 'skip' } | { policy: 'latest' } | { policy: 'all'; max: number }

/** When a job runs by itself: a cron pattern in a zone, or a fixed period counted from 1970. */
export type Schedule = ({ pattern: string; zone: string } | { everyMs: number }) & { missed: MissedPolicy }

/**
 * A job's contract, known to its producer and its consumer alike: both parse the payload. A payload schema may only
 * gain optional fields, because jobs of the last release are still waiting in Redis.
 */
export type JobDefinition<Payload = unknown> = {
  /** verb-noun, unique. */
  name: string
  /** Plural noun. */
  queue: string
  payload: z.ZodType<Payload>
  /** Tries in all, crashes included. */
  attempts: number
  /** First back-off; doubles up to `maxBackoffMs`, with full jitter. */
  backoffMs: number
  maxBackoffMs: number
  /** The processor's signal aborts with `JOB_TIMED_OUT` after this long. */
  timeoutMs: number
  /** How long finished jobs stay visible; a job id is unique for as long. */
  keepCompletedSeconds: number
  keepFailedSeconds: number
  /** Present: the scheduler ticks this job with `payload` parsed from `{}`. */
  schedule?: Schedule
}

/** Fills in the usual limits. */
export function defineJob<Payload>(
  job: Pick<JobDefinition<Payload>, 'name' | 'queue' | 'payload' | 'timeoutMs'> & Partial<JobDefinition<Payload>>,
): JobDefinition<Payload> {
  return Object.freeze({
    attempts: 5, backoffMs: 1_000, maxBackoffMs: 60_000, keepCompletedSeconds: 3_600, keepFailedSeconds: 7 * 86_400, ...job,
  })
}

/** The tick that a run stands for. */
export type TickOf = { schedule: string; nominalAt: Date; backfilled: boolean }

export type JobContext<Payload> = {
  payload: Payload
  /** Aborts on timeout, on shutdown past the drain deadline, and when the lock is lost. Pass it on. */
  signal: AbortSignal
  log: Log
  jobId: string
  /** 1 for the first try; grows with every start of the job, crashes included: a fence. */
  attempt: number
  tick: TickOf | undefined
}

/** Does a job. The answer is kept with the job: small, and nothing secret. */
export type Processor<Payload, Needs> = (context: JobContext<Payload>, needs: Needs) => Promise<unknown>

/** A definition and its processor. */
export type Job<Payload, Needs> = { definition: JobDefinition<Payload>; process: Processor<Payload, Needs> }

export type EnqueueOptions = {
  /** A second job with the id of one that is still known is ignored. No `:`; not a plain number. */
  jobId?: string
  delayMs?: number
  /** At most one waiting job with this key: a second is dropped, one that comes while it runs is run once after it. */
  onlyOne?: string
  tick?: TickOf
}

/** The producer's side of the queues. */
export interface JobQueue extends AsyncDisposable {
  /** Answers the job's id. Rejects with `FIELD_INVALID` for a bad payload, `STORE_UNAVAILABLE` when Redis is away. */
  enqueue<Payload>(job: JobDefinition<Payload>, payload: Payload, options?: EnqueueOptions): Promise<string>
}

export type QueueStatus = {
  queue: string
  paused: boolean
  counts: { waiting: number; active: number; delayed: number; completed: number; failed: number; prioritized: number }
  /** Age of the oldest job that is ready to run; undefined when none is. */
  oldestReadySeconds: number | undefined
  workers: number
}

/** The operator's side of the queues. Unknown names reject with `QUEUE_UNKNOWN`. */
export interface QueueAdmin extends AsyncDisposable {
  listQueues(): Promise<QueueStatus[]>
  pause(queue: string): Promise<void>
  resume(queue: string): Promise<void>
  /** Puts failed jobs back to waiting; answers how many. */
  retryFailed(queue: string): Promise<number>
  /** Deletes waiting and delayed jobs; answers how many. */
  drain(queue: string): Promise<number>
}
