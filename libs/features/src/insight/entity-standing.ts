import { TOTAL_BUCKET } from '@tallyfleet/domain'
import type { EntityOf, RollupStore } from '@tallyfleet/ports'
import { readSeries, type SeriesInterval } from '../explore/list-time-series.ts'
import { wholeBucket, type DayRange } from '../explore/range.ts'
import { figureOf, type Figure } from './comparison.ts'
import { coverRange } from './cover-range.ts'
import { totalOf } from './list-trends.ts'
import { ranksOf, readSums } from './read-sums.ts'

/** How an entity stands among those of its type, by one action. */
export type Standing = {
  action: string
  total: Figure
  /** From 1, ties by id; null without a count. */
  rank: number | null
  /** Entities with a count. */
  entities: number
  /** Of the count over all entities. */
  share: number
  points: { bucket: string; count: number }[]
}

type Needs = { rollups: RollupStore }

/**
 * Count, rank, share and series of some entities in a range of days. A range that is one whole bucket has its ranks
 * from the index; any other is ranked by reading the counts of all entities.
 */
export async function readStandings(
  of: EntityOf, ids: readonly string[], action: string, interval: SeriesInterval, range: DayRange,
  before: DayRange | undefined, needs: Needs,
): Promise<Standing[]> {
  const [all, entities, seriesOf] = await Promise.all([
    readSeries(of, null, action, interval, range, needs),
    needs.rollups.countEntities(of, [action], coverRange(range)),
    Promise.all(ids.map((id) => readSeries(of, id, action, interval, range, needs))),
  ])
  const ranks = await readRanks(of, ids.map((id, index) => ({ entityId: id, count: totalOf(seriesOf[index]!) })), action, range, needs)
  const everything = totalOf(all)
  return Promise.all(ids.map(async (id, index) => {
    const points = seriesOf[index]!
    const total = totalOf(points)
    const previous = before ? totalOf(await readSeries(of, id, action, interval, before, needs)) : null
    return {
      action, total: figureOf(total, previous), rank: ranks[index]!, entities,
      share: everything === 0 ? 0 : total / everything, points,
    }
  }))
}

async function readRanks(
  of: EntityOf, places: readonly { entityId: string; count: number }[], action: string, range: DayRange, needs: Needs,
): Promise<(number | null)[]> {
  const bucket = wholeBucket(range)
  if (bucket) {
    return Promise.all(places.map(async (place) =>
      (place.count === 0 ? null : 1 + await needs.rollups.countBefore(of, action, bucket, place))))
  }
  if (places.every(({ count }) => count === 0)) return places.map(() => null)
  const ranks = ranksOf(await readSums(of, action, range, needs))
  return places.map(({ entityId }) => ranks.get(entityId) ?? null)
}

/** Rank and share of an entity by everything so far, for each action that it has. */
export async function readRanksSoFar(
  of: EntityOf, entityId: string, totals: Readonly<Record<string, number>>, { rollups }: Needs,
): Promise<{ action: string; rank: number; entities: number; share: number }[]> {
  const bucket = { interval: 'total' as const, bucket: TOTAL_BUCKET }
  return Promise.all(Object.entries(totals).filter(([, count]) => count > 0).map(async ([action, count]) => {
    const [before, entities, [all]] = await Promise.all([
      rollups.countBefore(of, action, bucket, { count, entityId }),
      rollups.countEntities(of, [action], [bucket]),
      rollups.listSeries(of, null, action, 'total', TOTAL_BUCKET, `${TOTAL_BUCKET}~`),
    ])
    return { action, rank: before + 1, entities, share: all ? count / all.count : 0 }
  }))
}
