import { AppError, toAppError } from '@tallyfleet/domain'
import type { ChildOutcomes, Job as JobOf, JobContext, JobDefinition, Log, TickOf } from '@tallyfleet/ports'
import { DelayedError, UnrecoverableError, WaitingError, type Job } from 'bullmq'
import { readChildren } from './job-children.ts'
import { unwrapPayload } from './job-envelope.ts'
import { isTracing, traceTry, type TraceCarrier, type TracedTry } from './job-trace.ts'
import { outcomeOf } from './outcome.ts'
import type { JobMetrics } from './queue-metrics.ts'
import { RunAborted, type RunningTry } from './running-try.ts'
import type { TryClock } from './try-clock.ts'

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

/** A try that is done sooner than this is told of at level debug: the metrics count it. */
const SLOW_MS = 1_000
/** So many of a job's last failures keep their stack. Set at a failure: in the options of each job it would be carried by all. */
const STACK_TRACES = 3

/**
 * Runs one try of a job and turns what its processor throws into the control errors of BullMQ. The try is stopped from
 * outside; `clock` tells it when a timeout has passed.
 */
export function runJob<Needs>(tried: RunningTry, token: string, clock: TryClock, run: RunNeeds<Needs>): Promise<unknown> {
  if (!isTracing()) return runTraced(tried, token, clock, run, undefined)
  const { job } = tried
  const carrier = (job.data as { trace?: TraceCarrier } | undefined)?.trace
  const names = { queue: job.queueName, job: job.name, jobId: job.id!, attempt: job.attemptsStarted, carrier }
  return traceTry(names, (traced) => runTraced(tried, token, clock, run, traced))
}

async function runTraced<Needs>(
  tried: RunningTry, token: string, clock: TryClock, run: RunNeeds<Needs>, traced: TracedTry | undefined,
): Promise<unknown> {
  const { job, found } = tried
  const { log, metrics, observer } = run
  const definition: JobDefinition<any> | undefined = found?.definition
  let told: JobRun | undefined
  if (job.attemptsStarted === 1 && job.processedOn !== undefined && !definition?.children) {
    metrics?.wait.observe(tried.labels, Math.max(0, job.processedOn - job.timestamp - (job.opts.delay ?? 0)) / 1_000)
  }
  metrics?.starts.inc(tried.labels)
  try {
    if (!found || !definition) throw new AppError('JOB_VERSION_UNKNOWN', `no processor for the job ${job.name}`)
    const { payload, tick, children: enqueued } = unwrapPayload(definition, job.data)
    told = observer && runOf(job, tick)
    const isOff = run.isCancelled(job.queueName, job.id!)
    if (isOff && await isOff) throw cancelled()
    run.checkRules(job.name, job.id!)
    const children = enqueued === undefined ? undefined : await readChildren(job, definition, enqueued)
    // Crashes use up tries too: a payload that kills its worker must not kill every worker in turn.
    if (triesUsedBy(job) >= definition.attempts) {
      throw new AppError('FIELD_INVALID', `given up: its worker ended ${job.stalledCounter} times while it ran`)
    }
    if (tried.reason) throw tried.reason
    if (observer) await tell(observer.started(told!), log)
    tried.begin()
    clock.watch(tried)
    try {
      const answer = await tried.endOf(found.process(new TryContext(tried, log, payload, tick, children), run.needs))
      const noted = end(tried, run, told, traced, 'done')
      if (noted) await noted
      return answer
    } finally {
      tried.endWork()
    }
  } catch (thrown) {
    const { reason } = tried
    told ??= observer && runOf(job, undefined)
    if (reason instanceof RunAborted) {
      if (reason.why === 'drain') await handBack(job, token, log)
      // With its lock lost the job is somebody else's, or will be found without one and put back.
      await end(tried, run, told, traced, reason.why === 'drain' ? 'handed back' : 'lock lost')
      throw new WaitingError()
    }
    const error = toAppError(reason ?? thrown)
    const outcome = outcomeOf(error)
    if (outcome.is === 'later') {
      await job.moveToDelayed(Date.now() + outcome.delayMs, token)
      await end(tried, run, told, traced, 'later', error)
      throw new DelayedError()
    }
    const dead = outcome.is === 'dead' || triesUsedBy(job) + 1 >= (definition?.attempts ?? 1)
    await end(tried, run, told, traced, dead ? 'dead' : 'retry', error)
    if (!dead && traced) await tell(job.updateData({ ...job.data, trace: traced.next }), log)
    job.opts.stackTraceLimit = STACK_TRACES
    const failure = new (dead ? UnrecoverableError : Error)(`${error.code}: ${error.message}`)
    if (error.stack) failure.stack = error.stack
    throw failure
  } finally {
    tried.leave()
  }
}

/** Counts and tells how a try ended. */
function end<Needs>(
  { job, labels, fields, startedAt }: RunningTry, { metrics, log, observer }: RunNeeds<Needs>, run: JobRun | undefined,
  traced: TracedTry | undefined, how: RunEnd, error?: AppError,
): Promise<void> | undefined {
  const durationMs = Math.round(performance.now() - startedAt)
  metrics?.run.observe(labels, durationMs / 1_000)
  if (how === 'handed back') metrics?.handedBack.inc(labels)
  else if (how === 'lock lost') metrics?.locksLost.inc(labels)
  else if (error) metrics?.failures.inc({ ...labels, outcome: how })
  if (how === 'done' || how === 'dead') metrics?.attempts.observe(labels, job.attemptsStarted)
  fields['durationMs'] = durationMs
  fields['end'] = how
  if (error) fields['err'] = error
  log[levelOf(how, error, durationMs)](fields, 'job run ended')
  traced?.ended(how, error?.code)
  return observer && tell(observer.ended(run!, how, error, durationMs), log)
}

function runOf(job: Job, tick: TickOf | undefined): JobRun {
  return {
    queue: job.queueName, job: job.name, jobId: job.id!, attempt: job.attemptsStarted, tick,
    enqueuedAt: new Date(job.timestamp),
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
  readonly tick: TickOf | undefined
  readonly children: ChildOutcomes | undefined
  readonly jobId: string
  readonly attempt: number
  readonly #tried: RunningTry
  readonly #parent: Log
  #log: Log | undefined

  constructor(
    tried: RunningTry, parent: Log, payload: unknown, tick: TickOf | undefined, children: ChildOutcomes | undefined,
  ) {
    this.payload = payload
    this.tick = tick
    this.children = children
    this.jobId = tried.job.id!
    this.attempt = tried.job.attemptsStarted
    this.#tried = tried
    this.#parent = parent
  }

  get signal(): AbortSignal {
    return this.#tried.signal
  }

  get log(): Log {
    return (this.#log ??= this.#parent.child(this.#tried.fields))
  }

  get onSoftTimeout(): (callback: () => void) => void {
    return (callback) => { this.#tried.onSoftTimeout = callback }
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

async function tell(told: Promise<void>, log: Log): Promise<void> {
  try {
    await told
  } catch (error) {
    log.warn({ err: error }, 'run not noted')
  }
}
