import { AppError } from '@tallyfleet/domain'
import type { EntityOf, RollupStore } from '@tallyfleet/ports'
import type { DayRange } from '../explore/range.ts'
import { coverRange } from './cover-range.ts'

/** Insights that look at every entity take this many; a larger set belongs into a segment or a warehouse. */
export const MAX_ENTITIES = 100_000

export type Sums = ReadonlyMap<string, number>

/**
 * Counts by entity in a range of days, without one of everything; entities without a count are absent. Rejects with
 * `RANGE_INVALID` when more than 100,000 entities have a count.
 */
export async function readSums(
  of: EntityOf, action: string, range: DayRange | undefined, { rollups }: { rollups: RollupStore },
): Promise<Sums> {
  const sums = await rollups.listSums(of, action, coverRange(range), MAX_ENTITIES + 1)
  if (sums.length > MAX_ENTITIES) {
    throw new AppError('RANGE_INVALID', `more than ${MAX_ENTITIES} entities have a count: take a shorter range`)
  }
  return new Map(sums.map(({ entityId, count }) => [entityId, count]))
}

/** Counts of some entities alone, at most 1,000. */
export async function readSumsOf(
  of: EntityOf, action: string, range: DayRange | undefined, ids: readonly string[], { rollups }: { rollups: RollupStore },
): Promise<Sums> {
  if (ids.length === 0) return new Map()
  const sums = await rollups.listSums(of, action, coverRange(range), ids.length, ids)
  return new Map(sums.map(({ entityId, count }) => [entityId, count]))
}

/** Orders texts by their UTF-8 bytes, as every list of the API does. */
export function byBytes(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b))
}

/** Place of each entity by count, from 1, ties by id. */
export function ranksOf(sums: Sums): ReadonlyMap<string, number> {
  const order = [...sums].sort(([a, x], [b, y]) => y - x || byBytes(a, b))
  return new Map(order.map(([id], index) => [id, index + 1]))
}
