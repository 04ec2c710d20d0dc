import type { ChildProcess } from 'node:child_process'
import { ALL_SHARDS, TOTAL_BUCKET } from '@tallyfleet/domain'
import { createKey, flushShards } from '@tallyfleet/features'
import { packs } from '@tallyfleet/packs'
import { silentLog, systemClock } from '@tallyfleet/ports'
import { RedisHotStore } from '@tallyfleet/store-redis'
import { openDurableStores, openStores, storesConfig } from '@tallyfleet/stores'
import { Redis } from 'ioredis'
import type { Measures } from './harness.ts'
import type { LoadAnswer, LoadOrder } from './http-load.ts'
import { cpuSecondsOf, expectCount, type Workplace } from './workplace.ts'

/** A server that takes events at `/api/v1/events`. */
export type EventServer = { url: string; pid: number }

/** More than the load knows. */
const MOST_ENTITIES = 10_000

const production = { NODE_ENV: 'production' }

/** A limit that nobody reaches is still counted for every event. */
const EVENTS_PER_MINUTE = 1_000_000_000

/** The API as it ships, with a Redis and embedded stores of its own. */
export class ApiBench implements AsyncDisposable {
  readonly server: EventServer
  readonly redis: Redis
  readonly redisUrl: string
  readonly #hot: RedisHotStore
  readonly #key: string
  readonly #home: string
  readonly #workplace: Workplace
  readonly #load: ChildProcess

  private constructor(
    { server, redisUrl, hot, key, home, workplace, load }:
    { server: EventServer; redisUrl: string; hot: RedisHotStore; key: string; home: string; workplace: Workplace; load: ChildProcess },
  ) {
    this.server = server
    this.redisUrl = redisUrl
    this.redis = new Redis(redisUrl)
    this.#hot = hot
    this.#key = key
    this.#home = home
    this.#workplace = workplace
    this.#load = load
  }

  static async open(workplace: Workplace): Promise<ApiBench> {
    const redisUrl = await workplace.startServer('redis')
    const home = `${workplace.folder}/home`
    const key = await makeKey(home)
    const server = await startEventServer(workplace, 'apps/api/src/main.ts', {
      HTTP_PORT: '0', REDIS_URL: redisUrl, FLEET_HOME: home,
    })
    const { child } = await workplace.startProgram('ops/load/src/http-load.ts')
    return new ApiBench({ server, redisUrl, hot: await RedisHotStore.open({ url: redisUrl }), key, home, workplace, load: child })
  }

  /**
   * Sends events to a server and answers events/s, latencies and the server's processor time an event. Every request
   * must be answered with a 2xx; with `counts`, the server must have counted each event, starting from an empty Redis.
   */
  async send(
    { url, pid }: EventServer, { requests, connections, batch, perSecond, counts }: Omit<LoadOrder, 'url' | 'key'> & { counts: boolean },
  ): Promise<Measures> {
    if (counts) await this.redis.flushall()
    const cpuBefore = cpuSecondsOf(pid)
    const order: LoadOrder = { url, key: this.#key, connections, requests, batch, perSecond }
    this.#load.send(order)
    const { seconds, accepted, p50Ms, p99Ms } = await this.#workplace.hear<LoadAnswer>(this.#load)
    const events = requests * batch
    expectCount('answers that promise a count', accepted, requests)
    if (counts) expectCount('events in the ledger', await this.countEvents(), events)
    return { rate: events / seconds, p50Ms, p99Ms, cpuMicros: (cpuSecondsOf(pid) - cpuBefore) / events * 1_000_000 }
  }

  /** What Redis has counted since it was empty. */
  async countEvents(): Promise<number> {
    return (await this.#hot.listLedger()).reduce((sum, { counted }) => sum + counted, 0)
  }

  /** Flushes what Redis has counted since it was empty; answers the seconds until all of it stands in the rollups. */
  async flush(): Promise<number> {
    const config = storesConfig.parse({ FLEET_HOME: this.#home, REDIS_URL: this.redisUrl })
    await using stores = await openStores(config, { packs, log: silentLog })
    const events = await this.countEvents()
    const startedAt = performance.now()
    await flushShards(ALL_SHARDS, { ...stores, packs, clock: systemClock, log: silentLog }, { jobId: 'bench' })
    const seconds = (performance.now() - startedAt) / 1_000
    const top = await stores.rollups.listTop(
      { tenant: 'default', domain: 'jav', entityType: 'movie' }, 'view', { interval: 'total', bucket: TOTAL_BUCKET }, MOST_ENTITIES)
    expectCount('events in the rollups', top.reduce((sum, { count }) => sum + count, 0), events)
    return seconds
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.redis.disconnect()
    await this.#hot[Symbol.asyncDispose]()
  }
}

/** Starts a program that tells its port. */
export async function startEventServer(
  workplace: Workplace, path: string, env: Record<string, string> = {},
): Promise<EventServer> {
  const { child, message } = await workplace.startProgram<{ port: number }>(path, { env: { ...production, ...env } })
  return { url: `http://127.0.0.1:${message.port}`, pid: child.pid! }
}

async function makeKey(home: string): Promise<string> {
  await using stores = await openDurableStores(storesConfig.parse({ FLEET_HOME: home }), { packs })
  const { secret } = await createKey(
    { tenant: 'default', name: 'bench', scopes: ['ingest'], eventsPerMinute: EVENTS_PER_MINUTE }, { accounts: stores.accounts, clock: systemClock },
  )
  return secret
}
