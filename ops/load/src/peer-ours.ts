import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createKey } from '@tallyfleet/features'
import { packs } from '@tallyfleet/packs'
import { systemClock } from '@tallyfleet/ports'
import { openDurableStores, storesConfig } from '@tallyfleet/stores'
import { Redis } from 'ioredis'
import { requestOf } from './peer-load.ts'
import { askJson, type PageCounter, type View } from './peer-systems.ts'
import type { Workplace } from './workplace.ts'

const FLUSH_INTERVAL_MS = 1_000
const EVENTS_PER_MINUTE = 1_000_000_000
const OF = 'domain=web&entity_type=page&action=view'

/** Ours as it ships, embedded stores and all, flushed each second; it can be killed and started again. */
export class OurCounter implements PageCounter {
  readonly name = 'ours'
  readonly batchSize = 500
  url = ''
  readonly #workplace: Workplace
  readonly #home: string
  #key = ''
  #redisUrl = ''
  #children: ChildProcess[] = []

  private constructor(workplace: Workplace) {
    this.#workplace = workplace
    this.#home = `${workplace.folder}/home`
  }

  static async open(workplace: Workplace): Promise<OurCounter> {
    const ours = new OurCounter(workplace)
    await using stores = await openDurableStores(storesConfig.parse({ FLEET_HOME: ours.#home }), { packs })
    const { secret } = await createKey({ tenant: 'default', name: 'bench', scopes: ['ingest', 'read'], eventsPerMinute: EVENTS_PER_MINUTE },
      { accounts: stores.accounts, clock: systemClock })
    ours.#key = secret
    await ours.start()
    return ours
  }

  async start(): Promise<void> {
    this.#redisUrl = await this.#workplace.startServer('redis')
    const env = {
      NODE_ENV: 'production', FLEET_HOME: this.#home, REDIS_URL: this.#redisUrl, HTTP_PORT: '0', LOG_LEVEL: 'warn',
      FLUSH_INTERVAL_MS: String(FLUSH_INTERVAL_MS), RATE_LIMIT_PER_MINUTE: '0',
    }
    const api = await this.#workplace.startProgram<{ port: number }>('apps/api/src/main.ts', { env })
    this.url = `http://127.0.0.1:${api.message.port}`
    this.#children = [api.child]
    for (const path of ['apps/scheduler/src/main.ts', 'apps/workers/src/main.ts']) {
      this.#children.push((await this.#workplace.startProgram(path, { env })).child)
    }
  }

  /** `kill -9` of every process of it, Redis too. */
  async kill(): Promise<void> {
    const redis = new Redis(this.#redisUrl)
    const pid = Number(/process_id:(\d+)/.exec(await redis.info('server'))![1])
    redis.disconnect()
    const ends = this.#children.map((child) => once(child, 'exit'))
    for (const child of this.#children) child.kill('SIGKILL')
    process.kill(pid, 'SIGKILL')
    await Promise.all(ends)
  }

  single(view: View): Buffer {
    return this.#post(JSON.stringify(eventOf(view)))
  }

  batch(views: readonly View[]): Buffer {
    return this.#post(JSON.stringify(views.map(eventOf)))
  }

  async countViews(): Promise<number> {
    const year = new Date().getUTCFullYear()
    const { data } = await askJson<{ data: { count: number }[] }>(
      `${this.url}/api/v1/timeseries?${OF}&interval=year&from=${year - 1}-01-01&to=${year + 1}-01-01`, { authorization: `Bearer ${this.#key}` })
    return data.reduce((sum, { count }) => sum + count, 0)
  }

  #post(body: string): Buffer {
    return requestOf(this.url, 'POST', '/api/v1/events', { authorization: `Bearer ${this.#key}` }, body)
  }
}

function eventOf({ page, visitor, id, at }: View) {
  return { domain: 'web', entity_type: 'page', entity_id: page, action: 'view', occurred_at: at.toISOString(), event_id: id, user_id: visitor }
}
