import { hostname } from 'node:os'
import type { Job, Log } from '@tallyfleet/ports'
import { Queue } from 'bullmq'
import type { QueueChoice } from './queue-choice.ts'
import { PREFIX } from './queue-names.ts'
import { jobMetricsIn, type QueueMetrics } from './queue-metrics.ts'
import { QueueWorker } from './queue-worker.ts'
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
    /** Jobs are ready and there is room for them, yet none was started for a minute: the process should be replaced. */
    stuck: boolean
  }[]
}

/** The workers of one process. Disposing drains them. */
export interface WorkerFleet extends AsyncDisposable {
  health(): WorkerHealth
}

const LOOK_MS = 5_000
const STUCK_MS = 60_000
const SILENT_MS = 30_000

/**
 * Starts a worker for each chosen queue. A try that is aborted by shutdown goes on in another worker within a second
 * and uses up no try; one whose process was killed, within 20 s, and uses up one.
 * @param drainMs how long running jobs may go on when the fleet is disposed, before they are handed back
 * @throws AppError `STORE_UNAVAILABLE` when Redis does not answer
 */
export async function startWorkers<Needs>({
  url, jobs, needs, queues, log, metrics, drainMs, observer, prefix = PREFIX,
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
}): Promise<WorkerFleet> {
  const connection = await connectWorker(url)
  const run: RunNeeds<Needs> = {
    needs, log, observer,
    jobs: new Map(jobs.map((job) => [job.definition.name, job])),
    metrics: metrics && jobMetricsIn(metrics),
  }
  const name = `${hostname()}-${process.pid}`
  const workers = queues.map((choice) => new QueueWorker({
    queue: choice.name, concurrency: choice.concurrency, connection, prefix, name, run,
  }))
  await Promise.all(workers.map((worker) => worker.waitUntilReady()))
  return new Fleet(connection, prefix, workers, drainMs, log)
}

class Fleet<Needs> implements WorkerFleet {
  readonly #connection: Connection
  readonly #workers: readonly QueueWorker<Needs>[]
  readonly #queues: ReadonlyMap<string, Queue>
  readonly #drainMs: number
  readonly #log: Log
  readonly #timer: NodeJS.Timeout
  #looking = false
  #answeredAt = Date.now()
  /** Since when each queue has had jobs that are ready and room for them. */
  readonly #idleSince = new Map<string, number>()

  constructor(
    connection: Connection, prefix: string, workers: readonly QueueWorker<Needs>[], drainMs: number, log: Log,
  ) {
    this.#connection = connection
    this.#workers = workers
    this.#queues = new Map(workers.map(({ queue }) => [queue, new Queue(queue, { connection, prefix })]))
    for (const queue of this.#queues.values()) queue.on('error', () => {})
    this.#drainMs = drainMs
    this.#log = log
    this.#timer = setInterval(() => { void this.#look() }, LOOK_MS)
    this.#timer.unref()
  }

  health(): WorkerHealth {
    const queues = this.#workers.map(({ queue, active, lastStartedAt }) => ({
      queue, active, lastStartedAt, stuck: this.#isStuck(queue, lastStartedAt),
    }))
    const connected = this.#connection.status === 'ready' && Date.now() - this.#answeredAt < SILENT_MS
    return { ok: connected && !queues.some(({ stuck }) => stuck), queues }
  }

  #isStuck(queue: string, lastStartedAt: Date | undefined): boolean {
    const since = this.#idleSince.get(queue)
    return since !== undefined && Date.now() - Math.max(since, lastStartedAt?.getTime() ?? 0) > STUCK_MS
  }

  /** A worker may be connected and yet never fetch again: only work that lies there untouched shows it. */
  async #look(): Promise<void> {
    if (this.#looking) return // a command waits for as long as Redis is away
    this.#looking = true
    try {
      for (const { queue, active, concurrency } of this.#workers) {
        const bull = this.#queues.get(queue)!
        const [counts, paused] = await Promise.all([bull.getJobCounts('waiting', 'prioritized'), bull.isPaused()])
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
    const active = this.#workers.reduce((sum, worker) => sum + worker.active, 0)
    this.#log.info({ active, drainMs: this.#drainMs }, 'workers draining')
    await Promise.all(this.#workers.map((worker) => worker.drain(this.#drainMs)))
    await Promise.allSettled([...this.#queues.values()].map((queue) => queue.close()))
    this.#connection.disconnect()
  }
}
