import type { JobState, JobView } from '@tallyfleet/ports'
import type { Job, Queue } from 'bullmq'
import type { Redis } from 'ioredis'
import type { Connection } from './redis-connection.ts'

/** A field of ours in BullMQ's record of a job: how often it was redriven. */
export const REDRIVES = 'redrives'

/** Jobs of one state as an operator sees them. */
export async function viewsOf(
  queue: Queue, jobs: readonly Job[], state: JobState, connection: Connection,
): Promise<JobView[]> {
  const redrives = await Promise.all(jobs.map((job) => (connection as Redis).hget(queue.toKey(job.id!), REDRIVES)))
  return jobs.map((job, at) => ({
    queue: queue.name, job: job.name, id: job.id!, state,
    starts: job.attemptsStarted, crashes: job.stalledCounter, redrives: Number(redrives[at] ?? 0),
    createdAt: new Date(job.timestamp),
    // A back-off counts from when the last try ended, which BullMQ keeps nowhere; the first delay from the start.
    dueAt: state === 'delayed' && job.attemptsStarted === 0 ? new Date(job.timestamp + job.delay) : undefined,
    startedAt: dateOf(job.processedOn), endedAt: dateOf(job.finishedOn),
    reason: job.failedReason || undefined, host: job.processedBy,
    payload: (job.data as { payload?: unknown } | null)?.payload,
  }))
}

function dateOf(ms: number | undefined): Date | undefined {
  return ms === undefined ? undefined : new Date(ms)
}
