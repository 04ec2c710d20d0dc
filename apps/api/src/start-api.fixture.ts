import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKey, createTenant, LiveHub, type CreateKeyInput } from '@tallyfleet/features'
import { createMetrics } from '@tallyfleet/metrics'
import { packs } from '@tallyfleet/packs'
import { silentLog, systemClock, type Log } from '@tallyfleet/ports'
import { openJobQueue, openQueueAdmin } from '@tallyfleet/queue'
import { openStores, storesConfig, type Stores } from '@tallyfleet/stores'
import { startPrivateRedis } from '@tallyfleet/testing'
import { buildApp } from './app.ts'
import { serveLive } from './live/serve-live.ts'
import { apiConfig, type ApiConfig } from '@tallyfleet/config'
import type { ApiNeeds } from './needs.ts'

export type TestApi = AsyncDisposable & {
  url: string
  stores: Stores
  needs: ApiNeeds
  /** Makes a key and answers its secret. */
  key(input: Partial<CreateKeyInput>): Promise<string>
  tenant(id: string, zone?: string): Promise<string>
  /** `fetch` with a key; an object as body is sent as JSON. */
  call(method: string, path: string, options?: { key?: string; body?: unknown; headers?: Record<string, string> }): Promise<Answer>
}

export type Answer = { status: number; headers: Headers; text: string; json: any }

const job = { name: 'test-board', queue: 'boards', waitGoalMs: 60_000 }

/**
 * The whole API on a free port, over a Redis of its own and stores in a folder that goes with it.
 * @param env names other stores, as `ROLLUPS_URL` and the like
 */
export async function startApi(
  { config = {}, log = silentLog, override = {}, env = {} }:
    { config?: Partial<ApiConfig>; log?: Log; override?: Partial<ApiNeeds>; env?: Record<string, string> } = {},
): Promise<TestApi> {
  await using stack = new AsyncDisposableStack()
  const home = stack.adopt(mkdtempSync(join(tmpdir(), 'fleet-api-')), (path) => rmSync(path, { recursive: true, force: true }))
  const redis = stack.adopt(await startPrivateRedis(), (server) => server.stop())
  const stores = stack.use(await openStores(
    storesConfig.parse({ FLEET_HOME: home, REDIS_URL: redis.url, FREEZE_SETTLE_MS: 0, ...env }), { packs, log },
  ))
  const queues = stack.use(await openQueueAdmin({ url: redis.url, jobs: [job as never] }))
  const queue = stack.use(await openJobQueue({ url: redis.url }))
  const live = stack.use(new LiveHub({ ...stores, exchange: stores.live, packs, clock: systemClock, log }, { everyMs: 100 }))
  const needs: ApiNeeds = {
    ...stores, live, exchange: stores.live, queues, queue, boardQueues: queues.bullQueues(), packs, clock: systemClock, log,
    reportsFolder: join(home, 'reports'),
    metrics: createMetrics({ runtimeMetrics: false }), config: { ...apiConfig.parse({}), ...config }, ...override,
  }
  // As the product: a test that computes for seconds must not find its connection closed.
  const server = createServer({ keepAliveTimeout: 65_000 }, buildApp(needs)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  stack.defer(() => { server.closeAllConnections(); server.close() })
  stack.use(serveLive(server, needs))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const moved = stack.move()
  return {
    url, stores, needs,
    key: async (input) => (await createKey({ tenant: 'default', name: 'test', scopes: ['ingest'], ...input }, needs)).secret,
    tenant: async (id, zone = 'UTC') => (await createTenant({ id, zone }, needs)).id,
    async call(method, path, { key, body, headers = {} } = {}) {
      const raw = body === undefined || typeof body === 'string' || body instanceof Uint8Array
      const response = await fetch(url + path, {
        method, redirect: 'manual', body: raw ? body as never : JSON.stringify(body),
        headers: { ...(!raw && { 'content-type': 'application/json' }), ...(key && { authorization: `Bearer ${key}` }), ...headers },
      })
      const text = await response.text()
      const isJson = /json/.test(response.headers.get('content-type') ?? '')
      return { status: response.status, headers: response.headers, text, json: isJson && text ? JSON.parse(text) : undefined }
    },
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  }
}

let serial = 0

/** An event that keeps the contract, now; `part` says what is different. */
export function eventOf(part: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    domain: 'jav', entity_type: 'movie', entity_id: 'm-1', action: 'view', occurred_at: new Date().toISOString(),
    event_id: `e-${++serial}`, ...part,
  }
}
