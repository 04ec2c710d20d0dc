import { AppError } from '@tallyfleet/domain'
import type { Job as JobOf, Log } from '@tallyfleet/ports'
import type { Job } from 'bullmq'
import type { JobMetrics } from './queue-metrics.ts'

/** Why the runner ends a try: the reason of its signal. A timeout or a cancellation is an AppError instead. */
export class RunAborted extends Error {
  readonly why: 'drain' | 'lock lost'

  constructor(why: 'drain' | 'lock lost') {
    super(why === 'drain' ? 'the worker is shutting down' : 'the lock of the job is lost')
    this.name = 'RunAborted'
    this.why = why
  }
}

/** How long a processor may take to notice its signal before its try is ended without it. */
const GRACE_MS: Readonly<Record<string, number>> = { drain: 500, 'lock lost': 500, JOB_CANCELLED: 1_000, JOB_TIMED_OUT: 10_000 }

/**
 * One try while it runs: its end from outside, and its two timeouts. Thousands of them come by in a second, so each is
 * one object, whose signal, grace and log fields are made when somebody needs them: most tries end without.
 */
export class RunningTry {
  readonly job: Job
  /** The job's definition and processor; undefined when this release does not know it. */
  readonly found: JobOf<any, any> | undefined
  /** Always the same object for one kind of job, by which metrics find it at a glance. */
  readonly labels: { queue: string; job: string }
  readonly startedAt = performance.now()
  /** When its lock was last known to be ours, in ms of `performance.now()`; for whoever renews it. */
  renewedAt = this.startedAt
  /** When `passDue` shall be called, in ms of `performance.now()`. */
  dueAt = Infinity
  onSoftTimeout: (() => void) | undefined
  readonly #running: Map<string, RunningTry>
  readonly #log: Log
  readonly #metrics: JobMetrics | undefined
  #isSlow = false
  #controller: AbortController | undefined
  #reason: Error | undefined
  #giveUp: ((reason: Error) => void) | undefined
  #grace: NodeJS.Timeout | undefined

  /**
   * @param running the tries of a worker by job, which this one enters until it has ended. An earlier try of the same job
   *   is stopped: this one would not have started, had it kept its lock.
   */
  constructor(job: Job, running: Map<string, RunningTry>, { jobs, log, metrics }: {
    jobs: ReadonlyMap<string, JobOf<any, any>>; log: Log; metrics: JobMetrics | undefined
  }) {
    running.get(job.id!)?.stop(new RunAborted('lock lost'))
    running.set(job.id!, this)
    this.#running = running
    this.job = job
    this.found = jobs.get(job.name)
    this.labels = labelsOf(job.queueName, this.found ? job.name : 'unknown')
    this.#log = log
    this.#metrics = metrics
  }

  /** Why the try was stopped; undefined while it may go on. */
  get reason(): Error | undefined {
    return this.#reason
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#reason) this.#controller.abort(this.#reason)
    return this.#controller.signal
  }

  /** What names the try in the log. */
  get fields(): Record<string, unknown> {
    const { queueName, name, id, attemptsStarted } = this.job
    return { queue: queueName, job: name, jobId: id, attempt: attemptsStarted }
  }

  /** Starts the clock of the timeouts. */
  begin(): void {
    this.dueAt = performance.now() + this.found!.definition.softTimeoutMs
  }

  /** Tells of the soft timeout at the first call, and stops the try at the second. */
  passDue(): void {
    const { name, softTimeoutMs, timeoutMs } = this.found!.definition
    if (this.#isSlow) {
      this.dueAt = Infinity
      this.stop(new AppError('JOB_TIMED_OUT', `${name} ran longer than ${timeoutMs} ms`))
      return
    }
    this.#isSlow = true
    this.dueAt += timeoutMs - softTimeoutMs
    this.#metrics?.softTimeouts.inc(this.labels)
    this.#log.warn({ ...this.fields, softTimeoutMs, timeoutMs }, 'job run is slow')
    try {
      this.onSoftTimeout?.()
    } catch (error) {
      this.#log.warn({ ...this.fields, err: error }, 'soft timeout not heard')
    }
  }

  /** Only the first reason counts. */
  stop(reason: Error): void {
    if (this.#reason) return
    this.#reason = reason
    this.#controller?.abort(reason)
    this.#startGrace()
  }

  /** The end of the work, or the reason of its stop when it does not end within its grace after that. */
  endOf(work: Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#giveUp = reject
      work.then(resolve, reject)
      this.#startGrace()
    })
  }

  #startGrace(): void {
    const reason = this.#reason
    if (!reason || !this.#giveUp) return
    const why = reason instanceof RunAborted ? reason.why : reason instanceof AppError ? reason.code : 'JOB_TIMED_OUT'
    this.#grace = setTimeout(() => {
      this.#metrics?.abandoned.inc(this.labels)
      this.#log.error({ ...this.fields, why }, 'processor ignores its signal')
      this.#giveUp!(reason)
    }, GRACE_MS[why])
  }

  /** Its work has ended: nothing is due any more, and nothing left to give up. */
  endWork(): void {
    this.dueAt = Infinity
    this.#giveUp = undefined
    if (this.#grace) clearTimeout(this.#grace)
  }

  /** The try has ended, and what became of the job is settled. */
  leave(): void {
    if (this.#running.get(this.job.id!) === this) this.#running.delete(this.job.id!)
  }
}

/** By queue and job, whose names are those of the registry. */
const known = new Map<string, Map<string, { queue: string; job: string }>>()

function labelsOf(queue: string, job: string): { queue: string; job: string } {
  let ofQueue = known.get(queue)
  if (!ofQueue) known.set(queue, (ofQueue = new Map()))
  let labels = ofQueue.get(job)
  if (!labels) ofQueue.set(job, (labels = { queue, job }))
  return labels
}
