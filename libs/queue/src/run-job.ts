import { AppError, toAppError } from '@tallyfleet/domain'
import type { ChildOutcomes, Job as JobOf, JobContext, JobDefinition, Log, TickOf } from '@tallyfleet/ports'
import { DelayedError, UnrecoverableError, WaitingError, type Job } from 'bullmq'
import { readChildren } from './job-children.ts'
import { unwrapPayload } from './job-envelope.ts'
import { isTracing, traceTry, type TraceCarrier, type TracedTry } from './job-trace.ts'
import { outcomeOf } from './outcome.ts'
import type { JobMetrics } from './queue-metrics.ts'
import { RunAborted, type TryStopper } from './try-stopper.ts'

/** One try of one job. */
export type JobRun = {
  queue: string; job: string; jobId: string; attempt: number; tick: TickOf | undefined
  /** When the job was enqueued: with queue and id it tells one job from a later one of the same id. */
  enqueuedAt: Date
}

/** How a try ended. `retry` and `later` come back by themselves; `handed back` goes on elsewhere. */
export type RunEnd = 'done' | 'retry' | 'later' | 'dead' | 'handed back' | 'lock lost'

/** Is told of every try. What it throws is logged, and never changes the job. */
export type RunObserver = {
  started(run: JobRun): Promise<void>
  ended(run: JobRun, end: RunEnd, error: AppError | undefined, durationMs: number): Promise<void>
  /** A job was found without a worker, and put back. */
  stalled?(run: Pick<JobRun, 'queue' | 'job' | 'jobId' | 'enqueuedAt'>): void
}

export type RunNeeds<Needs> = {
  jobs: ReadonlyMap<string, JobOf<any, Needs>>
  needs: Needs
  log: Log
  metrics: JobMetrics | undefined
  observer: RunObserver | undefined
  /** False at once for nearly every job: a promise would cost each of them a turn. */
  isCancelled(queue: string, jobId: string): Promise<boolean> | false
  /** Throws when operators keep the job, or give it to workers of another release. */
  checkRules(job: string, jobId: string): void
}

/** How long a processor may take to notice its signal before its try is ended without it. */
const GRACE_MS = { drain: 500, 'lock lost': 500, JOB_CANCELLED: 1_000, JOB_TIMED_OUT: 10_000 } as const
/** A try that is done sooner than this is told of at level debug: the metrics count it. */
const SLOW_MS = 1_000

/**
 * Runs one try of a job and turns what its processor throws into the control errors of BullMQ. `stopper` ends the try
 * from outside; the timeout does so from here.
 */
export function runJob<Needs>(job: Job, token: string, stopper: TryStopper, run: RunNeeds<Needs>): Promise<unknown> {
  if (!isTracing()) return runTraced(job, token, stopper, run, undefined)
  const carrier = (job.data as { trace?: TraceCarrier } | undefined)?.trace
  const names = { queue: job.queueName, job: job.name, jobId: job.id!, attempt: job.attemptsStarted, carrier }
  return traceTry(names, (traced) => runTraced(job, token, stopper, run, traced))
}

async function runTraced<Needs>(
  job: Job, token: string, stopper: TryStopper, runNeeds: RunNeeds<Needs>, traced: TracedTry | undefined,
): Promise<unknown> {
  const { jobs, needs, log: parent, metrics, observer, isCancelled, checkRules } = runNeeds
  const found = jobs.get(job.name)
  const definition: JobDefinition<any> | undefined = found?.definition
  const labels = { queue: job.queueName, job: found ? job.name : 'unknown' }
  const run: JobRun = {
    queue: job.queueName, job: job.name, jobId: job.id!, attempt: job.attemptsStarted, tick: undefined,
    enqueuedAt: new Date(job.timestamp),
  }
  const fields = { queue: job.queueName, job: job.name, jobId: run.jobId, attempt: run.attempt }
  const startedAt = performance.now()
  if (job.attemptsStarted === 1 && job.processedOn !== undefined && !definition?.children) {
    metrics?.wait.observe(labels, Math.max(0, job.processedOn - job.timestamp - (job.opts.delay ?? 0)) / 1_000)
  }
  metrics?.starts.inc(labels)

  const end = (how: RunEnd, error?: AppError): Promise<void> | undefined => {
    const durationMs = Math.round(performance.now() - startedAt)
    metrics?.run.observe(labels, durationMs / 1_000)
    if (how === 'handed back') metrics?.handedBack.inc(labels)
    else if (how === 'lock lost') metrics?.locksLost.inc(labels)
    else if (error) metrics?.failures.inc({ ...labels, outcome: how })
    if (how === 'done' || how === 'dead') metrics?.attempts.observe(labels, run.attempt)
    parent[levelOf(how, error, durationMs)]({ ...fields, durationMs, end: how, ...(error && { err: error }) }, 'job run ended')
    traced?.ended(how, error?.code)
    return observer && tell(observer.ended(run, how, error, durationMs), parent)
  }

  try {
    if (!found || !definition) throw new AppError('JOB_VERSION_UNKNOWN', `no processor for the job ${job.name}`)
    const { payload, tick, children: enqueued } = unwrapPayload(definition, job.data)
    run.tick = tick
    const isOff = isCancelled(job.queueName, run.jobId)
    if (isOff && await isOff) throw cancelled()
    checkRules(job.name, run.jobId)
    const children = enqueued === undefined ? undefined : await readChildren(job, definition, enqueued)
    // Crashes use up tries too: a payload that kills its worker must not kill every worker in turn.
    if (triesUsedBy(job) >= definition.attempts) {
      throw new AppError('FIELD_INVALID', `given up: its worker ended ${job.stalledCounter} times while it ran`)
    }
    if (stopper.reason) throw stopper.reason
    if (observer) await tell(observer.started(run), parent)
    const watch = new TryWatch(definition, stopper, parent, fields, () => metrics?.softTimeouts.inc(labels))
    const context = new TryContext(payload, children, run, { stopper, watch, log: parent, fields })
    try {
      const answer = await endedByGrace(() => found.process(context, needs), stopper, (why) => {
        metrics?.abandoned.inc(labels)
        parent.error({ ...fields, why }, 'processor ignores its signal')
      })
      const told = end('done')
      if (told) await told
      return answer
    } finally {
      watch.stop()
    }
  } catch (thrown) {
    const { reason } = stopper
    if (reason instanceof RunAborted) {
      if (reason.why === 'drain') await handBack(job, token, parent)
      // With its lock lost the job is somebody else's, or will be found without one and put back.
      await end(reason.why === 'drain' ? 'handed back' : 'lock lost')
      throw new WaitingError()
    }
    const error = toAppError(reason ?? thrown)
    const outcome = outcomeOf(error)
    if (outcome.is === 'later') {
      await job.moveToDelayed(Date.now() + outcome.delayMs, token)
      await end('later', error)
      throw new DelayedError()
    }
    const dead = outcome.is === 'dead' || triesUsedBy(job) + 1 >= (definition?.attempts ?? 1)
    await end(dead ? 'dead' : 'retry', error)
    if (!dead && traced) await tell(job.updateData({ ...job.data, trace: traced.next }), parent)
    const told = new (dead ? UnrecoverableError : Error)(`${error.code}: ${error.message}`)
    if (error.stack) told.stack = error.stack
    throw told
  }
}

/** What a cancelled job ends with. */
export function cancelled(): AppError {
  return new AppError('JOB_CANCELLED', 'cancelled by an operator')
}

function levelOf(how: RunEnd, error: AppError | undefined, durationMs: number): 'debug' | 'info' | 'warn' | 'error' {
  if (error?.code === 'JOB_CANCELLED') return 'info'
  if (error?.code === 'JOB_PAUSED' || error?.code === 'JOB_ELSEWHERE') return 'debug'
  if (how === 'dead' || error?.kind === 'internal') return 'error'
  if (error || how === 'lock lost') return 'warn'
  return how === 'done' && durationMs < SLOW_MS ? 'debug' : 'info'
}

function triesUsedBy(job: Job): number {
  return job.attemptsMade + job.stalledCounter
}

/** What a processor sees of its try. The signal and the log are made when asked for: most tries end without. */
class TryContext implements JobContext<unknown> {
  readonly payload: unknown
  readonly children: ChildOutcomes | undefined
  readonly jobId: string
  readonly attempt: number
  readonly tick: TickOf | undefined
  readonly onSoftTimeout: (callback: () => void) => void
  readonly #parts: { stopper: TryStopper; log: Log; fields: Record<string, unknown> }
  #log: Log | undefined

  constructor(
    payload: unknown, children: ChildOutcomes | undefined, { jobId, attempt, tick }: JobRun,
    parts: { stopper: TryStopper; watch: TryWatch; log: Log; fields: Record<string, unknown> },
  ) {
    this.payload = payload
    this.children = children
    this.jobId = jobId
    this.attempt = attempt
    this.tick = tick
    this.onSoftTimeout = (callback) => { parts.watch.onSoftTimeout = callback }
    this.#parts = parts
  }

  get signal(): AbortSignal {
    return this.#parts.stopper.signal
  }

  get log(): Log {
    return (this.#log ??= this.#parts.log.child(this.#parts.fields))
  }
}

/** The two timeouts of a try, with one timer at a time: nearly every try ends before the first. */
class TryWatch {
  onSoftTimeout: (() => void) | undefined
  #timer: NodeJS.Timeout

  constructor(
    { name, softTimeoutMs, timeoutMs }: JobDefinition<any>, stopper: TryStopper, log: Log, fields: Record<string, unknown>,
    count: () => void,
  ) {
    this.#timer = setTimeout(() => {
      count()
      log.warn({ ...fields, softTimeoutMs, timeoutMs }, 'job run is slow')
      this.#timer = setTimeout(() => {
        stopper.stop(new AppError('JOB_TIMED_OUT', `${name} ran longer than ${timeoutMs} ms`))
      }, timeoutMs - softTimeoutMs)
      try {
        this.onSoftTimeout?.()
      } catch (error) {
        log.warn({ ...fields, err: error }, 'soft timeout not heard')
      }
    }, softTimeoutMs)
  }

  stop(): void {
    clearTimeout(this.#timer)
  }
}

/**
 * Puts the job at the head of its queue, for another worker to start at once. Uses up no try. Where that fails the job
 * is found without a lock later on.
 */
async function handBack(job: Job, token: string, log: Log): Promise<void> {
  try {
    await job.moveToWait(token)
  } catch (error) {
    log.warn({ err: error, jobId: job.id }, 'job not handed back')
  }
}

/** The end of the work, or the reason of its stop when it does not end within its grace after that. */
function endedByGrace(
  work: () => Promise<unknown>, stopper: TryStopper, abandoned: (why: string) => void,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined
    let ended = false
    stopper.onStop((reason) => {
      if (ended) return
      const why = reason instanceof RunAborted ? reason.why : reason instanceof AppError ? reason.code : 'JOB_TIMED_OUT'
      timer = setTimeout(() => {
        abandoned(why)
        reject(reason)
      }, GRACE_MS[why as keyof typeof GRACE_MS])
    })
    const end = () => {
      ended = true
      clearTimeout(timer)
    }
    work().then((answer) => {
      end()
      resolve(answer)
    }, (error) => {
      end()
      reject(error)
    })
  })
}

async function tell(told: Promise<void>, log: Log): Promise<void> {
  try {
    await told
  } catch (error) {
    log.warn({ err: error }, 'run not noted')
  }
}
