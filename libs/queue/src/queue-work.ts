import type { Queue } from 'bullmq'
import type { Redis } from 'ioredis'
import type { Connection } from './redis-connection.ts'

/** What a queue's own records say of the work that it does. */
export type QueueWork = {
  /** Jobs that ended, by second, over the last five minutes. */
  jobsPerSecond: number
  /** Mean of the last tries that succeeded; undefined when none is known. */
  runSeconds: number | undefined
  /** Distinct workers among the jobs that run. */
  busyWorkers: number
  /** Delayed jobs whose time has come: only a worker moves them on, and there may be none. */
  overdue: number
}

const WINDOW_MS = 300_000
const SAMPLE = 200
const MOST_ACTIVE = 1_000
/** The score of a delayed job holds its time above the lowest twelve bits. */
const DELAY_SCALE = 0x1000

/** Reads a queue's work in three round trips, and nothing of its jobs but times and hosts. */
export async function workOf(queue: Queue, connection: Connection): Promise<QueueWork> {
  const redis = connection as Redis
  const now = Date.now()
  const [completed, failed, [, oldest], overdue, lately, active] = await Promise.all([
    redis.zcount(queue.toKey('completed'), now - WINDOW_MS, '+inf'), redis.zcount(queue.toKey('failed'), now - WINDOW_MS, '+inf'),
    redis.zrange(queue.toKey('completed'), '0', '0', 'WITHSCORES'), redis.zcount(queue.toKey('delayed'), '-inf', (now + 1) * DELAY_SCALE - 1),
    redis.zrange(queue.toKey('completed'), '0', String(SAMPLE - 1), 'REV'), redis.lrange(queue.toKey('active'), 0, MOST_ACTIVE - 1),
  ])
  // A busy queue keeps fewer of its ended jobs than the window holds.
  const windowMs = Math.max(1_000, Math.min(WINDOW_MS, completed > 9_000 ? now - Number(oldest) : WINDOW_MS))
  const [times, hosts] = await Promise.all([
    Promise.all(lately.map((id) => redis.hmget(queue.toKey(id), 'processedOn', 'finishedOn'))),
    Promise.all(active.map((id) => redis.hget(queue.toKey(id), 'pb'))),
  ])
  const runs = times.flatMap(([from, to]) => (from && to ? [Math.max(0, Number(to) - Number(from))] : []))
  return {
    jobsPerSecond: (completed + failed) / (windowMs / 1_000),
    runSeconds: runs.length === 0 ? undefined : runs.reduce((sum, ms) => sum + ms, 0) / runs.length / 1_000,
    busyWorkers: new Set(hosts.filter((host) => host !== null)).size,
    overdue,
  }
}
