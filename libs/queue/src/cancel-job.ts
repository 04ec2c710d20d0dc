import { AppError } from '@tallyfleet/domain'
import { JOB_STATES, type JobState } from '@tallyfleet/ports'
import { Queue, type Job } from 'bullmq'
import { noteCancelled } from './cancellations.ts'
import type { Connection } from './redis-connection.ts'

/** Where the jobs of a fleet lie. */
export type JobPlace = { connection: Connection; prefix: string }

/**
 * Sees to it that a job does not run, or no longer. One that waits for children has those cancelled, and ends when they
 * have.
 * @throws AppError `RECORD_UNKNOWN`, or `JOB_ENDED` when it has ended already
 */
export async function cancelJob(queue: Queue, id: string, place: JobPlace): Promise<'removed' | 'aborting'> {
  const job = await findJob(queue, id)
  const state = await stateOf(job)
  if (state === 'completed' || state === 'failed') throw new AppError('JOB_ENDED', `the job ${id} has ${state}`)
  // Noted first: a job that starts meanwhile, or waits for a worker that is down, meets it.
  await noteCancelled(place.connection, place.prefix, queue.name, id)
  if (state === 'waiting-children') {
    await cancelChildren(job, place)
    return 'aborting'
  }
  if (await stateOf(job) === 'active') return 'aborting'
  try {
    await job.remove()
    return 'removed'
  } catch {
    return 'aborting' // a worker took it in between and holds its lock
  }
}

/** Cancels the children that have not ended. When none is left, the job that waits for them starts. */
export async function cancelChildren(parent: Job, place: JobPlace): Promise<void> {
  const { unprocessed = [] } = await parent.getDependencies({ unprocessed: { count: 1_000 } })
  const children = unprocessed.map(parseJobKey)
  for (const name of new Set(children.map(({ queue }) => queue))) {
    const queue = new Queue(name, { ...place, skipWaitingForReady: true })
    queue.on('error', () => {}) // the command that failed tells its caller
    try {
      for (const { id } of children.filter((child) => child.queue === name)) {
        await cancelJob(queue, id, place).catch((error: unknown) => {
          if (!(error instanceof AppError)) throw error // else it ended meanwhile
        })
      }
    } finally {
      await queue.close()
    }
  }
}

/** A key of BullMQ's is `prefix:queue:id`. Neither prefix nor queue holds a colon. */
export function parseJobKey(key: string): { queue: string; id: string } {
  const [, queue, ...id] = key.split(':')
  return { queue: queue!, id: id.join(':') }
}

export async function findJob(queue: Queue, id: string): Promise<Job> {
  const job = await queue.getJob(id)
  if (!job) throw new AppError('RECORD_UNKNOWN', `no job ${JSON.stringify(id)} in ${queue.name}`)
  return job
}

export async function stateOf(job: Job): Promise<JobState> {
  const state = await job.getState()
  const known = JOB_STATES.find((one) => one === state)
  if (!known) throw new AppError('RECORD_UNKNOWN', `no job ${JSON.stringify(job.id)} in ${job.queueName}`)
  return known
}
