import type { SegmentFilter, SegmentOf, SegmentStore } from '@tallyfleet/ports'
import { MISSING_DIMENSION } from '../segments/row-dimensions.ts'

/** Rows, those that lack each field, and the share of filled fields: 1 - missing / (rows × fields); 1 without rows. */
export type Completeness = { rows: number; missing: Record<string, number>; score: number }

/** How complete the rows are that a filter lets through. */
export async function countMissing(
  of: SegmentOf, fields: readonly string[], filter: SegmentFilter, segments: SegmentStore,
): Promise<Completeness> {
  const [rows, buckets] = await Promise.all([
    segments.count(of, filter), segments.listBuckets(of, MISSING_DIMENSION, filter, 1_000),
  ])
  const found = new Map(buckets.map(({ value, documents }) => [value, documents]))
  return completenessOf(rows, Object.fromEntries(fields.map((field) => [field, found.get(field) ?? 0])))
}

export function completenessOf(rows: number, missing: Record<string, number>): Completeness {
  const fields = Object.values(missing)
  const absent = fields.reduce((sum, count) => sum + count, 0)
  return { rows, missing, score: rows * fields.length === 0 ? 1 : 1 - absent / (rows * fields.length) }
}
