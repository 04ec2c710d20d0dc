import type { RequestCounts } from '@tallyfleet/ports'
import type { Cluster, Redis } from 'ioredis'
import { connectRedis, Script, unavailable } from './redis-connection.ts'

const countScript = new Script('count-request')

/** One counter for each key, which ends with its window. */
export class RedisRequestCounts implements RequestCounts {
  readonly #client: Redis | Cluster

  private constructor(client: Redis | Cluster) {
    this.#client = client
  }

  static async open({ url }: { url: string }): Promise<RedisRequestCounts> {
    return new RedisRequestCounts(await connectRedis(url))
  }

  async add(key: string, by: number, windowMs: number): Promise<{ count: number; restMs: number }> {
    try {
      const [count, restMs] = await countScript.run(this.#client, [`requests:{${key}}`], [by, windowMs]) as [number, number]
      return { count, restMs }
    } catch (error) {
      throw unavailable(error)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.disconnect()
  }
}
