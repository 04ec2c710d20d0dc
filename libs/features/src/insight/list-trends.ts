import type { Filter, Packs } from '@tallyfleet/domain'
import type { CatalogStore, Clock, Journal, RollupStore, Tenant } from '@tallyfleet/ports'
import { readFreshness, type Freshness } from '../explore/freshness.ts'
import { readSeries, type SeriesInterval } from '../explore/list-time-series.ts'
import { refuseOneEntity } from '../explore/narrowed-series.ts'
import { readDayRange } from '../explore/range.ts'
import { readTitles } from '../explore/read-titles.ts'
import { checkSubject, readEntityId } from '../explore/subject.ts'
import type { SegmentMembers } from '../segment-queries/segment-members.ts'
import { actionsOfType } from './actions-of-type.ts'
import { readPasses } from './catalog-view.ts'
import { figureOf, readComparison, type ComparisonQuery, type Figure } from './comparison.ts'

export type TrendsQuery = ComparisonQuery & {
  domain: string
  entityType: string
  /** Absent: every action of the type. */
  actions?: readonly string[] | undefined
  /** Absent: the sum over all entities. */
  entityIds?: readonly string[] | undefined
  interval: SeriesInterval
  from: string
  to?: string | undefined
  f?: readonly Filter[] | undefined
  seg?: SegmentMembers | undefined
}

export type Trend = {
  action: string
  entityId: string | null
  title: string | null
  total: Figure
  points: { bucket: string; count: number; previousBucket: string | null; previous: number | null }[]
}

type Needs = { rollups: RollupStore; catalog: CatalogStore; journal: Journal; packs: Packs; clock: Clock }

/**
 * A series for each action and entity, the n-th bucket beside the n-th of the compared days. Rejects as
 * `listTimeSeries`.
 */
export async function listTrends(
  tenant: Tenant, query: TrendsQuery, needs: Needs,
): Promise<{ trends: Trend[]; freshness: Freshness }> {
  const { domain, entityType, interval } = query
  checkSubject({ domain, entityType }, needs.packs)
  const actions = [...new Set(query.actions ?? actionsOfType(needs.packs.get(domain)!, entityType))]
  for (const action of actions) checkSubject({ domain, entityType, action }, needs.packs)
  const entityIds = query.entityIds ? [...new Set(query.entityIds.map(readEntityId))] : [null]
  const now = needs.clock.now()
  const range = readDayRange(query, tenant.zone, now)!
  const before = readComparison(query, range, tenant.zone, now)?.range
  const of = { tenant: tenant.id, domain, entityType }
  const freshness = await readFreshness(range, tenant.zone, needs)
  const passes = await readPasses(of, query, needs)
  if (passes && query.entityIds) refuseOneEntity(query.seg ? '/seg' : '/f')
  const titles = await readTitles(of, entityIds.filter((id) => id !== null), needs)

  const trends = await Promise.all(actions.flatMap((action) => entityIds.map(async (entityId): Promise<Trend> => {
    const points = await readSeries(of, entityId, action, interval, range, needs, passes)
    const previous = before && await readSeries(of, entityId, action, interval, before, needs, passes)
    return {
      action, entityId, title: entityId === null ? null : titles.get(entityId) ?? null,
      total: figureOf(totalOf(points), previous ? totalOf(previous) : null),
      points: points.map((point, index) => ({
        ...point, previousBucket: previous?.[index]?.bucket ?? null, previous: previous?.[index]?.count ?? null,
      })),
    }
  })))
  return { trends, freshness }
}

/** Events in a series. */
export function totalOf(points: readonly { count: number }[]): number {
  return points.reduce((sum, { count }) => sum + count, 0)
}
