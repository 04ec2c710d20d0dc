import { AppError } from '@tallyfleet/domain'
import type { EnqueueOptions, JobDefinition, JobQueue } from '@tallyfleet/ports'
import { Queue } from 'bullmq'
import { wrapPayload } from './job-envelope.ts'
import { jobOptionsOf } from './job-options.ts'
import { PREFIX } from './queue-names.ts'
import { connectProducer, unavailable, type Connection } from './redis-connection.ts'

/**
 * Opens the producer's side of all queues over one connection.
 * @param prefix of every key; with a hash tag where Redis is a Cluster
 * @throws AppError `STORE_UNAVAILABLE` when Redis does not answer
 */
export async function openJobQueue({ url, prefix = PREFIX }: { url: string; prefix?: string }): Promise<JobQueue> {
  return new BullJobQueue(await connectProducer(url), prefix)
}

class BullJobQueue implements JobQueue {
  readonly #connection: Connection
  readonly #prefix: string
  readonly #queues = new Map<string, Queue>()

  constructor(connection: Connection, prefix: string) {
    this.#connection = connection
    this.#prefix = prefix
  }

  async enqueue<Payload>(job: JobDefinition<Payload>, payload: Payload, options?: EnqueueOptions): Promise<string> {
    const data = wrapPayload(job, payload, options?.tick)
    const jobOptions = jobOptionsOf(job, options)
    if (this.#connection.status === 'end') throw new AppError('STORE_UNAVAILABLE', 'the job queue is closed')
    try {
      const added = await this.#queue(job.queue).add(job.name, data, jobOptions)
      return added.id!
    } catch (error) {
      if (error instanceof Error && error.message.includes('exceeds the limit')) {
        throw new AppError('FIELD_INVALID', `the payload of ${job.name} is larger than ${jobOptions.sizeLimit} bytes`)
      }
      throw unavailable(error)
    }
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

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([...this.#queues.values()].map((queue) => queue.close()))
    this.#connection.disconnect()
  }
}
