import {
  ALL_SHARDS, bucketOf, catalogsOf, COUNT, gapOf, SEPARATOR, shardOf, type Counts, type Interval, type Packs,
} from '@tallyfleet/domain'
import type {
  CatalogStore, Clock, HotStore, Journal, RollupDocument, RollupStore, SegmentStore,
} from '@tallyfleet/ports'
import { doneByShard } from '../catalog-sync/sync-catalog.ts'
import { listShardLedgers } from '../ledger/read-ledger.ts'
import { documentOf } from '../segments/sync-segments.ts'

export type ParityNeeds = {
  hot: HotStore; rollups: RollupStore; catalog: CatalogStore; segments: SegmentStore; journal: Journal
  packs: Packs; clock: Clock
}

export const PARITY_STORES = ['ledger', 'rollups', 'catalog', 'segments'] as const
export type ParityStore = (typeof PARITY_STORES)[number]

/** One number that two places tell differently. */
export type ParityDifference = { store: ParityStore; what: string; expected: number; actual: number }

export type ParityRun = {
  at: string
  equal: boolean
  stores: Record<string, { compared: number; differences: number }>
  /** The first hundred. */
  differences: ParityDifference[]
  /** Entities that count without a catalog row: listed, no difference. */
  orphans: { count: number; sample: string[] }
  /** Shards whose projections are behind the rollups. */
  inFlight: { catalog: number; segments: number }
  tookMs: number
}

const SAMPLE = 100
const PAGE = 500
const DERIVED = ['total', 'year', 'month', 'week'] as const

/**
 * Compares the stores with each other (counting.md §3): the ledger; every week, month, year and total with the sum of
 * its days, and the entities' sums with the shard sums; catalog rows and segment documents with opening + total.
 * What is in flight is no difference: a row older than its shard's mark is left out and counted in `inFlight`.
 * The run is kept in the journal.
 */
export async function checkParity(
  needs: ParityNeeds, { stores = PARITY_STORES, signal }: { stores?: readonly ParityStore[]; signal?: AbortSignal } = {},
): Promise<ParityRun> {
  const startedAt = needs.clock.now()
  const report = new Report()
  const inFlight = { catalog: 0, segments: 0 }
  if (stores.includes('ledger')) await compareLedger(needs, report)
  if (stores.includes('rollups')) {
    for (const shard of ALL_SHARDS) {
      signal?.throwIfAborted()
      await compareRollups(shard, needs, report)
    }
  }
  if (stores.includes('catalog') || stores.includes('segments')) {
    const done = await doneByShard(needs.rollups)
    const marks = await needs.catalog.listMarks()
    const revisions = await needs.catalog.listRevisions()
    const segmentMarks = await needs.segments.listMarks()
    const synced = new Set(ALL_SHARDS.filter((shard) => (marks.get(shard) ?? 0) >= (done.get(shard) ?? 0)))
    const projected = new Set(ALL_SHARDS.filter((shard) => (segmentMarks.get(shard) ?? 0) >= (revisions.get(shard) ?? 0)))
    inFlight.catalog = ALL_SHARDS.length - synced.size
    inFlight.segments = ALL_SHARDS.length - projected.size
    for (const { domain, entityType } of catalogsOf(needs.packs)) {
      for (const tenant of await needs.catalog.listTenants(domain, entityType)) {
        signal?.throwIfAborted()
        await compareProjections({ tenant, domain, entityType }, { stores, synced, projected }, needs, report)
      }
    }
    if (stores.includes('catalog')) await listOrphans(needs, report)
  }
  const run: ParityRun = {
    at: startedAt.toISOString(), equal: report.differenceCount === 0, stores: report.stores,
    differences: report.differences, orphans: { count: report.orphanCount, sample: report.orphans }, inFlight,
    tookMs: needs.clock.now().getTime() - startedAt.getTime(),
  }
  await needs.journal.put('parity', run.at, run)
  return run
}

/** Past runs, newest first. */
export async function listParityRuns(limit: number, { journal }: { journal: Journal }): Promise<ParityRun[]> {
  return (await journal.list('parity', { limit, descending: true })).map(({ body }) => body as ParityRun)
}

class Report {
  readonly stores: Record<string, { compared: number; differences: number }> = {}
  readonly differences: ParityDifference[] = []
  readonly orphans: string[] = []
  differenceCount = 0
  orphanCount = 0

  compare(store: ParityStore, expected: number, actual: number, what: () => string): void {
    const counts = (this.stores[store] ??= { compared: 0, differences: 0 })
    counts.compared++
    if (expected === actual) return
    counts.differences++
    this.differenceCount++
    if (this.differences.length < SAMPLE) this.differences.push({ store, what: what(), expected, actual })
  }

  orphan(name: string): void {
    this.orphanCount++
    if (this.orphans.length < SAMPLE) this.orphans.push(name)
  }
}

async function compareLedger(needs: ParityNeeds, report: Report): Promise<void> {
  for (const ledger of await listShardLedgers(needs)) {
    report.compare('ledger', ledger.counted, ledger.counted - gapOf(ledger),
      () => `events of shard ${ledger.shard}, tenant ${ledger.tenant}: counted, and flushed + open + hot + dead`)
  }
}

/** The sums of one shard: Σ days against every longer bucket, and Σ entities against the shard's own sums. */
async function compareRollups(shard: number, { rollups }: ParityNeeds, report: Report): Promise<void> {
  const keptDerived = new Map<string, number>()
  const keptSums = new Map<string, number>()
  const fromDays = new Map<string, number>()
  const fromEntities = new Map<string, number>()
  for await (const document of rollups.scan(shard)) {
    const { of, interval, bucket } = document
    for (const [name, value] of flatten(document.counts)) {
      const key = keyOf(document, interval, bucket, name)
      if (of === 'shard') bump(keptSums, key, value)
      else bump(fromEntities, keyOf({ ...document, of: 'shard', entityId: null }, interval, bucket, name), value)
      if (DERIVED.some((derived) => derived === interval)) bump(keptDerived, key, value)
      if (interval !== 'day') continue
      for (const derived of DERIVED) bump(fromDays, keyOf(document, derived, bucketOf(derived, bucket), name), value)
    }
  }
  const compareAll = (expected: Map<string, number>, actual: Map<string, number>, what: string) => {
    for (const key of new Set([...expected.keys(), ...actual.keys()])) {
      report.compare('rollups', expected.get(key) ?? 0, actual.get(key) ?? 0,
        () => `${what} ${key.split(SEPARATOR).filter(Boolean).join(' ')} (shard ${shard})`)
    }
  }
  compareAll(fromDays, keptDerived, 'Σ days and')
  compareAll(fromEntities, keptSums, 'Σ entities and')
}

function keyOf(
  { of, tenant, domain, entityType, entityId }: Pick<RollupDocument, 'of' | 'tenant' | 'domain' | 'entityType' | 'entityId'>,
  interval: Interval, bucket: string, name: string,
): string {
  return [of, tenant, domain, entityType, entityId ?? '', interval, bucket, name].join(SEPARATOR)
}

function flatten(counts: Counts): [string, number][] {
  return Object.entries(counts).flatMap(([action, measures]) =>
    Object.entries(measures).map(([measure, value]): [string, number] => [`${action}.${measure}`, value]))
}

function bump(sums: Map<string, number>, key: string, value: number): void {
  sums.set(key, (sums.get(key) ?? 0) + value)
}

/** Rows with opening + total, and documents with their rows. */
async function compareProjections(
  of: { tenant: string; domain: string; entityType: string },
  { stores, synced, projected }: { stores: readonly ParityStore[]; synced: Set<number>; projected: Set<number> },
  { rollups, catalog, segments, packs }: ParityNeeds, report: Report,
): Promise<void> {
  const name = (id: string) => `${of.tenant} ${of.domain} ${of.entityType} ${id}`
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
        if (total && total.seq > row.version && row.version > 0) continue
        for (const [action, shown] of Object.entries(row.totals)) {
          const expected = (row.opening[action] ?? 0) + (total?.counts[action]?.[COUNT] ?? 0)
          report.compare('catalog', expected, shown, () => `${name(row.id)} ${action}: opening + total, and the catalog row`)
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
      if (row.revision === 0) continue
      const shown = documents.get(row.id)
      for (const [action, expected] of Object.entries(documentOf(row, packs).totals)) {
        report.compare('segments', expected, shown?.[action] ?? (shown ? 0 : -1), () =>
          `${name(row.id)} ${action}: the catalog row, and the segment document${shown ? '' : ' (missing)'}`)
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
