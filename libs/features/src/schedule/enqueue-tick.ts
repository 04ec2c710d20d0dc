import type { Clock, JobDefinition, JobQueue, Journal, Log } from '@tallyfleet/ports'
import { tickIdOf, tickJobIdOf, type TickRecord } from './tick-records.ts'

export type EnqueueTickNeeds = { journal: Journal; queue: JobQueue; clock: Clock; log: Log }

/**
 * Makes the job of a claimed tick and notes it. The job's id comes from the tick, so doing it again, also at once from
 * several processes, is one job for as long as the queue knows it.
 * @returns false when the queue refused: the claim stays, and a later round enqueues it
 */
export async function enqueueTick(
  job: JobDefinition<any>, nominalAt: Date, backfilled: boolean, { journal, queue, log }: EnqueueTickNeeds,
): Promise<boolean> {
  const id = tickIdOf(job.name, nominalAt)
  try {
    const tick = { schedule: job.name, nominalAt, backfilled }
    await queue.enqueue(job, {}, { jobId: tickJobIdOf(job.name, nominalAt), tick })
  } catch (error) {
    log.warn({ err: error, tick: id }, 'tick not enqueued')
    return false
  }
  const record = await journal.find('tick', id) as TickRecord | undefined
  // A worker may have been faster: then the record says more than `enqueued`.
  if (record?.state === 'claimed') await journal.swap('tick', id, record, { ...record, state: 'enqueued' })
  return true
}
