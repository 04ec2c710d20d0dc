import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ALL_SHARDS } from '@tallyfleet/domain'
import { packs } from '@tallyfleet/packs'
import { silentLog, systemClock } from '@tallyfleet/ports'
import { openStores, storesConfig, type Stores } from '@tallyfleet/stores'
import { startPrivateRedis } from '@tallyfleet/testing'
import { syncCatalog } from './catalog-sync/sync-catalog.ts'
import { flushShards } from './flush/flush-shards.ts'
import { recordEvents } from './ingest/record-events.ts'
import { syncSegments } from './segments/sync-segments.ts'

export type Spine = AsyncDisposable & {
  home: string
  needs: Stores & { packs: typeof packs; clock: typeof systemClock; log: typeof silentLog }
  /** Counts one view for each film. */
  send(films: string[], at?: Date): Promise<void>
  flush(jobId: string): Promise<void>
  /** Brings catalog and segments up to the rollups. */
  sync(): Promise<void>
  putFilm(id: string): Promise<void>
}

/** The engine without processes: the embedded stores in a folder of their own, and a Redis of their own. */
export async function openSpine(): Promise<Spine> {
  await using stack = new AsyncDisposableStack()
  const home = stack.adopt(await mkdtemp(join(tmpdir(), 'fleet-spine-')), (path) => rm(path, { recursive: true }))
  const redis = stack.adopt(await startPrivateRedis(), (server) => server.stop())
  const config = storesConfig.parse({ FLEET_HOME: home, REDIS_URL: redis.url, FREEZE_SETTLE_MS: 0 })
  const stores = stack.use(await openStores(config, { packs, log: silentLog }))
  const needs = { ...stores, packs, clock: systemClock, log: silentLog }
  let serial = 0
  const moved = stack.move()
  return {
    home, needs,
    send: async (films, at = new Date()) => {
      await recordEvents(films.map((entity_id) => ({
        domain: 'jav', entity_type: 'movie', entity_id, action: 'view', event_id: `e-${++serial}`,
        occurred_at: at.toISOString(),
      })), { tenant: 'default', zone: 'UTC', keyId: 'spine', eventsPerMinute: 0 }, needs)
    },
    flush: async (jobId) => { await flushShards(ALL_SHARDS, needs, { jobId }) },
    sync: async () => {
      await syncCatalog(needs)
      await syncSegments(needs)
    },
    putFilm: async (id) => {
      const films = { tenant: 'default', domain: 'jav', entityType: 'movie' }
      await stores.catalog.putRows(films, [{ id, columns: { title: id } }])
    },
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  }
}
