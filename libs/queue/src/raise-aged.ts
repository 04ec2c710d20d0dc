import type { Job, Queue } from 'bullmq'
import type { Redis } from 'ioredis'
import type { Connection } from './redis-connection.ts'

/** A job of priority n stands in the first line after n times this long: no stream of others can hold it back for ever. */
export const AGE_MS = 30_000
const LOWEST_PRIORITY = 9
const PAGE = 100
/** BullMQ keeps the priority in the upper bits of a score, and the order of arrival in the 32 below. */
const PER_PRIORITY = 2 ** 32

/**
 * Puts jobs that have waited for longer than their priority lets them at the end of the first line, which is served in
 * order of arrival. Within a priority the longest wait comes first, so a look costs one small read for each.
 * @param now ms, by the clock that gave the jobs their times
 * @returns how many were raised: at most 100 of a priority a look
 */
export async function raiseAged(queue: Queue, connection: Connection, { ageMs, now }: { ageMs: number; now: number }): Promise<number> {
  let raised = 0
  for (let priority = 1; priority <= LOWEST_PRIORITY; priority++) {
    const ids = await (connection as Redis).zrange(
      queue.toKey('prioritized'), priority * PER_PRIORITY, `(${(priority + 1) * PER_PRIORITY}`, 'BYSCORE', 'LIMIT', 0, PAGE,
    )
    for (const id of ids) {
      const job = await queue.getJob(id)
      if (!job) continue // a worker took it and ended it
      if (now - readySince(job) < priority * ageMs) break
      if (await raise(job)) raised += 1
    }
  }
  return raised
}

/** When a waiting job became ready: never before its last start. */
export function readySince(job: Job): number {
  return Math.max(job.timestamp + (job.opts.delay ?? 0), job.processedOn ?? 0)
}

async function raise(job: Job): Promise<boolean> {
  try {
    await job.changePriority({ priority: 0 })
    return true
  } catch (error) {
    if (await job.getState() === 'prioritized') throw error
    return false // a worker was faster
  }
}
