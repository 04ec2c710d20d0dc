import { setTimeout as sleep } from 'node:timers/promises'
import {
  addDays, ALL_SHARDS, bucketOf, catalogsOf, COUNT, gapOf, SEPARATOR, shardOf, TOTAL_BUCKET, type Interval, type Packs,
} from '@tallyfleet/domain'
import type {
  CatalogOf, CatalogStore, Clock, HotStore, Journal, ListFault, Manifest, RollupStore, SegmentStore,
} from '@tallyfleet/ports'
import { doneByShard } from '../catalog-sync/sync-catalog.ts'
import { listShardLedgers } from '../ledger/read-ledger.ts'
import { planRollupRepair, type RollupCell } from '../repair/plan-rollup-repair.ts'
import { documentOf } from '../segments/sync-segments.ts'

export type ParityNeeds = {
  hot: HotStore; rollups: RollupStore; catalog: CatalogStore; segments: SegmentStore; journal: Journal
  packs: Packs; clock: Clock
}

export const PARITY_STORES = ['ledger', 'rollups', 'catalog', 'segments'] as const
export type ParityStore = (typeof PARITY_STORES)[number]

/** One number that two places tell differently. */
export type ParityDifference = {
  store: ParityStore
  what: string
  expected: number
  actual: number
  /** Undefined in a list of all shards. */
  shard: number | undefined
  /** Whether `repairStores` can put it right: a gap of the ledger, or days that are wrong themselves, it cannot. */
  repairable: boolean
  /** The number of the rollups, row or document; absent in the ledger and in lists beside the documents. */
  cell?: Omit<RollupCell, 'shown' | 'right' | 'repairable'>
}

/** Days, `to` exclusive. */
export type ParityRange = { from?: string | undefined; to?: string | undefined }

export type ParityRun = {
  at: string
  equal: boolean
  stores: Record<string, { compared: number; differences: number }>
  /** The first hundred. */
  differences: ParityDifference[]
  /** Entities that count without a catalog row: listed, no difference. */
  orphans: { count: number; sample: string[] }
  /** Shards under flush all the while, and shards whose projections are behind: compared by the next run. */
  inFlight: { rollups: number; catalog: number; segments: number }
  /** The days that the rollups were compared for; absent: all. */
  range?: ParityRange
  /** How many differences {@link repairStores} put right before this run. */
  repaired?: number
  /** The differences are the plan of a repair that was only asked for. */
  dryRun?: boolean
  tookMs: number
}

type ListCell = Pick<ListFault, 'tenant' | 'domain' | 'entityType' | 'entityId' | 'interval' | 'bucket' | 'action' | 'shard'>

const SAMPLE = 100
const PAGE = 500
/** A shard is compared again while batches come in, for some seconds. */
const QUIET_TRIES = 20
const QUIET_WAIT_MS = 250

/**
 * Compares the stores with each other (counting.md §3): the ledger; every week, month, year and total with the sum of
 * its days, the entities' sums with the shard sums, and lists beside the documents with the documents; catalog rows and segment documents with opening + total.
 * What is in flight is no difference: a row older than its shard's mark is left out and counted in `inFlight`.
 * A range narrows the rollups to the buckets that share a day with it; the other stores know no days.
 * The run is kept in the journal.
 */
export async function checkParity(needs: ParityNeeds, options: ParityOptions = {}): Promise<ParityRun> {
  const { run } = await compareStores(needs, options)
  await needs.journal.put('parity', run.at, run)
  return run
}

export type ParityOptions = { stores?: readonly ParityStore[]; range?: ParityRange; signal?: AbortSignal | undefined }

/** {@link checkParity}, unwritten, with every difference. */
export async function compareStores(
  needs: ParityNeeds, { stores = PARITY_STORES, range = {}, signal }: ParityOptions = {},
): Promise<{ run: ParityRun; differences: ParityDifference[] }> {
  const startedAt = needs.clock.now()
  const report = new Report()
  if (stores.includes('ledger')) await compareLedger(needs, report)
  if (stores.includes('rollups')) {
    const latest = await latestByShard(needs.rollups)
    for (const shard of ALL_SHARDS) await compareRollups(shard, latest.get(shard), range, needs, report, signal)
    await compareLists(range, needs, report, signal)
  }
  if (stores.includes('catalog') || stores.includes('segments')) {
    const done = await doneByShard(needs.rollups)
    const marks = await needs.catalog.listMarks()
    const revisions = await needs.catalog.listRevisions()
    const segmentMarks = await needs.segments.listMarks()
    const synced = new Map([...marks].filter(([shard, mark]) => mark >= (done.get(shard) ?? 0)))
    const projected = new Map([...segmentMarks].filter(([shard, mark]) => mark >= (revisions.get(shard) ?? 0)))
    for (const shard of ALL_SHARDS) {
      if (!synced.has(shard) && !done.get(shard)) synced.set(shard, 0)
      if (!projected.has(shard) && !revisions.get(shard)) projected.set(shard, 0)
    }
    report.inFlight.catalog = ALL_SHARDS.length - synced.size
    report.inFlight.segments = ALL_SHARDS.length - projected.size
    for (const { domain, entityType } of catalogsOf(needs.packs)) {
      for (const tenant of await needs.catalog.listTenants(domain, entityType)) {
        signal?.throwIfAborted()
        await compareProjections({ tenant, domain, entityType }, { stores, synced, projected }, needs, report)
      }
    }
    if (stores.includes('catalog')) await listOrphans(needs, report)
  }
  const { differences, inFlight } = report
  const run: ParityRun = {
    at: startedAt.toISOString(), equal: differences.length === 0, stores: report.stores,
    differences: differences.slice(0, SAMPLE), orphans: { count: report.orphanCount, sample: report.orphans }, inFlight,
    ...(range.from !== undefined || range.to !== undefined ? { range } : {}),
    tookMs: needs.clock.now().getTime() - startedAt.getTime(),
  }
  return { run, differences }
}

/** Past runs, newest first. */
export async function listParityRuns(limit: number, { journal }: { journal: Journal }): Promise<ParityRun[]> {
  return (await journal.list('parity', { limit, descending: true })).map(({ body }) => body as ParityRun)
}

class Report {
  readonly stores: Record<string, { compared: number; differences: number }> = {}
  readonly differences: ParityDifference[] = []
  readonly orphans: string[] = []
  /** What wrong totals of entities should be: their rows are compared with that, so that one fault is told once. */
  readonly rightTotals = new Map<string, number>()
  /** Documents that are wrong themselves: their lists are made anew with them, and one fault is told once. */
  readonly wrongCells = new Set<string>()
  /** Entities and actions whose days may be wrong: their lists may be what is right. */
  readonly suspects = new Set<string>()
  readonly inFlight = { rollups: 0, catalog: 0, segments: 0 }
  orphanCount = 0

  count(store: ParityStore, compared: number): void {
    this.#of(store).compared += compared
  }

  differ(difference: ParityDifference): void {
    this.#of(difference.store).differences++
    this.differences.push(difference)
  }

  /** Counts one number, and takes it down when it is not what it should be. */
  compare(expected: number, actual: number, difference: () => Omit<ParityDifference, 'expected' | 'actual'>): void {
    const { store, ...rest } = difference()
    this.count(store, 1)
    if (expected !== actual) this.differ({ store, ...rest, expected, actual })
  }

  #of(store: ParityStore) {
    return (this.stores[store] ??= { compared: 0, differences: 0 })
  }

  orphan(name: string): void {
    this.orphanCount++
    if (this.orphans.length < SAMPLE) this.orphans.push(name)
  }
}

async function compareLedger(needs: ParityNeeds, report: Report): Promise<void> {
  for (const ledger of await listShardLedgers(needs)) {
    const { shard, tenant, counted } = ledger
    report.compare(counted, counted - gapOf(ledger), () => ({
      store: 'ledger', shard, repairable: false,
      what: `events of shard ${shard}, tenant ${tenant}: counted, and flushed + open + hot + dead`,
    }))
  }
}

/**
 * The sums of one shard, while no batch of it is under way: what differs is compared again when a batch was, and left
 * to the next run when there always is one.
 */
async function compareRollups(
  shard: number, latest: Manifest | undefined, range: ParityRange, { rollups }: ParityNeeds, report: Report,
  signal: AbortSignal | undefined,
): Promise<void> {
  let before = latest
  for (let tries = 1; ; tries++) {
    signal?.throwIfAborted()
    const { compared, wrong } = await planRollupRepair(shard, { rollups })
    if (wrong.length > 0 && !await wasQuiet(shard, before, rollups)) {
      if (tries < QUIET_TRIES) {
        await sleep(QUIET_WAIT_MS, undefined, { signal })
        before = (await latestByShard(rollups)).get(shard)
        continue
      }
      report.inFlight.rollups++
      return
    }
    report.count('rollups', compared)
    for (const cell of wrong) {
      if (cell.interval === 'total' && cell.entityId !== null && cell.measure === COUNT) {
        report.rightTotals.set(totalKey(cell, cell.entityId, cell.action), cell.repairable ? cell.right : cell.shown)
      }
      report.wrongCells.add(cellKey({ ...cell, shard }))
      if (!cell.repairable) report.suspects.add(seriesKey({ ...cell, shard }))
      if (!isInRange(cell, range)) continue
      const { tenant, domain, entityType, entityId, bucket, action, measure, right, shown, repairable } = cell
      const whose = entityId === null ? `the sum of shard ${shard}` : entityId
      const source = isDerived(cell.interval) ? 'its days' : 'its entities'
      report.differ({
        store: 'rollups', what: `${tenant} ${domain} ${entityType} ${whose} ${cell.interval} ${bucket} ${action}.${measure}: `
          + `${source}, and what is shown${repairable ? '' : ' (the days may be wrong)'}`,
        expected: right, actual: shown, shard, repairable,
        cell: { tenant, domain, entityType, entityId, interval: cell.interval, bucket, action, measure },
      })
    }
    return
  }
}

/** Top lists, and numbers of entities: each says what the documents say. */
async function compareLists(
  range: ParityRange, { rollups }: ParityNeeds, report: Report, signal: AbortSignal | undefined,
): Promise<void> {
  for await (const fault of rollups.scanListFaults()) {
    signal?.throwIfAborted()
    const { tenant, domain, entityType, entityId, interval, bucket, action, shard, expected, actual } = fault
    if (fault.list === 'top' && report.wrongCells.has(cellKey(fault)) || !isInRange(fault, range)) continue
    const what = fault.list === 'entities' ? `how many ${entityType}s have ${action}`
      : `the top list by ${action} of ${interval} ${bucket}: ${entityId ?? `the sum of shard ${shard}`}`
    report.differ({
      store: 'rollups', what: `${tenant} ${domain} ${what}: the documents, and the list`, expected, actual, shard,
      repairable: !report.suspects.has(seriesKey(fault)),
    })
  }
}

function cellKey(cell: ListCell): string {
  return [seriesKey(cell), cell.interval, cell.bucket].join(SEPARATOR)
}

function seriesKey({ tenant, domain, entityType, entityId, action, shard }: ListCell): string {
  return [tenant, domain, entityType, entityId ?? `shard ${shard}`, action].join(SEPARATOR)
}

function totalKey({ tenant, domain, entityType }: CatalogOf, entityId: string, action: string): string {
  return [tenant, domain, entityType, entityId, action].join(SEPARATOR)
}

async function latestByShard(rollups: RollupStore): Promise<Map<number, Manifest>> {
  return new Map((await rollups.listLatestManifests()).map((manifest) => [manifest.shard, manifest]))
}

/** Whether no batch of the shard was under way since `before` was its latest. */
async function wasQuiet(shard: number, before: Manifest | undefined, rollups: RollupStore): Promise<boolean> {
  const since = await rollups.listManifests(shard, (before?.n ?? 1) - 1, 2)
  return before?.state !== 'open' && since.length === (before ? 1 : 0) && since.every(({ state }) => state === 'done')
}

function isDerived(interval: Interval): boolean {
  return interval !== 'day' && interval !== 'hour'
}

/** Whether a bucket shares a day with the range. */
function isInRange({ interval, bucket }: { interval: Interval; bucket: string }, { from, to }: ParityRange): boolean {
  if (interval === 'total') return true
  const shortest = interval === 'hour' ? 'day' : interval
  const key = interval === 'hour' ? bucket.slice(0, 10) : bucket
  return (from === undefined || key >= bucketOf(shortest, from)) && (to === undefined || key <= bucketOf(shortest, addDays(to, -1)))
}

/** Rows with opening + total, and documents with their rows. */
async function compareProjections(
  of: CatalogOf,
  { stores, synced, projected }: {
    stores: readonly ParityStore[]; synced: ReadonlyMap<number, number>; projected: ReadonlyMap<number, number>
  },
  { rollups, catalog, segments, packs }: ParityNeeds, report: Report,
): Promise<void> {
  const differenceOf = (store: ParityStore, id: string, action: string, what: string) => () => ({
    store, what: `${of.tenant} ${of.domain} ${of.entityType} ${id} ${action}: ${what}`, repairable: true,
    shard: shardOf({ ...of, entityId: id }),
    cell: { ...of, entityId: id, interval: 'total' as const, bucket: TOTAL_BUCKET, action, measure: COUNT },
  })
  let after: string | undefined
  for (;;) {
    const rows = await catalog.scanRows(of, after, PAGE)
    if (rows.length === 0) break
    after = rows.at(-1)!.id
    if (stores.includes('catalog')) {
      const totals = new Map((await rollups.listTotals(of, rows.map(({ id }) => id))).map((one) => [one.entityId, one]))
      for (const row of rows.filter(({ id }) => synced.has(shardOf({ ...of, entityId: id })))) {
        if (row.revision === 0) continue // not met yet: the next sync makes what stands in it its opening
        const total = totals.get(row.id)
        // A batch that was applied after the marks were read is in flight.
        if (total && (total.seq > synced.get(row.shard)! || (total.seq > row.version && row.version > 0))) continue
        for (const [action, shown] of Object.entries(row.totals)) {
          const counted = report.rightTotals.get(totalKey(of, row.id, action)) ?? total?.counts[action]?.[COUNT] ?? 0
          const expected = (row.opening[action] ?? 0) + counted
          report.compare(expected, shown, differenceOf('catalog', row.id, action, 'opening + total, and the catalog row'))
        }
      }
    }
  }
  if (!stores.includes('segments')) return
  const documents = new Map<string, Record<string, number>>()
  after = undefined
  for (;;) {
    const page = await segments.scanDocuments(of, after, PAGE)
    if (page.length === 0) break
    after = page.at(-1)!.entityId
    for (const { entityId, totals } of page) documents.set(entityId, totals)
  }
  after = undefined
  for (;;) {
    const rows = await catalog.scanRows(of, after, PAGE)
    if (rows.length === 0) break
    after = rows.at(-1)!.id
    for (const row of rows.filter(({ id }) => projected.has(shardOf({ ...of, entityId: id })))) {
      if (row.revision === 0 || row.revision > projected.get(row.shard)!) continue
      const shown = documents.get(row.id)
      for (const [action, expected] of Object.entries(documentOf(row, packs).totals)) {
        report.compare(expected, shown?.[action] ?? (shown ? 0 : -1), differenceOf('segments', row.id, action,
          `the catalog row, and the segment document${shown ? '' : ' (missing)'}`))
      }
    }
  }
}

/** Entities of mapped types that have totals but no row. */
async function listOrphans({ rollups, catalog, packs }: ParityNeeds, report: Report): Promise<void> {
  const mapped = new Set(catalogsOf(packs).map(({ domain, entityType }) => `${domain} ${entityType}`))
  for (const shard of ALL_SHARDS) {
    let cursor: string | undefined
    do {
      const page = await rollups.listChangedTotals(shard, 0, Number.MAX_SAFE_INTEGER, PAGE, cursor)
      const groups = Map.groupBy(page.totals.filter(({ domain, entityType }) => mapped.has(`${domain} ${entityType}`)),
        ({ tenant, domain, entityType }) => [tenant, domain, entityType].join(SEPARATOR))
      for (const [key, totals] of groups) {
        const [tenant, domain, entityType] = key.split(SEPARATOR) as [string, string, string]
        const rows = new Set((await catalog.listRows({ tenant, domain, entityType }, totals.map(({ entityId }) => entityId))).map(({ id }) => id))
        for (const { entityId } of totals) if (!rows.has(entityId)) report.orphan(`${tenant} ${domain} ${entityType} ${entityId}`)
      }
      cursor = page.cursor
    } while (cursor !== undefined)
  }
}
