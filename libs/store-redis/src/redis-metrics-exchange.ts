import type { Cluster, Redis } from 'ioredis'
import { connectRedis } from './redis-connection.ts'

const KEEP_MS = 20_000
const KEY = 'fleet:metrics'

/** Where the processes of a fleet leave their metrics for the one that is asked: one field each, forgotten when old. */
export class RedisMetricsExchange {
  readonly #client: Redis | Cluster

  private constructor(client: Redis | Cluster) {
    this.#client = client
  }

  static async open({ url }: { url: string }): Promise<RedisMetricsExchange> {
    return new RedisMetricsExchange(await connectRedis(url))
  }

  /** Leaves the snapshot (JSON with the time `at`) of one process in place of its last. */
  async publish(snapshot: string, process: string): Promise<void> {
    await this.#client.hset(KEY, process, snapshot)
  }

  /** The snapshots that are at most 20 s old; older ones are removed. Empty while Redis is away. */
  async list(): Promise<string[]> {
    const fields = await this.#client.hgetall(KEY).catch(() => ({}))
    const fresh: string[] = []
    for (const [process, snapshot] of Object.entries(fields)) {
      const { at } = JSON.parse(snapshot) as { at: string }
      if (Date.now() - Date.parse(at) < KEEP_MS) fresh.push(snapshot)
      else await this.#client.hdel(KEY, process).catch(() => undefined)
    }
    return fresh
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.disconnect()
  }
}
