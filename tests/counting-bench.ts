import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ALL_SHARDS, type Packs } from '@tallyfleet/domain'
import { flushShards, recordEvents, type RecordedEvent } from '@tallyfleet/features'
import { packs } from '@tallyfleet/packs'
import { silentLog, systemClock, type OpenBatch } from '@tallyfleet/ports'
import { RedisHotStore } from '@tallyfleet/store-redis'
import { SqliteJournal, SqliteRollupStore } from '@tallyfleet/store-sql'
import { actionsOf } from '@tallyfleet/domain'

/** The counting spine without processes: a hot store of the test's own Redis, rollups in a file. */
export type CountingBench = AsyncDisposable & {
  /** The rollups' file. */
  path: string
  hot: RedisHotStore
  rollups: SqliteRollupStore
  journal: SqliteJournal
  packs: Packs
  needs: { hot: RedisHotStore; rollups: SqliteRollupStore; journal: SqliteJournal; packs: Packs; secret: string; clock: typeof systemClock; log: typeof silentLog }
  send(events: { entityId: string; eventId: string; tenant?: string }[]): Promise<RecordedEvent[]>
  flush(): ReturnType<typeof flushShards>
  /** Freezes every shard and goes no further, as a worker that died there. */
  freeze(): Promise<OpenBatch[]>
  /** Opens the hot store again, at another server. */
  reconnect(url: string): Promise<void>
  totals(tenant?: string): Promise<Record<string, number>>
}

export async function openCountingBench(url: string): Promise<CountingBench> {
  const dir = await mkdtemp(join(tmpdir(), 'fleet-counting-'))
  const path = join(dir, 'rollups.sqlite')
  const rollups = await SqliteRollupStore.open({ path, actions: actionsOf(packs) })
  const journal = await SqliteJournal.open({ path })
  const needs = { hot: await RedisHotStore.open({ url, settleMs: 0 }), rollups, journal, packs, secret: 'a secret of this bench', clock: systemClock, log: silentLog }
  const of = (tenant: string) => ({ tenant, domain: 'jav', entityType: 'movie' })
  return {
    path, needs, rollups, journal, packs,
    get hot() { return needs.hot },
    send: async (events) => {
      const answers: RecordedEvent[] = []
      for (const [tenant, list] of Map.groupBy(events, (event) => event.tenant ?? 'default')) {
        answers.push(...await recordEvents(list.map(({ entityId, eventId }) => ({
          domain: 'jav', entity_type: 'movie', entity_id: entityId, action: 'view', event_id: eventId, occurred_at: new Date().toISOString(),
        })), { tenant, zone: 'UTC', keyId: 'bench', eventsPerMinute: 0 }, needs))
      }
      return answers
    },
    flush: () => flushShards(ALL_SHARDS, needs, { jobId: 'bench' }),
    freeze: async () => await needs.hot.freeze((await needs.hot.listShards()).flatMap(({ shard, epoch }) => (epoch ? [{ shard, epoch }] : []))),
    reconnect: async (to) => {
      await needs.hot[Symbol.asyncDispose]()
      needs.hot = await RedisHotStore.open({ url: to, settleMs: 0 })
    },
    totals: async (tenant = 'default') =>
      Object.fromEntries((await rollups.listTop(of(tenant), 'view', { interval: 'total', bucket: 'all' }, 1_000)).map(({ entityId, count }) => [entityId, count])),
    [Symbol.asyncDispose]: async () => {
      await needs.hot[Symbol.asyncDispose]()
      await journal[Symbol.asyncDispose]()
      await rollups[Symbol.asyncDispose]()
      await rm(dir, { recursive: true, force: true })
    },
  }
}
