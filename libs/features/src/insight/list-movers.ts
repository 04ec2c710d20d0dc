import { daysBetween, type Filter, type Packs } from '@tallyfleet/domain'
import type { CatalogStore, Clock, Journal, RollupStore, Tenant } from '@tallyfleet/ports'
import { readFreshness, type Freshness } from '../explore/freshness.ts'
import { rangeError } from '../explore/range.ts'
import { readTitles } from '../explore/read-titles.ts'
import { checkSubject } from '../explore/subject.ts'
import type { SegmentMembers } from '../segment-queries/segment-members.ts'
import { readCatalogView } from './catalog-view.ts'
import { changeOf, readComparison, type ComparisonQuery } from './comparison.ts'
import { readInsightRange } from './cover-range.ts'
import { pageByScore } from './page-by-score.ts'
import { ranksOf, readSums } from './read-sums.ts'

export type MoversQuery = ComparisonQuery & {
  domain: string
  entityType: string
  action: string
  from: string
  to?: string | undefined
  direction: 'up' | 'down' | 'both'
  f: readonly Filter[]
  seg?: SegmentMembers | undefined
  /** 1 to 1,000. */
  limit: number
  cursor?: string | undefined
}

export type Movement = {
  entityId: string
  title: string | null
  count: number
  previous: number
  /** count - previous, the latter scaled to as many days. */
  difference: number
  change: number | null
  score: number
  rank: number | null
  previousRank: number | null
}

type Needs = {
  rollups: RollupStore; catalog: CatalogStore; journal: Journal; packs: Packs; clock: Clock; secret: string
}

/**
 * Entities whose counts moved most between a range and the days that it is compared with (`prev` unless asked
 * otherwise), the largest score first. Ranks are those among all entities, whatever the filters.
 * Rejects with `RANGE_INVALID`, `PARAMETER_INVALID`, `CURSOR_INVALID`, or a code of the subject.
 */
export async function listMovers(
  tenant: Tenant, query: MoversQuery, needs: Needs,
): Promise<{ movers: Movement[]; nextCursor: string | undefined; freshness: Freshness }> {
  const { domain, entityType, action, direction, f } = query
  checkSubject(query, needs.packs)
  const now = needs.clock.now()
  const range = readInsightRange(query, tenant.zone, now)!
  const cmp = query.cmp ?? { kind: 'prev', matchWeekday: false }
  const before = readComparison({ ...query, cmp }, range, tenant.zone, now)!.range
  if (before.from < range.to && range.from < before.to) throw rangeError('/cmp_from', 'overlaps the range')
  const of = { tenant: tenant.id, domain, entityType }
  const freshness = await readFreshness(range, tenant.zone, needs)
  const [sums, previousSums, view] = await Promise.all([
    readSums(of, action, range, needs),
    readSums(of, action, readInsightRange(before, tenant.zone, now), needs),
    readCatalogView(of, [], f, needs, query.seg),
  ])
  const scale = daysBetween(range.from, range.to) / daysBetween(before.from, before.to)
  const ids = new Set([...sums.keys(), ...previousSums.keys()])
  const all = [...ids].filter(view.passes).map((entityId) => {
    const [count, previous] = [sums.get(entityId) ?? 0, previousSums.get(entityId) ?? 0]
    return { entityId, count, previous, difference: count - previous * scale, score: moveScore(count, previous, scale) }
  }).filter(({ score }) => (direction === 'up' ? score > 0 : direction === 'down' ? score < 0 : score !== 0))

  const list = ['movers', tenant.id, domain, entityType, action, range, before, direction, f, query.seg?.id]
  const { page, nextCursor } = pageByScore(all, ({ score, entityId }) => ({ score: Math.abs(score), id: entityId }),
    query, list, needs.secret)
  const [titles, ranks, previousRanks] =
    [await readTitles(of, page.map(({ entityId }) => entityId), needs), ranksOf(sums), ranksOf(previousSums)]
  return {
    movers: page.map((mover) => ({
      ...mover, title: titles.get(mover.entityId) ?? null, change: changeOf(mover.count, mover.previous * scale),
      rank: ranks.get(mover.entityId) ?? null, previousRank: previousRanks.get(mover.entityId) ?? null,
    })),
    nextCursor, freshness,
  }
}

/**
 * How surprising a move is: the difference of two counts in its standard errors, each count taken as Poisson, so with
 * a variance of itself: (a - k b) / sqrt(a + k² b), k the ratio of the days. 100 → 130 scores 2.0, 2 → 4 scores 0.8.
 * @param scale days of the range for each day that it is compared with
 */
export function moveScore(count: number, previous: number, scale: number): number {
  const variance = count + scale * scale * previous
  return variance === 0 ? 0 : (count - scale * previous) / Math.sqrt(variance)
}
