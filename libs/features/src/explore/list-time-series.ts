import { addDays, AppError, bucketOf, bucketsBetween, firstDayOf, type Filter, type Packs } from '@tallyfleet/domain'
import type { CatalogStore, Clock, EntityOf, Journal, RollupStore, Tenant } from '@tallyfleet/ports'
import { readPasses } from '../insight/catalog-view.ts'
import type { SegmentMembers } from '../segment-queries/segment-members.ts'
import { daysOfBucket, type SeriesInterval } from './bucket-days.ts'
import { readFreshness, type Freshness } from './freshness.ts'
import { readNarrowedSeries, refuseOneEntity, type Passes } from './narrowed-series.ts'
import { rangeError, readDayRange, type DayRange } from './range.ts'
import { checkSubject, readEntityId } from './subject.ts'

export const MAX_BUCKETS = 4_000

export { type SeriesInterval }

export type TimeSeriesQuery = {
  domain: string
  entityType: string
  action: string
  interval: SeriesInterval
  from: string
  to?: string | undefined
  /** Absent: the sum over all entities. */
  entityId?: string | undefined
  f?: readonly Filter[] | undefined
  seg?: SegmentMembers | undefined
}

export type TimeSeries = { points: { bucket: string; count: number }[]; freshness: Freshness }

type Needs = { rollups: RollupStore; catalog: CatalogStore; journal: Journal; packs: Packs; clock: Clock }

/**
 * Counts by bucket over the days [from, to), zeros included, at most 4,000 buckets. A bucket that the range cuts
 * holds the events inside the range only, so the sum over any range is exact. With filters or a segment at most 400 days.
 */
export async function listTimeSeries(tenant: Tenant, query: TimeSeriesQuery, needs: Needs): Promise<TimeSeries> {
  const { domain, entityType, action, interval } = query
  checkSubject(query, needs.packs)
  const entityId = query.entityId === undefined ? null : readEntityId(query.entityId)
  const range = readDayRange(query, tenant.zone, needs.clock.now())!
  const of = { tenant: tenant.id, domain, entityType }
  const freshness = await readFreshness(range, tenant.zone, needs)
  const passes = await readPasses(of, query, needs)
  if (passes && entityId !== null) refuseOneEntity(query.seg ? '/seg' : '/f')
  return { points: await readSeries(of, entityId, action, interval, range, needs, passes), freshness }
}

/**
 * The points of a time series. `entityId` null: the sum over all entities, or over those that pass. Rejects with `RANGE_INVALID` when the range
 * holds more than 4,000 buckets.
 */
export async function readSeries(
  of: EntityOf, entityId: string | null, action: string, interval: SeriesInterval, range: DayRange,
  { rollups }: { rollups: RollupStore }, passes?: Passes,
): Promise<{ bucket: string; count: number }[]> {
  if (passes && entityId === null) return await readNarrowedSeries(of, passes, action, interval, range, { rollups })
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
  if (firstDayOf(interval, first) !== range.from) cut.set(first, daysOfBucket(interval, first, range))
  if (firstDayOf(interval, bucketOf(interval, range.to)) !== range.to) cut.set(last, daysOfBucket(interval, last, range))
  return cut
}

async function sumOfDays(
  of: EntityOf, entityId: string | null, action: string, days: DayRange, rollups: RollupStore,
): Promise<number> {
  const points = await rollups.listSeries(of, entityId, action, 'day', days.from, days.to)
  return points.reduce((sum, { count }) => sum + count, 0)
}
