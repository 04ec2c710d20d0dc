import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Durability } from './kill-points.ts'
import { RedisServer } from './redis-server.ts'
import { TcpProxy } from './tcp-proxy.ts'

const FOLLOW_TIMEOUT_MS = 60_000
const LOOK_MS = 20

/**
 * The Redis of a round. In the mode `replica` a second one follows it, and clients go by an address that always leads to
 * the primary, as Sentinel or a managed Redis gives them one; in the other modes there is only the first.
 */
export class RedisPair implements AsyncDisposable {
  readonly url: string
  #primary: RedisServer
  #replica: RedisServer | undefined
  readonly #front: TcpProxy | undefined

  private constructor(primary: RedisServer, replica: RedisServer | undefined, front: TcpProxy | undefined) {
    this.#primary = primary
    this.#replica = replica
    this.#front = front
    this.url = (front ?? primary).url
  }

  static async start(dir: string, durability: Durability): Promise<RedisPair> {
    await using stack = new AsyncDisposableStack()
    const primary = stack.use(await RedisServer.start(join(dir, 'first'), durability === 'fsync' ? 'always' : 'everysec'))
    if (durability !== 'replica') {
      stack.move()
      return new RedisPair(primary, undefined, undefined)
    }
    const replica = stack.use(await RedisServer.start(join(dir, 'second'), 'everysec'))
    const pair = new RedisPair(primary, replica, stack.use(await TcpProxy.start(primary.url)))
    await pair.#pairUp()
    stack.move()
    return pair
  }

  /** Of the primary, as the next ones: starts it again on the same data and address. */
  async start(): Promise<void> {
    await this.#primary.start()
    if (this.#replica) await this.#pairUp()
  }

  async kill(): Promise<void> {
    await this.#primary.kill()
  }

  forget(): void {
    this.#primary.forget()
  }

  cutLog(ms: number): number {
    return this.#primary.cutLog(ms)
  }

  loseUnsynced(draw: number): number {
    return this.#primary.loseUnsynced(draw)
  }

  async command(...words: [string, ...(string | number)[]]): Promise<unknown> {
    return await this.#primary.command(...words)
  }

  /**
   * The primary is killed and all its data deleted, and the replica takes its place; an empty server follows that one
   * from then on. A replica that does not hold what was acknowledged may not be promoted: waits first until it has
   * caught up with its primary once.
   */
  async failOver(): Promise<void> {
    const [lost, heir] = [this.#primary, this.#replica!]
    await this.#caughtUp()
    await lost.kill()
    lost.forget()
    await heir.command('REPLICAOF', 'NO', 'ONE')
    this.#primary = heir
    this.#replica = lost
    this.#front!.target = heir.url
    await lost.start()
    await this.#pairUp()
  }

  /** The replica is killed and started again on its data. */
  async restartReplica(downMs: number): Promise<void> {
    await this.#replica!.kill()
    await sleep(downMs)
    await this.#replica!.start()
    await this.#pairUp()
  }

  /** No server writes alone: one that its clients cannot reach any more, or whose replica is away, refuses. */
  async #pairUp(): Promise<void> {
    const { hostname, port } = new URL(this.#primary.url)
    await this.#primary.command('CONFIG', 'SET', 'min-replicas-to-write', 1)
    await this.#replica!.command('REPLICAOF', hostname, port)
  }

  async #caughtUp(): Promise<void> {
    const deadline = performance.now() + FOLLOW_TIMEOUT_MS
    while (!String(await this.#replica!.command('INFO', 'replication')).includes('master_link_status:up')) {
      if (performance.now() > deadline) throw new Error('the replica did not catch up with its primary')
      await sleep(LOOK_MS)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#front?.[Symbol.asyncDispose]()
    await Promise.all([this.#primary, this.#replica].map((server) => server?.[Symbol.asyncDispose]()))
  }
}
