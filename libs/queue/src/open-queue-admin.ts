import { AppError } from '@tallyfleet/domain'
import type { JobDefinition, QueueAdmin, QueueStatus } from '@tallyfleet/ports'
import { Queue, type Job } from 'bullmq'
import type { Redis } from 'ioredis'
import { PREFIX, queuesOf } from './queue-names.ts'
import { connectProducer, unavailable, type Connection } from './redis-connection.ts'

/** The operator's side, with BullMQ's own objects for a board that shows them. */
export interface BullQueueAdmin extends QueueAdmin {
  bullQueues(): Queue[]
}

const STATES = ['waiting', 'active', 'delayed', 'completed', 'failed', 'prioritized'] as const
const PAGE = 100

/**
 * Opens the operator's side of the queues that `jobs` name.
 * @throws AppError `STORE_UNAVAILABLE` when Redis does not answer
 */
export async function openQueueAdmin(
  { url, jobs, prefix = PREFIX }: { url: string; jobs: readonly JobDefinition<any>[]; prefix?: string },
): Promise<BullQueueAdmin> {
  return new BullAdmin(await connectProducer(url), queuesOf(jobs), prefix)
}

class BullAdmin implements BullQueueAdmin {
  readonly #connection: Connection
  readonly #queues: ReadonlyMap<string, Queue>

  constructor(connection: Connection, names: readonly string[], prefix: string) {
    this.#connection = connection
    this.#queues = new Map(names.map((name) => {
      const queue = new Queue(name, { connection, prefix, skipWaitingForReady: true })
      queue.on('error', () => {}) // the command that failed has told its caller
      return [name, queue]
    }))
  }

  bullQueues(): Queue[] {
    return [...this.#queues.values()]
  }

  async listQueues(): Promise<QueueStatus[]> {
    return await answered(Promise.all([...this.#queues].map(async ([name, queue]) => {
      const [counts, paused, oldest, workers] = await Promise.all([
        queue.getJobCounts(...STATES), queue.isPaused(), oldestReadySecondsOf(queue, this.#connection),
        queue.getWorkersCount(),
      ])
      return { queue: name, paused, counts: counts as QueueStatus['counts'], oldestReadySeconds: oldest, workers }
    })))
  }

  async pause(name: string): Promise<void> {
    await answered(this.#find(name).pause())
  }

  async resume(name: string): Promise<void> {
    await answered(this.#find(name).resume())
  }

  async retryFailed(name: string): Promise<number> {
    const queue = this.#find(name)
    let retried = 0
    return await answered((async () => {
      // Those that fail again meanwhile join at the other end: stop after the jobs that were there at the start.
      for (let left = await queue.getFailedCount(); left > 0;) {
        const page = await queue.getFailed(-Math.min(PAGE, left), -1)
        if (page.length === 0) break
        for (const job of page) if (await retry(queue, job, this.#connection)) retried += 1
        left -= page.length
      }
      return retried
    })())
  }

  async drain(name: string): Promise<number> {
    const queue = this.#find(name)
    return await answered((async () => {
      const counts = await queue.getJobCounts('waiting', 'delayed', 'prioritized')
      await queue.drain(true)
      return Object.values(counts).reduce((sum, count) => sum + count, 0)
    })())
  }

  #find(name: string): Queue {
    const queue = this.#queues.get(name)
    if (!queue) throw new AppError('QUEUE_UNKNOWN', `no queue ${JSON.stringify(name)}`)
    return queue
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([...this.#queues.values()].map((queue) => queue.close()))
    this.#connection.disconnect()
  }
}

async function answered<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    throw unavailable(error)
  }
}

/** Puts a failed job back with all its tries; false when somebody else was faster. */
async function retry(queue: Queue, job: Job, connection: Connection): Promise<boolean> {
  try {
    // Crashes count as tries, and BullMQ keeps their number in a field of its own.
    await connection.hset(queue.toKey(job.id!), { stc: 0 })
    await job.retry('failed', { resetAttemptsMade: true })
    return true
  } catch (error) {
    if (await job.isFailed()) throw error
    return false
  }
}

/**
 * Age of the oldest job that could run: the tail of the waiting list, the oldest of the first prioritized ones (whose
 * order is not by age), and the first delayed one when it is overdue.
 */
async function oldestReadySecondsOf(queue: Queue, connection: Connection): Promise<number | undefined> {
  const [waiting, prioritized, [, delayedScore]] = await Promise.all([
    queue.getJobs(['waiting'], 0, 0, true), queue.getPrioritized(0, PAGE),
    (connection as Redis).zrange(queue.toKey('delayed'), '0', '0', 'WITHSCORES') as Promise<string[]>,
  ])
  const since = [...waiting, ...prioritized].filter(Boolean).map(readySince)
  // The score holds the due time in its upper bits; the twelve below keep jobs of one millisecond in order.
  if (delayedScore !== undefined) since.push(Math.floor(Number(delayedScore) / 0x1000))
  const now = Date.now()
  const ready = since.filter((at) => at <= now)
  return ready.length === 0 ? undefined : (now - Math.min(...ready)) / 1_000
}

/** When a waiting job became ready: never before its last start. */
function readySince(job: Job): number {
  return Math.max(job.timestamp + (job.opts.delay ?? 0), job.processedOn ?? 0)
}
