import { AppError } from '@tallyfleet/domain'
import type { z } from 'zod'
import type { Log } from './log.ts'

/** What becomes of ticks that no scheduler was there for. `all` runs at most `max` of them, oldest first. */
export type MissedPolicy = { policy: 'skip' } | { policy: 'latest' } | { policy: 'all'; max: number }

/**
 * What becomes of a tick while an earlier one of its schedule has not ended. `allow`: both run. `skip`: it is left out.
 * `bufferOne`: it starts once the earlier one has ended; while one waits so, the next are left out. `cancelOther`: the
 * earlier one is cancelled, and this one starts once that has ended; of several that wait so the newest stays.
 */
export type OverlapPolicy = 'allow' | 'skip' | 'bufferOne' | 'cancelOther'

/** When a job runs by itself: a cron pattern in a zone, or a fixed period counted from 1970. */
export type Schedule = ({ pattern: string; zone: string } | { everyMs: number }) & {
  missed: MissedPolicy
  /** `allow` unless told. */
  overlap?: OverlapPolicy
  /**
   * Ticks start up to this long after their nominal time, always at the same place in this window, which the schedule's
   * name decides: schedules of one minute do not all start in its first second. Below `everyMs`.
   */
  spreadMs?: number
}

/**
 * What becomes of a second job with the same key. `unique`: dropped while the first has not ended. `throttle`: dropped
 * within `windowMs` of the first. `debounce`: takes the place of the first, which then waits `windowMs` anew.
 * `keepLast`: dropped while the first waits; one that comes while it runs is run once after it.
 */
export type DedupPolicy = { mode: 'unique' | 'keepLast' } | { mode: 'throttle' | 'debounce'; windowMs: number }

/**
 * When a job that waits for others goes on. `partial`: once all have ended, with what succeeded and what did not.
 * `fail`: the first child that is dead cancels its siblings, and the job is dead too, without a run. Children that have
 * not ended `deadlineMs` after they were enqueued are cancelled: nothing waits for ever.
 */
export type ChildrenPolicy = { onFailure: 'fail' | 'partial'; deadlineMs: number }

/** What its children left to a job. */
export type ChildOutcomes = {
  results: { queue: string; id: string; result: unknown }[]
  failures: { queue: string; id: string; reason: string }[]
  /** Taken out before they ran, by an operator or at the deadline. */
  removed: number
}

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
  /**
   * Of the payload. Raise it when a worker of the last release could not do what a new payload asks for: until it is
   * replaced, it leaves such a job to others.
   */
  version: number
  /** What a second job with the same `onlyOne` means. */
  dedup: DedupPolicy
  /** Tries in all, crashes included. */
  attempts: number
  /** First back-off; doubles up to `maxBackoffMs`, with full jitter. */
  backoffMs: number
  maxBackoffMs: number
  /** A try that takes longer is told of: in the log, in a metric, and to the processor. Shorter than `timeoutMs`. */
  softTimeoutMs: number
  /** The processor's signal aborts with `JOB_TIMED_OUT` after this long; 10 s later its place is taken from it. */
  timeoutMs: number
  /**
   * 0 goes first, 9 last. A job of priority n goes among the first after it has waited for n half minutes: others
   * cannot hold it back for ever.
   */
  priority: number
  /** Present: this job waits for others, its children, that are enqueued with it. */
  children?: ChildrenPolicy
  /** How long the job may wait for a worker. The shortest of a queue decides how many workers it should have. */
  waitGoalMs: number
  /** How long finished jobs stay visible; a job id is unique for as long. */
  keepCompletedSeconds: number
  keepFailedSeconds: number
  /** Present: the scheduler ticks this job with `payload` parsed from `{}`. */
  schedule?: Schedule
}

const LONGEST_MS = 86_400_000

/**
 * Fills in the usual limits.
 * @throws AppError `CONFIG_INVALID` without both timeouts, and where a finished job would be forgotten before the window
 *   of its dedup has passed: its key goes with it
 */
export function defineJob<Payload>(
  job: Pick<JobDefinition<Payload>, 'name' | 'queue' | 'payload' | 'timeoutMs' | 'softTimeoutMs'>
    & Partial<JobDefinition<Payload>>,
): JobDefinition<Payload> {
  const whole: JobDefinition<Payload> = {
    version: 1, dedup: { mode: 'keepLast' }, priority: 0, attempts: 5, backoffMs: 1_000, maxBackoffMs: 60_000,
    waitGoalMs: 60_000, keepCompletedSeconds: 3_600, keepFailedSeconds: 7 * 86_400, ...job,
  }
  const { name, softTimeoutMs, timeoutMs, version, attempts, dedup, priority, children } = whole
  const refuse = (what: string) => { throw new AppError('CONFIG_INVALID', `the job ${name} ${what}`) }
  if (!(timeoutMs > 0 && timeoutMs <= LONGEST_MS)) refuse('needs a timeoutMs of at most a day')
  if (!(softTimeoutMs > 0 && softTimeoutMs < timeoutMs)) refuse('needs a softTimeoutMs below its timeoutMs')
  if (!Number.isInteger(version) || version < 1) refuse('needs a version of 1 or more')
  if (!Number.isInteger(attempts) || attempts < 1) refuse('needs at least one attempt')
  if (!Number.isInteger(priority) || priority < 0 || priority > 9) refuse('needs a priority from 0 to 9')
  if (children && !(children.deadlineMs > 0 && children.deadlineMs <= LONGEST_MS)) {
    refuse('needs a deadline of its children of at most a day')
  }
  const { spreadMs = 0, ...schedule } = whole.schedule ?? { everyMs: Infinity }
  if (spreadMs < 0 || ('everyMs' in schedule && spreadMs >= schedule.everyMs)) refuse('needs a spreadMs below its period')
  if ('windowMs' in dedup) {
    const keptMs = Math.min(whole.keepCompletedSeconds, whole.keepFailedSeconds) * 1_000
    if (!(dedup.windowMs > 0)) refuse('needs a window of its dedup')
    if (keptMs < dedup.windowMs) refuse(`is kept for ${keptMs} ms, shorter than its dedup window of ${dedup.windowMs} ms`)
  }
  return Object.freeze(whole)
}

/** The tick that a run stands for. */
export type TickOf = { schedule: string; nominalAt: Date; backfilled: boolean }

export type JobContext<Payload> = {
  payload: Payload
  /** Aborts on timeout, on shutdown past the drain deadline, and when the lock is lost. Pass it on. */
  signal: AbortSignal
  log: Log
  /** Calls back once when the try takes longer than the definition's `softTimeoutMs`; a throw there is ignored. */
  onSoftTimeout(callback: () => void): void
  jobId: string
  /** 1 for the first try; grows with every start of the job, crashes included: a fence. */
  attempt: number
  tick: TickOf | undefined
  /** Of a job that waited for others. */
  children: ChildOutcomes | undefined
}

/** Does a job. The answer is kept with the job: small, and nothing secret. */
export type Processor<Payload, Needs> = (context: JobContext<Payload>, needs: Needs) => Promise<unknown>

/** A definition and its processor. */
export type Job<Payload, Needs> = { definition: JobDefinition<Payload>; process: Processor<Payload, Needs> }

export type EnqueueOptions = {
  /** A second job with the id of one that is still known is ignored. No `:`; not a plain number. */
  jobId?: string
  delayMs?: number
  /** At most one job with this key waits, as the definition's `dedup` says. */
  onlyOne?: string
  /** In place of the definition's. */
  priority?: number
  tick?: TickOf
}

/** A job to wait for. */
export type ChildJob = { job: JobDefinition<any>; payload: unknown }

/** The producer's side of the queues. */
export interface JobQueue extends AsyncDisposable {
  /** Answers the job's id. Rejects with `FIELD_INVALID` for a bad payload, `STORE_UNAVAILABLE` when Redis is away. */
  enqueue<Payload>(job: JobDefinition<Payload>, payload: Payload, options?: EnqueueOptions): Promise<string>
}

/** A producer whose jobs may wait for others. */
export interface FlowQueue extends JobQueue {
  /**
   * Enqueues 1 to 1,000 jobs at once, and one that starts when they have ended, as its `children` policy says. All or
   * none of them. Answers the id of the one that waits. Rejects as `enqueue` does.
   */
  enqueueWithChildren<Payload>(
    job: JobDefinition<Payload>, payload: Payload, children: readonly ChildJob[],
  ): Promise<string>
}

export const JOB_STATES = ['waiting', 'active', 'delayed', 'completed', 'failed', 'prioritized', 'waiting-children'] as const
export type JobState = typeof JOB_STATES[number]

/**
 * What operators told of all jobs of a name. `paused`: they wait. `rollout`: only workers of that release run `share`
 * percent of them, chosen by id, and only others run the rest; 0 is a rollback.
 */
export type JobRule = { job: string; paused: boolean; rollout?: { release: string; share: number } }

export type QueueStatus = {
  queue: string
  paused: boolean
  counts: Record<JobState, number>
  /** Age of the oldest job that is ready to run; undefined when none is. */
  oldestReadySeconds: number | undefined
  /** Since when the oldest dead letter lies there; undefined when none does. */
  oldestDeadSeconds: number | undefined
  workers: number
  /** How many jobs its workers run at a time, in all, as they said lately; 0 when none did. */
  slots: number
  /** Jobs that ended, by second, over the last five minutes. */
  jobsPerSecond: number
  /** Mean of the last 200 tries that succeeded; undefined when none is known. */
  runSeconds: number | undefined
  /** How long a job may wait. */
  waitGoalSeconds: number
  /** How many workers the queue should have. 0 while it is paused or idle; never fewer than run a job now. */
  desiredReplicas: number
  /**
   * Work is ready for half a minute that nobody takes, though a worker has room for it or none is there; or a job is
   * held by a worker that fell silent half a minute ago, and no other is there to take it over.
   */
  stuck: boolean
}

/** A job as an operator sees it. */
export type JobView = {
  queue: string
  job: string
  id: string
  state: JobState
  /** Tries that started, crashed ones included. */
  starts: number
  /** How often its worker ended while it ran. */
  crashes: number
  /** How often it was redriven from the dead letters. */
  redrives: number
  createdAt: Date
  /** When a delayed job is due. */
  dueAt: Date | undefined
  startedAt: Date | undefined
  endedAt: Date | undefined
  /** Why the last try failed: a code, a colon, words. */
  reason: string | undefined
  /** The last worker that took it, as `host-pid`. */
  host: string | undefined
  payload: unknown
}

/** Which dead letters; an absent field means any. `reason` is a part of the reason, such as an error's code. */
export type DeadLetterFilter = { job?: string; reason?: string }

/** The operator's side of the queues. Unknown names reject with `QUEUE_UNKNOWN`, unknown jobs with `RECORD_UNKNOWN`. */
export interface QueueAdmin extends AsyncDisposable {
  listQueues(): Promise<QueueStatus[]>
  pause(queue: string): Promise<void>
  resume(queue: string): Promise<void>
  /** Puts failed jobs back to waiting; answers how many. */
  retryFailed(queue: string): Promise<number>
  /** Deletes waiting and delayed jobs; answers how many. */
  drain(queue: string): Promise<number>
  /** The first jobs of a state in the queue's own order: next to run first, last to end first. At most 1,000. */
  listJobs(queue: string, state: JobState, limit: number): Promise<JobView[]>
  getJob(queue: string, id: string): Promise<JobView>
  /**
   * Sees to it that a job is not run, or no longer: one that waits is taken out, one that runs is aborted by its worker
   * within 2 s, and one of the same id that comes within eight days does not run either (in the first half second it
   * may start, and is aborted). Rejects with `JOB_ENDED` when it has ended already.
   */
  cancelJob(queue: string, id: string): Promise<'removed' | 'aborting'>
  /** What was told of jobs; those without a rule are left out. */
  listRules(): Promise<JobRule[]>
  /**
   * Replaces the rule of a job. Workers follow within half a second; a job that is not theirs to run is put off ten
   * seconds at a time and uses up no try. Rejects with `JOB_UNKNOWN`, and with `FIELD_INVALID` for a share that is no
   * whole number from 0 to 100.
   */
  putRule(rule: JobRule): Promise<void>
  /** Dead letters, the newest first, with up to `limit` that the filter lets through. */
  listDead(queue: string, filter: DeadLetterFilter, limit: number): Promise<JobView[]>
  /** Puts a dead letter back to waiting with all its tries; false when somebody else was faster. */
  redriveDead(queue: string, id: string): Promise<boolean>
  /** Deletes a dead letter; false when it is none any more. */
  deleteDead(queue: string, id: string): Promise<boolean>
}
