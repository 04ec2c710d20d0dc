import { addDays, AppError, bucketOf, bucketsBetween, firstDayOf, type Packs } from '@tallyfleet/domain'
import type { Clock, EntityOf, Journal, RollupStore, Tenant } from '@tallyfleet/ports'
import { readFreshness, type Freshness } from './freshness.ts'
import { rangeError, readDayRange, type DayRange } from './range.ts'
import { checkSubject, readEntityId } from './subject.ts'

export const MAX_BUCKETS = 4_000

export type SeriesInterval = 'day' | 'week' | 'month' | 'year'

export type TimeSeriesQuery = {
  domain: string
  entityType: string
  action: string
  interval: SeriesInterval
  from: string
  to?: string | undefined
  /** Absent: the sum over all entities. */
  entityId?: string | undefined
}

export type TimeSeries = { points: { bucket: string; count: number }[]; freshness: Freshness }

type Needs = { rollups: RollupStore; journal: Journal; packs: Packs; clock: Clock }

/**
 * Counts by bucket over the days [from, to), zeros included, at most 4,000 buckets. A bucket that the range cuts
 * holds the events inside the range only, so the sum over any range is exact.
 */
export async function listTimeSeries(tenant: Tenant, query: TimeSeriesQuery, needs: Needs): Promise<TimeSeries> {
  const { domain, entityType, action, interval } = query
  checkSubject(query, needs.packs)
  const entityId = query.entityId === undefined ? null : readEntityId(query.entityId)
  const range = readDayRange(query, tenant.zone, needs.clock.now())!
  const of = { tenant: tenant.id, domain, entityType }
  const freshness = await readFreshness(range, tenant.zone, needs)
  return { points: await readSeries(of, entityId, action, interval, range, needs), freshness }
}

/**
 * The points of a time series. `entityId` null: the sum over all entities. Rejects with `RANGE_INVALID` when the range
 * holds more than 4,000 buckets.
 */
export async function readSeries(
  of: EntityOf, entityId: string | null, action: string, interval: SeriesInterval, range: DayRange,
  { rollups }: { rollups: RollupStore },
): Promise<{ bucket: string; count: number }[]> {
  const buckets = bucketsOf(interval, range)
  const counts = new Map(buckets.map((bucket) => [bucket, 0]))
  // `to` of the store is exclusive: a longer text sorts after the last bucket and before the next.
  const whole = await rollups.listSeries(of, entityId, action, interval, buckets[0]!, `${buckets.at(-1)!}~`)
  for (const { bucket, count } of whole) counts.set(bucket, count)
  for (const [bucket, days] of cutBuckets(interval, range)) {
    counts.set(bucket, await sumOfDays(of, entityId, action, days, rollups))
  }
  return buckets.map((bucket) => ({ bucket, count: counts.get(bucket)! }))
}

function bucketsOf(interval: SeriesInterval, { from, to }: DayRange): string[] {
  try {
    return bucketsBetween(interval, from, to, MAX_BUCKETS)
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'RANGE_INVALID')) throw error
    throw rangeError('/to', `is too far from \`from\`: ${error.message}`)
  }
}

/** The buckets at the ends that the range cuts, with their days inside the range. */
function cutBuckets(interval: SeriesInterval, range: DayRange): Map<string, DayRange> {
  const cut = new Map<string, DayRange>()
  if (interval === 'day') return cut
  const first = bucketOf(interval, range.from)
  const last = bucketOf(interval, addDays(range.to, -1))
  const daysOf = (bucket: string): DayRange => {
    const start = firstDayOf(interval, bucket)
    const next = firstDayOf(interval, bucketOf(interval, addDays(start, { week: 7, month: 31, year: 366 }[interval])))
    return { from: range.from > start ? range.from : start, to: range.to < next ? range.to : next }
  }
  if (firstDayOf(interval, first) !== range.from) cut.set(first, daysOf(first))
  if (firstDayOf(interval, bucketOf(interval, range.to)) !== range.to) cut.set(last, daysOf(last))
  return cut
}

async function sumOfDays(
  of: EntityOf, entityId: string | null, action: string, days: DayRange, rollups: RollupStore,
): Promise<number> {
  const points = await rollups.listSeries(of, entityId, action, 'day', days.from, days.to)
  return points.reduce((sum, { count }) => sum + count, 0)
}
