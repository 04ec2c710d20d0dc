import type { Log } from '@tallyfleet/ports'
import type { Redis } from 'ioredis'
import type { Connection } from './redis-connection.ts'
import { ChangeWatch } from './watch-changes.ts'

/** How long a cancelled job stays cancelled: as long as a tick may be enqueued again. */
const KEEP_MS = 8 * 86_400_000

/**
 * The cancelled jobs of an installation: a sorted set of `queue:id` by time, and a number that grows with each change,
 * by which workers see it. Jobs themselves pay nothing.
 */
function keysOf(prefix: string): { set: string; changes: string } {
  return { set: `${prefix}/cancelled`, changes: `${prefix}/cancelled-changes` }
}

const memberOf = (queue: string, id: string) => `${queue}:${id}`

/** Notes that a job must not run. Durable as everything in Redis is; workers see it within half a second. */
export async function noteCancelled(connection: Connection, prefix: string, queue: string, id: string): Promise<void> {
  const { set, changes } = keysOf(prefix)
  const now = Date.now()
  const multi = connection.multi().zadd(set, now, memberOf(queue, id)).zremrangebyscore(set, '-inf', now - KEEP_MS)
  await multi.incr(changes).exec()
}

/** Lets a job of this id run again. */
export async function forgetCancelled(connection: Connection, prefix: string, queue: string, id: string): Promise<void> {
  const { set, changes } = keysOf(prefix)
  if (await connection.zrem(set, memberOf(queue, id)) > 0) await connection.incr(changes)
}

/** What a worker process knows of cancelled jobs. */
export class Cancellations implements Disposable {
  readonly #connection: Connection
  readonly #set: string
  readonly #told: (queue: string, id: string) => void
  readonly #watch: ChangeWatch
  #cancelled = new Set<string>()

  /** @param told is called for each cancelled job whenever one was added; the job may have ended long ago */
  constructor({ connection, prefix, log, told }: {
    connection: Connection; prefix: string; log: Log; told: (queue: string, id: string) => void
  }) {
    const { set, changes } = keysOf(prefix)
    this.#connection = connection
    this.#set = set
    this.#told = told
    this.#watch = new ChangeWatch({ connection, key: changes, log, read: () => this.#read() })
  }

  /** Asks Redis only about a job that was cancelled at the last look: it may have been redriven since. */
  has(queue: string, id: string): Promise<boolean> | false {
    return this.#cancelled.size > 0 && this.#cancelled.has(memberOf(queue, id)) && this.#isStill(memberOf(queue, id))
  }

  async #isStill(member: string): Promise<boolean> {
    return await this.#connection.zscore(this.#set, member) !== null
  }

  async look(): Promise<void> {
    await this.#watch.look()
  }

  async #read(): Promise<void> {
    this.#cancelled = new Set(await (this.#connection as Redis).zrange(this.#set, '0', '-1'))
    for (const member of this.#cancelled) {
      const at = member.indexOf(':')
      this.#told(member.slice(0, at), member.slice(at + 1))
    }
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]()
  }
}
