import { AppError } from '@tallyfleet/domain'
import { Cluster, type Redis } from 'ioredis'
import { mastersOf } from './redis-connection.ts'

/** `disk`: the append-only file of every master is synced (Redis 7.2). `replicas`: so many replicas of each have it. */
export type Barrier = { wait: 'disk' } | { wait: 'replicas'; count: number; timeoutMs: number }

const DISK_TIMEOUT_MS = 4_000

/**
 * Waits until what this client wrote is safe beyond the memory of the masters. WAIT and WAITAOF speak of the writes of
 * their own connection, so they go over the connection that wrote, and an answer counts only if that connection lived
 * all the time: over a new one they would speak of nothing. A round is shared by all requests that were written before
 * it began. A duplicate waits like any other: its script writes too, and later than the first try of its event.
 */
export class WriteBarrier {
  readonly #client: Redis | Cluster
  readonly #barrier: Barrier
  #closes = 0
  #last: Promise<void> = Promise.resolve()
  #next: Promise<void> | undefined

  constructor(client: Redis | Cluster, barrier: Barrier) {
    this.#client = client
    this.#barrier = barrier
    const watch = (connection: Redis) => connection.on('close', () => { this.#closes++ })
    if (client instanceof Cluster) {
      for (const node of client.nodes('all')) watch(node)
      client.on('+node', watch)
    } else watch(client)
  }

  /** Tells the connections of now from later ones; take it before the write. */
  get life(): number {
    return this.#closes
  }

  /** Rejects with `STORE_UNAVAILABLE` when it is not certain that everything written since `life` is safe. */
  async pass(life: number): Promise<void> {
    this.#next ??= this.#begin(this.#last)
    await this.#next
    if (life !== this.#closes) {
      throw new AppError('STORE_UNAVAILABLE', 'the connection that wrote was lost before the write was safe', RETRY)
    }
  }

  async #begin(before: Promise<void>): Promise<void> {
    await before.catch(() => {}) // its own requests hear of it
    this.#last = this.#next!
    this.#next = undefined
    await Promise.all(mastersOf(this.#client).map((master) => this.#waitFor(master)))
  }

  async #waitFor(master: Redis): Promise<void> {
    if (this.#barrier.wait === 'disk') {
      const [local] = await master.call('WAITAOF', '1', '0', String(DISK_TIMEOUT_MS)) as [number, number]
      if (local < 1) throw new AppError('STORE_UNAVAILABLE', `redis did not write its log to disk in ${DISK_TIMEOUT_MS} ms`, RETRY)
      return
    }
    const { count, timeoutMs } = this.#barrier
    const reached = await master.wait(count, timeoutMs)
    if (reached < count) {
      throw new AppError('STORE_UNAVAILABLE', `the write reached ${reached} of ${count} replicas within ${timeoutMs} ms`, RETRY)
    }
  }
}

const RETRY = { details: { retryAfterSeconds: 2 } }
