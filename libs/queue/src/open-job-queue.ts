import { AppError } from '@tallyfleet/domain'
import type { ChildJob, EnqueueOptions, FlowQueue, JobDefinition } from '@tallyfleet/ports'
import { FlowProducer, Queue, type JobsOptions } from 'bullmq'
import { wrapPayload, type Envelope } from './job-envelope.ts'
import { jobOptionsOf } from './job-options.ts'
import { traceEnqueue } from './job-trace.ts'
import type { QueueMetrics } from './queue-metrics.ts'
import { PREFIX } from './queue-names.ts'
import { connectProducer, redisNow, unavailable, type Connection } from './redis-connection.ts'

const MAX_CHILDREN = 1_000

/** Beside the port: what a scheduler needs. */
export type TimedJobQueue = FlowQueue & {
  /** What time it is for Redis. Rejects with `STORE_UNAVAILABLE` when it is away. */
  now(): Promise<Date>
}

/**
 * Opens the producer's side of all queues over one connection.
 * @param prefix of every key; with a hash tag where Redis is a Cluster
 * @throws AppError `STORE_UNAVAILABLE` when Redis does not answer
 */
export async function openJobQueue(
  { url, metrics, prefix = PREFIX }: { url: string; metrics?: QueueMetrics; prefix?: string },
): Promise<TimedJobQueue> {
  return new BullJobQueue(await connectProducer(url), prefix, metrics)
}

class BullJobQueue implements TimedJobQueue {
  readonly #connection: Connection
  readonly #prefix: string
  readonly #queues = new Map<string, Queue>()
  #flowProducer: FlowProducer | undefined
  readonly #dropped: ReturnType<QueueMetrics['counter']> | undefined

  constructor(connection: Connection, prefix: string, metrics: QueueMetrics | undefined) {
    this.#connection = connection
    this.#prefix = prefix
    this.#dropped = metrics?.counter(
      'fleet_jobs_dropped_total', 'Jobs that another one of the same key stands for', ['queue', 'job', 'mode'],
    )
  }

  async enqueue<Payload>(job: JobDefinition<Payload>, payload: Payload, options?: EnqueueOptions): Promise<string> {
    const jobOptions = jobOptionsOf(job, options)
    wrapPayload(job, payload)
    if (this.#connection.status === 'end') throw new AppError('STORE_UNAVAILABLE', 'the job queue is closed')
    try {
      return await traceEnqueue({ queue: job.queue, job: job.name }, async (carrier) => {
        const queue = this.#queue(job.queue)
        const replaced = await this.#willReplace(queue, job, options)
        const data = wrapPayload(job, payload, { tick: options?.tick, trace: carrier })
        const added = await queue.add(job.name, data, jobOptions)
        const dropped = options?.onlyOne !== undefined && added.id !== jobOptions.jobId
        if (dropped || replaced) this.#dropped?.inc({ queue: job.queue, job: job.name, mode: job.dedup.mode })
        return added.id!
      })
    } catch (error) {
      throw unavailable(error)
    }
  }

  async enqueueWithChildren<Payload>(
    job: JobDefinition<Payload>, payload: Payload, children: readonly ChildJob[],
  ): Promise<string> {
    if (!job.children) throw new AppError('FIELD_INVALID', `${job.name} is not defined to wait for other jobs`)
    if (children.length < 1 || children.length > MAX_CHILDREN) {
      throw new AppError('FIELD_INVALID', `a job waits for 1 to ${MAX_CHILDREN} jobs, not ${children.length}`)
    }
    const nodeOf = (child: JobDefinition<any>, data: Envelope, opts: JobsOptions = {}) => ({
      name: child.name, queueName: child.queue, prefix: this.#prefix, data, opts: { ...jobOptionsOf(child), ...opts },
    })
    try {
      return await traceEnqueue({ queue: job.queue, job: job.name }, async (trace) => {
        const flow = await this.#flows().add({
          ...nodeOf(job, wrapPayload(job, payload, { children: children.length, trace })),
          children: children.map((child) =>
            nodeOf(child.job, wrapPayload(child.job, child.payload, { trace }), { ignoreDependencyOnFailure: true })),
        })
        return flow.job.id!
      })
    } catch (error) {
      throw unavailable(error)
    }
  }

  async now(): Promise<Date> {
    try {
      return new Date(await redisNow(this.#connection))
    } catch (error) {
      throw unavailable(error)
    }
  }

  /** Whether a debounced job is about to take another's place, which nothing tells afterwards. Asked for the metric. */
  async #willReplace(queue: Queue, job: JobDefinition<any>, options: EnqueueOptions | undefined): Promise<boolean> {
    if (!this.#dropped || options?.onlyOne === undefined || job.dedup.mode !== 'debounce') return false
    return await queue.getDeduplicationJobId(options.onlyOne) !== null
  }

  #queue(name: string): Queue {
    let queue = this.#queues.get(name)
    if (!queue) {
      queue = new Queue(name, { connection: this.#connection, prefix: this.#prefix, skipWaitingForReady: true })
      queue.on('error', () => {}) // the command that failed has told its caller
      this.#queues.set(name, queue)
    }
    return queue
  }

  #flows(): FlowProducer {
    if (this.#connection.status === 'end') throw new AppError('STORE_UNAVAILABLE', 'the job queue is closed')
    if (!this.#flowProducer) {
      this.#flowProducer = new FlowProducer({ connection: this.#connection, prefix: this.#prefix })
      this.#flowProducer.on('error', () => {}) // the command that failed has told its caller
    }
    return this.#flowProducer
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([...this.#queues.values(), this.#flowProducer].map((producer) => producer?.close()))
    this.#connection.disconnect()
  }
}
