import { AppError } from '@tallyfleet/domain'
import {
  JOB_STATES, type DeadLetterFilter, type JobDefinition, type JobRule, type JobState, type JobView, type QueueAdmin,
  type QueueStatus,
} from '@tallyfleet/ports'
import { Queue, type Job } from 'bullmq'
import type { Redis } from 'ioredis'
import { cancelJob, findJob, stateOf } from './cancel-job.ts'
import { forgetCancelled } from './cancellations.ts'
import { desiredReplicas } from './desired-replicas.ts'
import { listRules, putRule } from './job-rules.ts'
import { REDRIVES, viewsOf } from './job-views.ts'
import { readySince } from './raise-aged.ts'
import { DEFAULT_CONCURRENCY } from './queue-choice.ts'
import { listSlots, type QueueSlots } from './queue-slots.ts'
import { workOf } from './queue-work.ts'
import { PREFIX, queuesOf } from './queue-names.ts'
import { connectProducer, unavailable, type Connection } from './redis-connection.ts'

/** The operator's side, with BullMQ's own objects for a board that shows them. */
export interface BullQueueAdmin extends QueueAdmin {
  bullQueues(): Queue[]
}

const PAGE = 100
const MAX_LISTED = 1_000
const STUCK_SECONDS = 30

/**
 * Opens the operator's side of the queues that `jobs` name.
 * @throws AppError `STORE_UNAVAILABLE` when Redis does not answer
 */
export async function openQueueAdmin(
  { url, jobs, prefix = PREFIX }: { url: string; jobs: readonly JobDefinition<any>[]; prefix?: string },
): Promise<BullQueueAdmin> {
  return new BullAdmin(await connectProducer(url), jobs, prefix)
}

class BullAdmin implements BullQueueAdmin {
  readonly #connection: Connection
  readonly #prefix: string
  readonly #jobs: readonly JobDefinition<any>[]
  readonly #queues: ReadonlyMap<string, Queue>

  constructor(connection: Connection, jobs: readonly JobDefinition<any>[], prefix: string) {
    this.#connection = connection
    this.#jobs = jobs
    this.#prefix = prefix
    this.#queues = new Map(queuesOf(jobs).map((name) => {
      const queue = new Queue(name, { connection, prefix, skipWaitingForReady: true })
      queue.on('error', () => {}) // the command that failed has told its caller
      return [name, queue]
    }))
  }

  bullQueues(): Queue[] {
    return [...this.#queues.values()]
  }

  async listQueues(): Promise<QueueStatus[]> {
    return await answered((async () => {
      const slots = await listSlots(this.#connection, this.#prefix)
      return await Promise.all([...this.#queues.values()].map((queue) => this.#statusOf(queue, slots.get(queue.name))))
    })())
  }

  async #statusOf(queue: Queue, slots: QueueSlots = { slots: 0, workers: 0 }): Promise<QueueStatus> {
    const [counts, paused, oldestReadySeconds, oldestDeadSeconds, workers, work] = await Promise.all([
      queue.getJobCounts(...JOB_STATES), queue.isPaused(), oldestReadySecondsOf(queue, this.#connection),
      oldestDeadSecondsOf(queue, this.#connection), queue.getWorkersCount(), workOf(queue, this.#connection),
    ])
    const { jobsPerSecond, runSeconds, busyWorkers, overdue } = work
    const active = counts['active'] ?? 0
    const ready = (counts['waiting'] ?? 0) + (counts['prioritized'] ?? 0) + overdue
    const goals = this.#jobs.filter((job) => job.queue === queue.name).map(({ waitGoalMs }) => waitGoalMs)
    const waitGoalSeconds = Math.min(...goals) / 1_000
    return {
      queue: queue.name, paused, counts: counts as QueueStatus['counts'], oldestReadySeconds, oldestDeadSeconds, workers,
      slots: slots.slots, jobsPerSecond, runSeconds, waitGoalSeconds,
      desiredReplicas: desiredReplicas({
        paused, ready, active, busyWorkers, workers, jobsPerSecond, runSeconds, waitGoalSeconds,
        slotsPerWorker: slots.workers > 0 ? slots.slots / slots.workers : DEFAULT_CONCURRENCY,
      }),
      stuck: !paused && (slots.workers === 0
        ? active > 0 || (oldestReadySeconds ?? 0) > STUCK_SECONDS
        : active < slots.slots && (oldestReadySeconds ?? 0) > STUCK_SECONDS),
    }
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
        for (const job of page) if (await this.#retry(queue, job)) retried += 1
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

  async listJobs(name: string, state: JobState, limit: number): Promise<JobView[]> {
    const queue = this.#find(name)
    const last = Math.min(limit, MAX_LISTED) - 1
    const ended = state === 'completed' || state === 'failed'
    return await answered((async () => {
      const jobs = last < 0 ? [] : await queue.getJobs([state], 0, last, !ended)
      return await viewsOf(queue, jobs.filter(Boolean), state, this.#connection)
    })())
  }

  async getJob(name: string, id: string): Promise<JobView> {
    const queue = this.#find(name)
    return await answered((async () => {
      const job = await findJob(queue, id)
      const [view] = await viewsOf(queue, [job], await stateOf(job), this.#connection)
      return view!
    })())
  }

  async cancelJob(name: string, id: string): Promise<'removed' | 'aborting'> {
    const queue = this.#find(name)
    return await answered(cancelJob(queue, id, { connection: this.#connection, prefix: this.#prefix }))
  }

  async listRules(): Promise<JobRule[]> {
    return await answered(listRules(this.#connection, this.#prefix))
  }

  async putRule(rule: JobRule): Promise<void> {
    const { job, rollout } = rule
    if (!this.#jobs.some(({ name }) => name === job)) throw new AppError('JOB_UNKNOWN', `no job ${JSON.stringify(job)}`)
    if (rollout && !(Number.isInteger(rollout.share) && rollout.share >= 0 && rollout.share <= 100)) {
      throw new AppError('FIELD_INVALID', 'the share of a rollout is a whole number from 0 to 100')
    }
    await answered(putRule(this.#connection, this.#prefix, rule))
  }

  async listDead(name: string, filter: DeadLetterFilter, limit: number): Promise<JobView[]> {
    const queue = this.#find(name)
    const matches = (job: Job | undefined): job is Job => job !== undefined
      && (filter.job === undefined || job.name === filter.job)
      && (filter.reason === undefined || (job.failedReason ?? '').includes(filter.reason))
    return await answered((async () => {
      const found: Job[] = []
      for (let at = 0; found.length < limit; at += PAGE) {
        const page = await queue.getFailed(at, at + PAGE - 1)
        if (page.length === 0) break
        found.push(...page.filter(matches))
      }
      return await viewsOf(queue, found.slice(0, limit), 'failed', this.#connection)
    })())
  }

  async redriveDead(name: string, id: string): Promise<boolean> {
    const queue = this.#find(name)
    return await answered((async () => {
      const job = await queue.getJob(id)
      return job !== undefined && await job.isFailed() && await this.#retry(queue, job)
    })())
  }

  async deleteDead(name: string, id: string): Promise<boolean> {
    const queue = this.#find(name)
    return await answered((async () => {
      const job = await queue.getJob(id)
      if (!job || !await job.isFailed()) return false
      await job.remove()
      return true
    })())
  }

  /** Puts a failed job back with all its tries; false when somebody else was faster. */
  async #retry(queue: Queue, job: Job): Promise<boolean> {
    try {
      await forgetCancelled(this.#connection, this.#prefix, queue.name, job.id!)
      // Crashes count as tries, and BullMQ keeps their number in a field of its own.
      await this.#connection.multi().hset(queue.toKey(job.id!), { stc: 0 }).hincrby(queue.toKey(job.id!), REDRIVES, 1).exec()
      await job.retry('failed', { resetAttemptsMade: true })
      return true
    } catch (error) {
      if (await job.isFailed()) throw error
      return false
    }
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

async function oldestDeadSecondsOf(queue: Queue, connection: Connection): Promise<number | undefined> {
  const [, endedAt] = await (connection as Redis).zrange(queue.toKey('failed'), '0', '0', 'WITHSCORES') as string[]
  return endedAt === undefined ? undefined : Math.max(0, Date.now() - Number(endedAt)) / 1_000
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
