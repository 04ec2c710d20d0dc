import type { Log } from '@tallyfleet/ports'
import { Job, Worker } from 'bullmq'
import { backoffMsOf } from './backoff.ts'
import type { Connection } from './redis-connection.ts'
import { RetryBudget } from './retry-budget.ts'
import { cancelled, runJob, type RunNeeds } from './run-job.ts'
import { RunAborted, RunningTry } from './running-try.ts'
import { TryClock } from './try-clock.ts'

/**
 * A lock outlives its last renewal by this long: a worker that dies is found this long and one check later. Together
 * four seconds below the 20 that are promised, for a machine that is busy.
 */
const LOCK_MS = 13_000
const STALL_CHECK_MS = 2_500
/** A try is aborted when its lock was not renewed for this long: before the lock runs out, even if Redis is silent. */
const RENEWAL_LIMIT_MS = LOCK_MS - 3_000
const WATCH_MS = 500
/** Crashes are counted by the runner, against the job's own tries. */
const NO_LIMIT = 1_000_000
const SAY_AGAIN_MS = 10_000

/** Serves one queue: fetches, keeps the locks of what runs, and lets go in order. */
export class QueueWorker<Needs> {
  readonly queue: string
  readonly concurrency: number
  readonly #worker: Worker
  readonly #running = new Map<string, RunningTry>()
  readonly #clock = new TryClock(this.#running)
  readonly #watch: NodeJS.Timeout
  readonly #budget = new RetryBudget()
  #handingBack = false
  #lastStartedAt: number | undefined

  constructor({ queue, concurrency, connection, prefix, name, run }: {
    queue: string
    concurrency: number
    connection: Connection
    prefix: string
    name: string
    run: RunNeeds<Needs>
  }) {
    this.queue = queue
    this.concurrency = concurrency
    this.#worker = new Worker(queue, (job, token) => this.#run(job, token!, run), {
      connection, prefix, name, concurrency,
      lockDuration: LOCK_MS, stalledInterval: STALL_CHECK_MS, maxStalledCount: NO_LIMIT,
      settings: {
        backoffStrategy: (failures, _type, _error, job) => {
          const definition = job && run.jobs.get(job.name)?.definition
          if (!definition) return 0
          if (this.#budget.take()) return backoffMsOf(failures, definition)
          run.metrics?.budgetEmpty.inc({ queue })
          return definition.maxBackoffMs
        },
      },
    })
    this.#worker.on('locksRenewed', ({ jobIds }) => {
      for (const id of jobIds) {
        const running = this.#running.get(id)
        if (running) running.renewedAt = performance.now()
      }
    })
    this.#worker.on('lockRenewalFailed', (ids) => { for (const id of ids) this.#stop(id, new RunAborted('lock lost')) })
    this.#worker.on('stalled', (jobId) => {
      run.metrics?.stalled.inc({ queue })
      run.log.warn({ queue, jobId }, 'job of a dead worker put back')
      if (run.observer?.stalled) void this.#tellStalled(jobId, run)
    })
    this.#worker.on('error', oncePer(SAY_AGAIN_MS, (error) => {
      run.log.warn({ queue, err: error }, 'queue worker troubled')
    }))
    this.#watch = setInterval(() => this.#abortUnrenewed(), WATCH_MS)
    this.#watch.unref()
  }

  /** BullMQ names the job by its id alone; stalls are rare enough to look it up. */
  async #tellStalled(jobId: string, { observer, log }: RunNeeds<Needs>): Promise<void> {
    try {
      const job = await Job.fromId(this.#worker, jobId)
      if (job) observer?.stalled?.({ queue: this.queue, job: job.name, jobId, enqueuedAt: new Date(job.timestamp) })
    } catch (error) {
      log.warn({ queue: this.queue, jobId, err: error }, 'stalled job not told of')
    }
  }

  get active(): number {
    return this.#running.size
  }

  get lastStartedAt(): Date | undefined {
    return this.#lastStartedAt === undefined ? undefined : new Date(this.#lastStartedAt)
  }

  async waitUntilReady(): Promise<void> {
    await this.#worker.waitUntilReady()
  }

  #run(job: Job, token: string, needs: RunNeeds<Needs>): Promise<unknown> {
    const tried = new RunningTry(job, this.#running, needs)
    this.#lastStartedAt = Date.now()
    this.#budget.started()
    if (this.#handingBack) tried.stop(new RunAborted('drain'))
    return runJob(tried, token, this.#clock, needs)
  }

  /** Redis may be silent, and then no renewal fails either: time alone tells that a lock may be gone. */
  #abortUnrenewed(): void {
    const limit = performance.now() - RENEWAL_LIMIT_MS
    for (const [id, { renewedAt }] of this.#running) if (renewedAt < limit) this.#stop(id, new RunAborted('lock lost'))
  }

  #stop(jobId: string, reason: Error): void {
    this.#running.get(jobId)?.stop(reason)
  }

  /** Ends a job that an operator cancelled, if it runs here. */
  cancel(jobId: string): void {
    this.#stop(jobId, cancelled())
  }

  /** Fetches no more, gives what runs `drainMs` to end, then hands it back, and closes. Locks are kept until then. */
  async drain(drainMs: number): Promise<void> {
    const closed = this.#worker.close()
    const timer = setTimeout(() => {
      this.#handingBack = true
      for (const id of this.#running.keys()) this.#stop(id, new RunAborted('drain'))
    }, drainMs)
    await closed
    clearTimeout(timer)
    clearInterval(this.#watch)
    this.#clock[Symbol.dispose]()
  }
}

/** A worker that lost Redis says so with every try to fetch. */
function oncePer(quietMs: number, say: (error: Error) => void): (error: Error) => void {
  let saidAt = -Infinity
  return (error) => {
    if (performance.now() - saidAt < quietMs) return
    saidAt = performance.now()
    say(error)
  }
}
