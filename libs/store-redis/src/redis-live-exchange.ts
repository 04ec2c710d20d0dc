import { LIVE_COUNTS_MS, LIVE_SLICES_MS, type LiveBurst, type LiveExchange, type LiveRead, type LiveSlice } from '@tallyfleet/ports'
import type { Cluster, Redis } from 'ioredis'
import { connectRedis, unavailable } from './redis-connection.ts'

type Entry = [id: string, fields: string[]]

const slicesOf = (tenant: string) => `live:{l${tenant}}:slices`
const countsOf = (tenant: string) => `live:{l${tenant}}:counts`
const atOf = (id: string) => Number(id.split('-')[0])

/**
 * Two short streams for each tenant: slices for five minutes, their counts for thirty. Entries are named by the server's
 * clock, so processes whose clocks differ agree on the second.
 */
export class RedisLiveExchange implements LiveExchange {
  readonly #client: Redis | Cluster
  /** The server's clock less ours. */
  #aheadMs = 0

  private constructor(client: Redis | Cluster) {
    this.#client = client
  }

  /** Rejects with `STORE_UNAVAILABLE`. */
  static async open({ url }: { url: string }): Promise<RedisLiveExchange> {
    const exchange = new RedisLiveExchange(await connectRedis(url))
    await exchange.#now()
    return exchange
  }

  async publish(slices: ReadonlyMap<string, LiveSlice>): Promise<void> {
    const now = Date.now() + this.#aheadMs
    await this.#run([...slices].flatMap(([tenant, slice]) => ([
      [slicesOf(tenant), LIVE_SLICES_MS, JSON.stringify(slice)], [countsOf(tenant), LIVE_COUNTS_MS, JSON.stringify(slice.bursts)],
    ] as const).flatMap(([key, keptMs, value]) => [
      this.#client.xadd(key, 'MINID', '~', now - keptMs, '*', 'v', value), this.#client.pexpire(key, keptMs),
    ])))
  }

  async read(tenant: string, cursor?: string): Promise<LiveRead> {
    const now = await this.#now()
    const since = now - LIVE_SLICES_MS
    const [slices, counts] = await this.#run([
      this.#client.xrange(slicesOf(tenant), cursor === undefined ? since : `(${cursor}`, '+'),
      cursor === undefined ? this.#client.xrange(countsOf(tenant), now - LIVE_COUNTS_MS, `(${since}`) : [],
    ]) as [Entry[], Entry[]]
    return {
      now,
      slices: slices.map(([id, [, text]]) => ({ at: atOf(id), slice: JSON.parse(text!) as LiveSlice })),
      counts: counts.flatMap(([id, [, text]]) => (JSON.parse(text!) as LiveBurst[]).map(([ageMs, count]) => ({ at: atOf(id) - ageMs, count }))),
      cursor: slices.at(-1)?.[0] ?? cursor ?? `${since}`,
    }
  }

  async putTicket(id: string, body: unknown, seconds: number): Promise<void> {
    await this.#run([this.#client.set(`live:ticket:${id}`, JSON.stringify(body), 'EX', seconds)])
  }

  async claimTicket(id: string): Promise<unknown> {
    const [text] = await this.#run([this.#client.getdel(`live:ticket:${id}`)]) as [string | null]
    return text === null ? undefined : JSON.parse(text)
  }

  async #now(): Promise<number> {
    const [[seconds, micros]] = await this.#run([this.#client.time()]) as unknown as [[string, string]]
    const now = Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000)
    this.#aheadMs = now - Date.now()
    return now
  }

  async #run(commands: readonly unknown[]): Promise<unknown[]> {
    try {
      return await Promise.all(commands)
    } catch (error) {
      throw unavailable(error)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.disconnect()
  }
}
