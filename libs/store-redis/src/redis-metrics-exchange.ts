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

  /** Leaves the metrics of one process in place of its last. */
  async publish(process: string, metrics: unknown): Promise<void> {
    await this.#client.hset(KEY, process, JSON.stringify({ at: Date.now(), metrics }))
  }

  /** What each process published within 20 s; older ones are removed. Empty while Redis is away. */
  async list(): Promise<unknown[]> {
    const fields = await this.#client.hgetall(KEY).catch(() => ({}))
    const fresh: unknown[] = []
    for (const [process, text] of Object.entries(fields)) {
      const { at, metrics } = JSON.parse(text) as { at: number; metrics: unknown }
      if (Date.now() - at < KEEP_MS) fresh.push(metrics)
      else await this.#client.hdel(KEY, process).catch(() => undefined)
    }
    return fresh
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.disconnect()
  }
}
