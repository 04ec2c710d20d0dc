import { AppError, bucketsBetween, daysBetween } from '@tallyfleet/domain'
import type { EntityOf, RollupStore } from '@tallyfleet/ports'
import { MAX_INSIGHT_DAYS } from '../insight/cover-range.ts'
import { readSums } from '../insight/read-sums.ts'
import { daysOfBucket, type SeriesInterval } from './bucket-days.ts'
import { rangeError, type DayRange } from './range.ts'

/** Whether an entity is among those that a read is about. */
export type Passes = (entityId: string) => boolean

/**
 * The points of a time series over some entities: each bucket reads the counts of all. At most 400 days. A bucket that
 * the range cuts holds the events inside the range only.
 */
export async function readNarrowedSeries(
  of: EntityOf, passes: Passes, action: string, interval: SeriesInterval, range: DayRange, needs: { rollups: RollupStore },
): Promise<{ bucket: string; count: number }[]> {
  if (daysBetween(range.from, range.to) > MAX_INSIGHT_DAYS) {
    throw rangeError('/to', `is more than ${MAX_INSIGHT_DAYS} days after \`from\`, which filters and segments do not take`)
  }
  const buckets = bucketsBetween(interval, range.from, range.to, MAX_INSIGHT_DAYS + 1)
  return await Promise.all(buckets.map(async (bucket) =>
    ({ bucket, count: await sumPassing(of, passes, action, daysOfBucket(interval, bucket, range), needs) })))
}

/** Events of some entities in a range; without one, of everything so far. */
export async function sumPassing(
  of: EntityOf, passes: Passes, action: string, range: DayRange | undefined, needs: { rollups: RollupStore },
): Promise<number> {
  let sum = 0
  for (const [entityId, count] of await readSums(of, action, range, needs)) if (passes(entityId)) sum += count
  return sum
}

/** How many of some entities have any of the actions in a range. */
export async function countPassing(
  of: EntityOf, passes: Passes, actions: readonly string[], range: DayRange | undefined, needs: { rollups: RollupStore },
): Promise<number> {
  const found = await Promise.all(actions.map((action) => readSums(of, action, range, needs)))
  return new Set(found.flatMap((sums) => [...sums.keys()].filter(passes))).size
}

/** Throws `PARAMETER_INVALID`: one entity is no set to choose from. */
export function refuseOneEntity(pointer: '/f' | '/seg'): never {
  const detail = 'does not go with `entity_id`'
  throw new AppError('PARAMETER_INVALID', `${pointer.slice(1)} ${detail}`, {
    details: { errors: [{ pointer, code: 'PARAMETER_INVALID', detail }] },
  })
}
