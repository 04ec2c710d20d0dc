import { hostname } from 'node:os'
import type { Job, Log } from '@tallyfleet/ports'
import { Queue } from 'bullmq'
import type { Redis } from 'ioredis'
import { checkServer } from './check-server.ts'
import { Cancellations } from './cancellations.ts'
import { cutShort } from './job-children.ts'
import { JobRules } from './job-rules.ts'
import type { QueueChoice } from './queue-choice.ts'
import { PREFIX } from './queue-names.ts'
import { forgetSlots, tellSlots } from './queue-slots.ts'
import { jobMetricsIn, type QueueMetrics } from './queue-metrics.ts'
import { QueueWorker } from './queue-worker.ts'
import { AGE_MS, raiseAged } from './raise-aged.ts'
import { connectWorker, type Connection } from './redis-connection.ts'
import type { RunNeeds, RunObserver } from './run-job.ts'

export type WorkerHealth = {
  /** Redis answers, and no queue is stuck. */
  ok: boolean
  queues: {
    queue: string
    /** Jobs that run in this process. */
    active: number
    lastStartedAt: Date | undefined
    /** Jobs are ready and there is room for them, yet none was started for long: the process should be replaced. */
    stuck: boolean
  }[]
}

/** The workers of one process. Disposing drains them. */
export interface WorkerFleet extends AsyncDisposable {
  health(): WorkerHealth
}

const LOOK_MS = 5_000
/** With the look before and the look after it, work that nobody takes is known within a minute. */
const STUCK_MS = 30_000
const SILENT_MS = 30_000

/**
 * Starts a worker for each chosen queue. A try that is aborted by shutdown goes on in another worker within a second
 * and uses up no try; one whose process was killed, within 20 s, and uses up one.
 * @param drainMs how long running jobs may go on when the fleet is disposed, before they are handed back
 * @throws AppError `STORE_UNAVAILABLE` when Redis does not answer, `STORE_REFUSED` when it would lose jobs in silence
 */
export async function startWorkers<Needs>({
  url, jobs, needs, queues, log, metrics, drainMs, observer, release = 'unnamed', prefix = PREFIX, stuckMs = STUCK_MS,
  ageMs = AGE_MS, needsLog = true,
}: {
  url: string
  jobs: readonly Job<any, Needs>[]
  needs: Needs
  queues: readonly QueueChoice[]
  log: Log
  metrics?: QueueMetrics
  drainMs: number
  observer?: RunObserver
  prefix?: string
  /** How long ready work may lie there untouched. */
  stuckMs?: number
  /** After how long a job of priority 1 goes among the first; of priority n, n times as long. */
  ageMs?: number
  /** What rollouts call the code of this process. */
  release?: string
  /** Whether a Redis without a log on disk is refused. */
  needsLog?: boolean
}): Promise<WorkerFleet> {
  const connection = await connectWorker(url)
  await checkServer(connection, needsLog).catch((error: unknown) => {
    connection.disconnect()
    throw error
  })
  const cancellations = new Cancellations({
    connection, prefix, log,
    told: (queue, jobId) => { for (const worker of workers) if (worker.queue === queue) worker.cancel(jobId) },
  })
  const rules = new JobRules({ connection, prefix, release, log })
  const workers: QueueWorker<Needs>[] = []
  // Before the first job: one may have been cancelled, or its name paused, while no worker was there.
  await Promise.all([cancellations.look(), rules.look()])
  const run: RunNeeds<Needs> = {
    needs, log, observer,
    jobs: new Map(jobs.map((job) => [job.definition.name, job])),
    metrics: metrics && jobMetricsIn(metrics),
    isCancelled: (queue, jobId) => cancellations.has(queue, jobId),
    checkRules: (job, jobId) => rules.check(job, jobId),
  }
  const name = `${hostname()}-${process.pid}`
  workers.push(...queues.map((choice) => new QueueWorker({
    queue: choice.name, concurrency: choice.concurrency, connection, prefix, name, run,
  })))
  await Promise.all(workers.map((worker) => worker.waitUntilReady()))
  await tellSlots(connection, prefix, name, workers)
  return new Fleet({ connection, prefix, name, workers, watches: [cancellations, rules], drainMs, stuckMs, ageMs, run })
}

type FleetParts<Needs> = {
  connection: Connection
  prefix: string
  name: string
  workers: readonly QueueWorker<Needs>[]
  watches: readonly Disposable[]
  drainMs: number
  stuckMs: number
  ageMs: number
  run: RunNeeds<Needs>
}

class Fleet<Needs> implements WorkerFleet {
  readonly #parts: FleetParts<Needs>
  readonly #queues: ReadonlyMap<string, Queue>
  readonly #timer: NodeJS.Timeout
  #looking = false
  #answeredAt = Date.now()
  /** Since when each queue has had jobs that are ready and room for them. */
  readonly #idleSince = new Map<string, number>()

  constructor(parts: FleetParts<Needs>) {
    this.#parts = parts
    const { workers, connection, prefix, stuckMs, ageMs } = parts
    this.#queues = new Map(workers.map(({ queue }) => [queue, new Queue(queue, { connection, prefix })]))
    for (const queue of this.#queues.values()) queue.on('error', () => {})
    this.#timer = setInterval(() => { void this.#look() }, Math.min(LOOK_MS, stuckMs / 2, ageMs))
    this.#timer.unref()
  }

  health(): WorkerHealth {
    const queues = this.#parts.workers.map(({ queue, active, lastStartedAt }) => ({
      queue, active, lastStartedAt, stuck: this.#isStuck(queue, lastStartedAt),
    }))
    const connected = this.#parts.connection.status === 'ready' && Date.now() - this.#answeredAt < SILENT_MS
    return { ok: connected && !queues.some(({ stuck }) => stuck), queues }
  }

  #isStuck(queue: string, lastStartedAt: Date | undefined): boolean {
    const since = this.#idleSince.get(queue)
    return since !== undefined && Date.now() - Math.max(since, lastStartedAt?.getTime() ?? 0) > this.#parts.stuckMs
  }

  /** A worker may be connected and yet never fetch again: only work that lies there untouched shows it. */
  async #look(): Promise<void> {
    if (this.#looking) return // a command waits for as long as Redis is away
    this.#looking = true
    try {
      const askedAt = performance.now()
      const now = Date.now()
      const { connection, prefix, name, workers, ageMs, run } = this.#parts
      await (connection as Redis).ping()
      this.#parts.run.metrics?.roundTrip.observe({}, (performance.now() - askedAt) / 1_000)
      await tellSlots(connection, prefix, name, workers)
      for (const { queue, active, concurrency } of workers) {
        const bull = this.#queues.get(queue)!
        const [counts, paused] = await Promise.all([
          bull.getJobCounts('waiting', 'prioritized', 'waiting-children'), bull.isPaused(),
        ])
        if (counts['prioritized']) await raiseAged(bull, connection, { ageMs, now })
        if (counts['waiting-children']) {
          await cutShort(bull, (job) => run.jobs.get(job)?.definition, { connection, prefix }, now)
        }
        const ready = (counts['waiting'] ?? 0) + (counts['prioritized'] ?? 0)
        if (ready === 0 || paused || active >= concurrency) this.#idleSince.delete(queue)
        else if (!this.#idleSince.has(queue)) this.#idleSince.set(queue, Date.now())
      }
      this.#answeredAt = Date.now()
    } catch {
      this.#idleSince.clear() // no answer is another matter than no fetch
    } finally {
      this.#looking = false
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    const { workers, drainMs, watches, connection, prefix, name, run: { log, metrics } } = this.#parts
    const startedAt = performance.now()
    const active = workers.reduce((sum, worker) => sum + worker.active, 0)
    log.info({ active, drainMs }, 'workers draining')
    await Promise.all(workers.map((worker) => worker.drain(drainMs)))
    const drainedMs = Math.round(performance.now() - startedAt)
    metrics?.drain.observe({}, drainedMs / 1_000)
    log.info({ drainedMs }, 'workers drained')
    for (const watch of watches) watch[Symbol.dispose]()
    await Promise.allSettled([
      connection.status === 'ready' && forgetSlots(connection, prefix, name, workers),
      ...[...this.#queues.values()].map((queue) => queue.close()),
    ])
    connection.disconnect()
  }
}
