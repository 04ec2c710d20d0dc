import type { Redis } from 'ioredis'
import { redisNow, type Connection } from './redis-connection.ts'

/** Workers of a queue that said so lately, and how many jobs they run at a time, in all. */
export type QueueSlots = { workers: number; slots: number }

/** A worker that has not said so for this long is gone, or hangs. */
const FRESH_MS = 30_000
const FORGET_MS = 3_600_000

/**
 * A hash: `queue worker` → `slots time`, in ms of Redis's clock, the one that all hosts share. BullMQ knows who is
 * connected, and not how much each takes on.
 */
const keyOf = (prefix: string) => `${prefix}/slots`

/** Says how many jobs of each queue a worker process runs at a time. To be repeated well within 30 s. */
export async function tellSlots(
  connection: Connection, prefix: string, name: string, queues: readonly { queue: string; concurrency: number }[],
): Promise<void> {
  const now = await redisNow(connection)
  const entries = queues.map(({ queue, concurrency }) => [`${queue} ${name}`, `${concurrency} ${now}`] as const)
  await (connection as Redis).hset(keyOf(prefix), Object.fromEntries(entries))
}

export async function forgetSlots(
  connection: Connection, prefix: string, name: string, queues: readonly { queue: string }[],
): Promise<void> {
  await connection.hdel(keyOf(prefix), ...queues.map(({ queue }) => `${queue} ${name}`))
}

/** By queue; those without a worker are absent. Forgets workers that were killed an hour ago. */
export async function listSlots(connection: Connection, prefix: string): Promise<Map<string, QueueSlots>> {
  const all = new Map<string, QueueSlots>()
  const gone: string[] = []
  // The time comes last: no entry is newer.
  const told = await (connection as Redis).hgetall(keyOf(prefix))
  const now = await redisNow(connection)
  for (const [field, value] of Object.entries(told)) {
    const [slots, at] = value.split(' ').map(Number) as [number, number]
    const age = now - at
    if (age > FORGET_MS) gone.push(field)
    if (age > FRESH_MS) continue
    const queue = field.slice(0, field.indexOf(' '))
    const known = all.get(queue) ?? { workers: 0, slots: 0 }
    all.set(queue, { workers: known.workers + 1, slots: known.slots + slots })
  }
  if (gone.length > 0) await connection.hdel(keyOf(prefix), ...gone)
  return all
}
