import { AppError, toAppError } from '@tallyfleet/domain'
import type { Job as JobOf, Log, TickOf } from '@tallyfleet/ports'
import { DelayedError, UnrecoverableError, WaitingError, type Job } from 'bullmq'
import { unwrapPayload } from './job-envelope.ts'
import { outcomeOf } from './outcome.ts'
import type { JobMetrics } from './queue-metrics.ts'

/** One try of one job. */
export type JobRun = { job: string; jobId: string; attempt: number; tick: TickOf | undefined }

/** How a try ended. `retry` and `later` come back by themselves; `handed back` goes on elsewhere. */
export type RunEnd = 'done' | 'retry' | 'later' | 'dead' | 'handed back' | 'lock lost'

/** Is told of every try. What it throws is logged, and never changes the job. */
export type RunObserver = {
  started(run: JobRun): Promise<void>
  ended(run: JobRun, end: RunEnd, error: AppError | undefined): Promise<void>
}

/** Why the runner aborts a try: the reason of its signal. A timeout is an AppError `JOB_TIMED_OUT` instead. */
export class RunAborted extends Error {
  readonly why: 'drain' | 'lock lost'

  constructor(why: 'drain' | 'lock lost') {
    super(why === 'drain' ? 'the worker is shutting down' : 'the lock of the job is lost')
    this.name = 'RunAborted'
    this.why = why
  }
}

export type RunNeeds<Needs> = {
  jobs: ReadonlyMap<string, JobOf<any, Needs>>
  needs: Needs
  log: Log
  metrics: JobMetrics | undefined
  observer: RunObserver | undefined
}

/** How long a processor may take to notice its signal before its try is ended without it. */
const GRACE_MS = { 'timed out': 10_000, drain: 500, 'lock lost': 500 } as const

/**
 * Runs one try of a job and turns what its processor throws into the control errors of BullMQ. `controller` aborts the
 * try from outside; the timeout does so from here.
 */
export async function runJob<Needs>(
  job: Job, token: string, controller: AbortController,
  { jobs, needs, log: parent, metrics, observer }: RunNeeds<Needs>,
): Promise<unknown> {
  const labels = { queue: job.queueName, job: jobs.has(job.name) ? job.name : 'unknown' }
  const run: JobRun = { job: job.name, jobId: job.id!, attempt: job.attemptsStarted, tick: undefined }
  const log = parent.child({ queue: job.queueName, job: job.name, jobId: run.jobId, attempt: run.attempt })
  const startedAt = performance.now()
  if (job.attemptsStarted === 1 && job.processedOn !== undefined) {
    metrics?.wait.observe(labels, Math.max(0, job.processedOn - job.timestamp - (job.opts.delay ?? 0)) / 1_000)
  }
  metrics?.starts.inc(labels)

  const end = async (how: RunEnd, error?: AppError) => {
    const durationMs = Math.round(performance.now() - startedAt)
    metrics?.run.observe(labels, durationMs / 1_000)
    if (how === 'handed back') metrics?.handedBack.inc(labels)
    else if (how === 'lock lost') metrics?.locksLost.inc(labels)
    else if (error) metrics?.failures.inc({ ...labels, outcome: how })
    const bad = how === 'dead' || error?.kind === 'internal'
    const level = bad ? 'error' : error || how === 'lock lost' ? 'warn' : 'info'
    log[level]({ durationMs, end: how, ...(error && { err: error }) }, 'job run ended')
    await tell(observer?.ended(run, how, error), log)
  }

  let definition
  try {
    const found = jobs.get(job.name)
    if (!found) throw new AppError('RECORD_UNKNOWN', `no processor for the job ${job.name}`)
    definition = found.definition
    const { payload, tick } = unwrapPayload(definition, job.data)
    run.tick = tick
    // Crashes use up tries too: a payload that kills its worker must not kill every worker in turn.
    if (triesUsedBy(job) >= definition.attempts) {
      throw new AppError('FIELD_INVALID', `given up: its worker ended ${job.stalledCounter} times while it ran`)
    }
    controller.signal.throwIfAborted()
    await tell(observer?.started(run), log)
    const { timeoutMs } = definition
    const timer = setTimeout(() => {
      controller.abort(new AppError('JOB_TIMED_OUT', `${job.name} ran longer than ${timeoutMs} ms`))
    }, timeoutMs)
    try {
      const { jobId, attempt } = run
      const work = found.process({ payload, signal: controller.signal, log, jobId, attempt, tick }, needs)
      const answer = await endedByGrace(work, controller.signal, log)
      await end('done')
      return answer
    } finally {
      clearTimeout(timer)
    }
  } catch (thrown) {
    const { reason } = controller.signal
    if (reason instanceof RunAborted) {
      if (reason.why === 'drain') await handBack(job, token, log)
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
    const told = new (dead ? UnrecoverableError : Error)(`${error.code}: ${error.message}`)
    if (error.stack) told.stack = error.stack
    throw told
  }
}

function triesUsedBy(job: Job): number {
  return job.attemptsMade + job.stalledCounter
}

/**
 * Puts the job at the head of its queue, for another worker to start at once. Uses up no try. Where that fails the job
 * is found without a lock later on.
 */
async function handBack(job: Job, token: string, log: Log): Promise<void> {
  try {
    await job.moveToWait(token)
  } catch (error) {
    log.warn({ err: error }, 'job not handed back')
  }
}

/** The end of `work`, or the signal's reason when work does not end within its grace after the signal. */
async function endedByGrace(work: Promise<unknown>, signal: AbortSignal, log: Log): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined
  let listen: (() => void) | undefined
  const deaf = new Promise<never>((_, reject) => {
    listen = () => {
      const why = signal.reason instanceof RunAborted ? signal.reason.why : 'timed out'
      timer = setTimeout(() => {
        log.error({ why }, 'processor ignores its signal')
        reject(signal.reason)
      }, GRACE_MS[why])
    }
    signal.addEventListener('abort', listen, { once: true })
  })
  try {
    return await Promise.race([work, deaf])
  } finally {
    clearTimeout(timer)
    if (listen) signal.removeEventListener('abort', listen)
  }
}

async function tell(told: Promise<void> | undefined, log: Log): Promise<void> {
  try {
    await told
  } catch (error) {
    log.warn({ err: error }, 'run not noted')
  }
}
