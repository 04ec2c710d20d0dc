import { daysBetween, type Filter, type Packs } from '@tallyfleet/domain'
import type {
  CatalogStore, Clock, EntityOf, Journal, RollupStore, Tenant, TopAfter, TopEntry,
} from '@tallyfleet/ports'
import { readCatalogView } from '../insight/catalog-view.ts'
import { changeOf, readComparison, type ComparisonQuery } from '../insight/comparison.ts'
import { readInsightRange } from '../insight/cover-range.ts'
import { pageByScore } from '../insight/page-by-score.ts'
import { ranksOf, readSums } from '../insight/read-sums.ts'
import type { SegmentMembers } from '../segment-queries/segment-members.ts'
import { readCursor, writeCursor } from './cursor.ts'
import { readFreshness, type Freshness } from './freshness.ts'
import { rangeError, readDayRange, wholeBucket, type DayRange } from './range.ts'
import { readTitles } from './read-titles.ts'
import { checkSubject } from './subject.ts'

/** What a range may hold that is not one whole bucket. */
const MAX_DAYS = 400

export type TopQuery = ComparisonQuery & {
  domain: string
  entityType: string
  action: string
  /** A day, or an instant that starts one; both absent = totals. */
  from?: string | undefined
  /** Exclusive. */
  to?: string | undefined
  /** 1 to 1,000. */
  limit: number
  cursor?: string | undefined
  f?: readonly Filter[] | undefined
  seg?: SegmentMembers | undefined
}

export type TopEntity = {
  entityId: string
  title: string | undefined
  count: number
  /** Present when a comparison is asked for. */
  compared: { previous: number; change: number | null; rank: number; previousRank: number | null } | undefined
}

export type TopEntities = {
  entries: TopEntity[]
  /** Absent at the end of the list. */
  nextCursor: string | undefined
  freshness: Freshness
}

type Needs = {
  rollups: RollupStore; catalog: CatalogStore; journal: Journal; packs: Packs; clock: Clock; secret: string
}

/**
 * The entities with the highest counts, ties by id in UTF-8 byte order. A range that is one whole bucket is read from
 * its index; any other is summed from its days and may hold at most 400 of them. With filters, a segment or a comparison
 * the counts of all entities are read, at most 100,000; ranks are those among all entities, whatever the filters.
 * Rejects with `RANGE_INVALID`, `PARAMETER_INVALID`, `CURSOR_INVALID`, or a code of the subject.
 */
export async function listTopEntities(tenant: Tenant, query: TopQuery, needs: Needs): Promise<TopEntities> {
  const { domain, entityType, action, f = [] } = query
  checkSubject(query, needs.packs)
  const now = needs.clock.now()
  const range = readDayRange(query, tenant.zone, now)
  const before = readComparison(query, range, tenant.zone, now)?.range
  const of = { tenant: tenant.id, domain, entityType }
  const freshness = await readFreshness(range, tenant.zone, needs)
  const { page, nextCursor } = f.length > 0 || query.seg
    ? await listFiltered(of, query, f, range, needs)
    : await listAll(of, query, range, needs)
  const titles = await readTitles(of, page.map(({ entityId }) => entityId), needs)
  const compare = before && await comparerOf(of, action, range, readInsightRange(before, tenant.zone, now), needs)
  return {
    entries: page.map(({ entityId, count }) =>
      ({ entityId, title: titles.get(entityId), count, compared: compare?.({ entityId, count }) })),
    nextCursor, freshness,
  }
}

type Page = { page: TopEntry[]; nextCursor: string | undefined }

async function listAll(of: EntityOf, query: TopQuery, range: DayRange | undefined, needs: Needs): Promise<Page> {
  const { action, limit, cursor } = query
  const list = listOf(of, action, range)
  const after: TopAfter | undefined = cursor === undefined ? undefined : readCursor(cursor, list, needs.secret)
  const bucket = range ? wholeBucket(range) : { interval: 'total' as const, bucket: 'all' }
  if (!bucket && daysBetween(range!.from, range!.to) > MAX_DAYS) {
    throw rangeError('/to', `is more than ${MAX_DAYS} days after \`from\``)
  }
  const page = bucket
    ? await needs.rollups.listTop(of, action, bucket, limit, after)
    : await needs.rollups.listTopBetween(of, action, range!.from, range!.to, limit, after)
  const last = page.length === limit ? page.at(-1) : undefined
  return { page, nextCursor: last && writeCursor(last, list, needs.secret) }
}

async function listFiltered(
  of: EntityOf, query: TopQuery, f: readonly Filter[], range: DayRange | undefined, needs: Needs,
): Promise<Page> {
  const days = range && readInsightRange(range, 'UTC', needs.clock.now())
  const [sums, view] = await Promise.all([
    readSums(of, query.action, days, needs), readCatalogView(of, [], f, needs, query.seg),
  ])
  const entries = [...sums].filter(([id]) => view.passes(id)).map(([entityId, count]) => ({ entityId, count }))
  return pageByScore(entries, ({ count, entityId }) => ({ score: count, id: entityId }), query,
    [...listOf(of, query.action, range), f, query.seg?.id], needs.secret)
}

function listOf({ tenant, domain, entityType }: EntityOf, action: string, range: DayRange | undefined): unknown[] {
  return [tenant, domain, entityType, action, range?.from, range?.to]
}

/** What an entry was in the compared days. */
async function comparerOf(
  of: EntityOf, action: string, range: DayRange | undefined, before: DayRange | undefined, needs: Needs,
): Promise<(entry: TopEntry) => TopEntity['compared']> {
  const [sums, previousSums] = await Promise.all([readSums(of, action, range, needs), readSums(of, action, before, needs)])
  const [ranks, previousRanks] = [ranksOf(sums), ranksOf(previousSums)]
  return ({ entityId, count }) => {
    const previous = previousSums.get(entityId) ?? 0
    return {
      previous, change: changeOf(count, previous), rank: ranks.get(entityId) ?? ranks.size + 1,
      previousRank: previousRanks.get(entityId) ?? null,
    }
  }
}
