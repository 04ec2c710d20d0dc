import type { SegmentCondition, SegmentValue } from '@tallyfleet/domain'
import type { TopAfter } from './rollup-store.ts'

/** What segments are built on: a catalog row as a document. */
export type SegmentDocument = {
  tenant: string
  domain: string
  entityType: string
  entityId: string
  title: string | null
  /** Dimensions of the pack: text, numbers, booleans, ISO dates, or lists of text. */
  dimensions: Record<string, string | number | boolean | string[] | null>
  /** Number by action, as the catalog row shows it. */
  totals: Record<string, number>
  /** The row's revision: a write with a lower or equal one changes nothing. */
  version: number
  shard: number
}

export type SegmentOf = { tenant: string; domain: string; entityType: string }

/** All of them must match. Texts above 4,000 characters have no place in a range. */
export type SegmentFilter = readonly SegmentCondition[]

export type SegmentEntry = { entityId: string; title: string | null; totals: Record<string, number> }

/**
 * Documents for segments: absolute and versioned, whole documents only. Every read sees every earlier write. All
 * methods reject with `STORE_UNAVAILABLE` when the server cannot be reached or the store is closed.
 */
export interface SegmentStore extends AsyncDisposable {
  /**
   * Writes each document whose version is above the stored one; answers how many were written. When it rejects, some
   * may be written: call again.
   */
  putDocuments(documents: readonly SegmentDocument[]): Promise<{ written: number; stale: number }>
  /** Documents by entity id in byte order, after `after`, at most `limit` (≤ 1,000). */
  scanDocuments(of: SegmentOf, after: string | undefined, limit: number): Promise<SegmentDocument[]>
  /** Exact. */
  count(of: SegmentOf, filter: SegmentFilter): Promise<number>
  /** How many documents, and their summed totals; an action that none of them has is absent. Exact up to 2^53. */
  sumTotals(of: SegmentOf, filter: SegmentFilter): Promise<{ documents: number; totals: Record<string, number> }>
  /**
   * Documents by their total of an action, highest first, ties by entity id in byte order, after `after`, at most
   * `limit` (≤ 1,000). A document without the action counts as 0.
   */
  listTop(
    of: SegmentOf, action: string, filter: SegmentFilter, limit: number, after?: TopAfter,
  ): Promise<SegmentEntry[]>
  /** Values of a dimension that two documents or more have, most documents first, then by value, `limit` ≤ 1,000. */
  listRepeated(
    of: SegmentOf, dimension: string, filter: SegmentFilter, limit: number,
  ): Promise<{ value: SegmentValue; documents: number }[]>
  /**
   * Documents and summed totals by value of a dimension, most documents first, then by value: booleans, numbers, texts
   * by UTF-8 bytes. A document counts once for each distinct value of a list, and not at all for null. Counts are
   * exact, sums of whole numbers up to 2^53; an action that no document of the bucket has is absent.
   */
  listBuckets(
    of: SegmentOf, dimension: string, filter: SegmentFilter, limit: number,
  ): Promise<{ value: SegmentValue; documents: number; totals: Record<string, number> }[]>
  /**
   * Up to which catalog revision each shard is projected; shards without a mark are absent. Kept beside the documents:
   * a store that is new, or lost them, has no marks either.
   */
  listMarks(): Promise<Map<number, number>>
  /** Raises marks; a mark never goes down. */
  putMarks(marks: ReadonlyMap<number, number>): Promise<void>
}
