import { addDays, AppError, daysBetween, dayOf, TOTAL_BUCKET, type Filter, type Packs } from '@tallyfleet/domain'
import type {
  CatalogStore, Clock, EntityOf, HotStore, Journal, RollupStore, SegmentStore, Tenant,
} from '@tallyfleet/ports'
import { readFreshness, type Freshness } from '../explore/freshness.ts'
import { readSeries } from '../explore/list-time-series.ts'
import { countPassing, sumPassing, type Passes } from '../explore/narrowed-series.ts'
import { rangeError, type DayRange } from '../explore/range.ts'
import { checkSubject } from '../explore/subject.ts'
import type { SegmentMembers } from '../segment-queries/segment-members.ts'
import { actionsOfType, mainTypeOf } from './actions-of-type.ts'
import { readCatalogView } from './catalog-view.ts'
import { figureOf, readComparison, type Comparison, type ComparisonQuery, type Figure } from './comparison.ts'
import { coverRange, EVERYTHING, readInsightRange } from './cover-range.ts'
import { totalOf } from './list-trends.ts'
import { readOutcomes } from './read-outcomes.ts'

/** Outcomes are read by the minute, 1,440 a day. */
const MAX_OUTCOME_DAYS = 92
const USUAL_DAYS = 28

export type OverviewQuery = ComparisonQuery & {
  domain: string
  /** Absent: the pack's first type with a catalog. */
  entityType?: string | undefined
  /** Absent: 28 days, today the last. */
  from?: string | undefined
  to?: string | undefined
  /** Narrow what is about entities; arrivals and lag stay those of the whole tenant. */
  f?: readonly Filter[] | undefined
  seg?: SegmentMembers | undefined
}

type Point = { bucket: string; count: number }

export type OverviewView = {
  entityType: string
  range: DayRange
  comparison: Comparison | undefined
  actions: (Figure & { action: string; title: string; active: Figure; spark: Point[]; previousSpark: Point[] })[]
  /** Entities with any event. */
  active: Figure
  /** Of the whole tenant, by arrival; undefined for more than 92 days. */
  quality: Record<'received' | 'duplicates' | 'rejected', Figure> | undefined
  /** Counted, not yet flushed, of the whole tenant. */
  pending: number
  lagSeconds: number | undefined
  snapshot: { totals: Record<string, number>; entities: number; catalogRows: number | undefined }
  freshness: Freshness
}

type Needs = {
  hot: HotStore; rollups: RollupStore; catalog: CatalogStore; segments: SegmentStore; journal: Journal; packs: Packs
  clock: Clock
}

/** The numbers of the first page: what happened in a range, against another one, and everything so far. */
export async function getOverview(tenant: Tenant, query: OverviewQuery, needs: Needs): Promise<OverviewView> {
  const { domain } = query
  const pack = needs.packs.get(domain)
  const entityType = query.entityType ?? (pack ? mainTypeOf(pack) : '')
  checkSubject({ domain, entityType }, needs.packs)
  const now = needs.clock.now()
  const range = readUsualRange(query, tenant.zone, now)
  const comparison = readComparison(query, range, tenant.zone, now)
  const before = comparison?.range
  const of = { tenant: tenant.id, domain, entityType }
  const names = actionsOfType(pack!, entityType)
  const freshness = await readFreshness(range, tenant.zone, needs)

  const { f = [], seg } = query
  const view = f.length > 0 || seg ? await readCatalogView(of, [], f, needs, seg) : undefined
  const countActive = (actions: readonly string[], days: DayRange) => (view
    ? countPassing(of, view.passes, actions, days, needs) : needs.rollups.countEntities(of, actions, coverRange(days)))
  const activeOf = async (actions: readonly string[]) =>
    figureOf(await countActive(actions, range), before ? await countActive(actions, before) : null)
  const actions = await Promise.all(names.map(async (action) => {
    const spark = await readSeries(of, null, action, 'day', range, needs, view?.passes)
    const previousSpark = before ? await readSeries(of, null, action, 'day', before, needs, view?.passes) : []
    const figure = figureOf(totalOf(spark), before ? totalOf(previousSpark) : null)
    return { action, title: pack!.actions[action]!.title, ...figure, active: await activeOf([action]), spark, previousSpark }
  }))
  const ledgers = (await needs.hot.listLedger()).filter((row) => row.tenant === tenant.id)
  return {
    entityType, range, comparison, actions, active: await activeOf(names),
    quality: await readQuality(tenant, range, before, needs),
    pending: ledgers.reduce((sum, { open, hot }) => sum + open + hot, 0),
    lagSeconds: freshness.dataThrough && Math.max(0, (now.getTime() - freshness.dataThrough.getTime()) / 1_000),
    snapshot: {
      totals: Object.fromEntries(await Promise.all(names.map(async (action) =>
        [action, await totalSoFar(of, action, view?.passes, needs)] as const))),
      entities: view ? await countPassing(of, view.passes, names, undefined, needs)
        : await needs.rollups.countEntities(of, names, EVERYTHING),
      // Every member of a segment is a row.
      catalogRows: f.length > 0 ? view!.rows.length : seg ? seg.members.size : await countRows(of, needs),
    },
    freshness,
  }
}

async function totalSoFar(of: EntityOf, action: string, passes: Passes | undefined, needs: Needs): Promise<number> {
  if (passes) return await sumPassing(of, passes, action, undefined, needs)
  const [total] = await needs.rollups.listSeries(of, null, action, 'total', TOTAL_BUCKET, `${TOTAL_BUCKET}~`)
  return total?.count ?? 0
}

/** A range of at most 400 days; without both ends: 28 days, today the last. */
export function readUsualRange(
  { from, to }: { from?: string | undefined; to?: string | undefined }, zone: string, now: Date,
): DayRange {
  if (from !== undefined) return readInsightRange({ from, to }, zone, now)!
  if (to !== undefined) throw rangeError('/from', 'is missing beside `to`')
  const end = addDays(dayOf(now, zone), 1)
  return { from: addDays(end, -USUAL_DAYS), to: end }
}

async function readQuality(
  tenant: Tenant, range: DayRange, before: DayRange | undefined, needs: Needs,
): Promise<OverviewView['quality']> {
  const tooLong = [range, before].some((days) => days && daysBetween(days.from, days.to) > MAX_OUTCOME_DAYS)
  if (tooLong) return undefined
  const now = await readOutcomes(tenant, range, needs)
  const then = before && await readOutcomes(tenant, before, needs)
  const received = (counts: typeof now) => counts.counted + counts.duplicate + counts.rejected + counts.quarantined
  return {
    received: figureOf(received(now), then ? received(then) : null),
    duplicates: figureOf(now.duplicate, then ? then.duplicate : null),
    rejected: figureOf(now.rejected, then ? then.rejected : null),
  }
}

/** Rows of the catalog, as its segments count them; undefined without a catalog, or while segments are away. */
async function countRows(of: EntityOf, { segments, packs }: Needs): Promise<number | undefined> {
  if (!packs.get(of.domain)!.entityTypes[of.entityType]!.catalog) return undefined
  try {
    return await segments.count(of, [])
  } catch (error) {
    if (error instanceof AppError && error.code === 'STORE_UNAVAILABLE') return undefined
    throw error
  }
}
