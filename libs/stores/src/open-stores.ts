import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import {
  actionsOf, AppError, catalogsOf, describeMove, INSTALLATION, MOVED, MOVING, type MovedRecord, type MovingRecord, type Packs,
} from '@tallyfleet/domain'
import type {
  AccountStore, CatalogStore, HotStore, Journal, LiveExchange, Log, LoggedCounters, RecordStore, RequestCounts, RollupStore, SegmentStore, TelemetryStore,
} from '@tallyfleet/ports'
import type { StoresConfig } from './stores-config.ts'

/** Every store of an installation, open. Disposing closes them all. */
export type Stores = AsyncDisposable & {
  hot: HotStore
  rollups: RollupStore
  journal: Journal
  catalog: CatalogStore
  accounts: AccountStore
  records: RecordStore
  telemetry: TelemetryStore
  segments: SegmentStore
  /** The installation's secret: keys the hashes of dedupe members and document ids. */
  secret: string
  redisUrl: string
  /**
   * Makes ready to ingest, before the first request does. With INGEST_DURABILITY=log-first it brings Redis up to the
   * ingest logs of this machine; otherwise there is nothing to do.
   */
  startIngest(): Promise<void>
  /** Where the fleet's processes leave their metrics for whoever is asked. */
  metrics: MetricsExchange
  /** Where what is counted is left to be shown live. */
  live: LiveExchange
}

export type MetricsExchange = {
  publish(process: string, metrics: unknown): Promise<void>
  list(): Promise<unknown[]>
}

/** The stores that work without Redis: enough for accounts, reports and migrations. */
export type DurableStores = Omit<Stores, 'hot' | 'live' | 'metrics' | 'redisUrl' | 'startIngest'>

/**
 * Opens every store that the URLs name; the scheme picks the engine, and each brings its schema up to date.
 * Rejects with `STORE_UNAVAILABLE` when one does not answer, `STORE_REFUSED` when one is set up to lose counts,
 * `CONFIG_INVALID` for a scheme that nobody serves.
 */
export async function openStores(config: StoresConfig, { packs, log }: { packs: Packs; log: Log }): Promise<Stores> {
  await using stack = new AsyncDisposableStack()
  const redisUrl = config.REDIS_URL
  if (!redisUrl) {
    throw new AppError('STORE_UNAVAILABLE', 'no redis: start the fleet with ./fleet up, or set REDIS_URL')
  }
  const durable = stack.use(await openDurableStores(config, { packs }))
  const { RedisHotStore, RedisLiveExchange, RedisMetricsExchange } = await import('@tallyfleet/store-redis')
  const { INGEST_DURABILITY: mode, FREEZE_SETTLE_MS: settleMs } = config
  const redis = stack.use(await RedisHotStore.open({
    url: redisUrl, durability: mode === 'log-first' ? 'everysec' : mode, settleMs,
    replicas: { count: config.INGEST_REPLICAS, timeoutMs: config.INGEST_REPLICA_TIMEOUT_MS },
  }))
  const logged = mode === 'log-first' ? stack.use(await logBefore(redis)) : undefined
  const hot = logged ?? redis
  const metrics = stack.use(await RedisMetricsExchange.open({ url: redisUrl }))
  const live = stack.use(await RedisLiveExchange.open({ url: redisUrl }))
  await refuseLostRollups(hot, durable.rollups)
  log.debug({ rollups: config.ROLLUPS_URL ?? 'embedded' }, 'stores open')
  const moved = stack.move()
  return {
    ...durable, hot, metrics, live, redisUrl, startIngest: async () => await logged?.start(),
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  }

  async function logBefore(inner: HotStore & LoggedCounters) {
    const { LoggedHotStore } = await import('@tallyfleet/store-log')
    return new LoggedHotStore({ hot: inner, ...durable, home: config.FLEET_HOME, log })
  }
}

/** Opens the counts of requests that all APIs share. Rejects with `STORE_UNAVAILABLE` when Redis does not answer. */
export async function openRequestCounts(redisUrl: string): Promise<RequestCounts> {
  const { RedisRequestCounts } = await import('@tallyfleet/store-redis')
  return await RedisRequestCounts.open({ url: redisUrl })
}

/** Opens all stores but Redis. Rejects as {@link openStores}. */
export async function openDurableStores(config: StoresConfig, { packs }: { packs: Packs }): Promise<DurableStores> {
  await using stack = new AsyncDisposableStack()
  const actions = actionsOf(packs)
  const at = (name: string) => `sqlite:${join(config.FLEET_HOME, name)}`
  const rollupsUrl = config.ROLLUPS_URL ?? at('rollups.sqlite')
  const catalogUrl = config.CATALOG_URL ?? at('catalog.sqlite')
  const segmentsUrl = config.SEGMENTS_URL ?? at('segments.sqlite')

  const [rollups, journal] = await openRollups(rollupsUrl, actions)
  stack.use(rollups)
  stack.use(journal)
  const { SqlAccountStore, SqlCatalogStore, SqliteSegmentStore, SqlRecordStore, SqlTelemetryStore } = await import('@tallyfleet/store-sql')
  const catalog = stack.use(await SqlCatalogStore.open({ url: catalogUrl, catalogs: catalogsOf(packs) }))
  const accounts = stack.use(await SqlAccountStore.open({ url: catalogUrl }))
  const records = stack.use(await SqlRecordStore.open({ url: catalogUrl }))
  const telemetry = stack.use(await SqlTelemetryStore.open({ url: catalogUrl }))
  let segments: SegmentStore
  if (segmentsUrl.startsWith('sqlite:')) {
    segments = await SqliteSegmentStore.open({ path: segmentsUrl.slice('sqlite:'.length) })
  } else {
    const { SearchSegmentStore } = await import('@tallyfleet/store-search')
    segments = await SearchSegmentStore.open({
      url: segmentsUrl, prefix: config.SEGMENTS_PREFIX, apiKey: config.SEGMENTS_API_KEY, ca: config.SEGMENTS_CA,
    })
  }
  stack.use(segments)
  await refuseMoved(journal)
  const secret = await findSecret(journal, config.FLEET_SECRET)
  const moved = stack.move()
  return {
    rollups, journal, catalog, accounts, records, telemetry, segments, secret,
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  }
}

/** Rollups and the journal beside them, as they stand: also those that were moved away or are half copied. */
export async function openRollups(url: string, actions: readonly string[]): Promise<[RollupStore, Journal]> {
  if (url.startsWith('sqlite:')) {
    const path = url.slice('sqlite:'.length)
    const { SqliteJournal, SqliteRollupStore } = await import('@tallyfleet/store-sql')
    return [await SqliteRollupStore.open({ path, actions }), await SqliteJournal.open({ path })]
  }
  const { MongoJournal, MongoRollupStore } = await import('@tallyfleet/store-mongo')
  return [await MongoRollupStore.open({ url, actions }), await MongoJournal.open({ url })]
}

/** Whether rollups stand there; makes none. Rejects with `STORE_UNAVAILABLE` when the server does not answer. */
export async function hasRollups(url: string): Promise<boolean> {
  if (url.startsWith('sqlite:')) return existsSync(url.slice('sqlite:'.length))
  const { MongoRollupStore } = await import('@tallyfleet/store-mongo')
  return await MongoRollupStore.exists({ url })
}

/** The secret stands beside the rollups, whose document ids depend on it: every machine of the fleet finds the same. */
async function findSecret(journal: Journal, given: string | undefined): Promise<string> {
  await journal.claim('installation', 'secret', given ?? randomBytes(32).toString('base64url'))
  const secret = await journal.find('installation', 'secret') as string
  if (given !== undefined && given !== secret) {
    throw new AppError('STORE_REFUSED', 'FLEET_SECRET is not the secret that these rollups were written with')
  }
  return secret
}

/** Rollups that were left, or are only half here, are no place to count into. */
async function refuseMoved(journal: Journal): Promise<void> {
  const moved = await journal.find(INSTALLATION, MOVED) as MovedRecord | undefined
  const why = describeMove(moved, await journal.find(INSTALLATION, MOVING) as MovingRecord | undefined)
  if (why) throw new AppError('STORE_REFUSED', why)
}

/** Numbers in Redis beside an empty rollup store: the rollups were lost or another store is named by mistake. */
async function refuseLostRollups(hot: HotStore, rollups: RollupStore): Promise<void> {
  const numbered = (await hot.listShards()).filter(({ done }) => done !== undefined && done > 0)
  if (numbered.length > 0 && (await rollups.listLatestManifests()).length === 0) {
    throw new AppError('STORE_REFUSED', `redis has finished batches of ${numbered.length} shards, but the rollup store is empty: `
      + 'ROLLUPS_URL names the wrong store, or it was lost')
  }
}
