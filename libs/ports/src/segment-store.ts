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

export type SegmentFilter = { dimension: string; in: readonly (string | number | boolean)[] }[]

/** Documents for segments: absolute and versioned, whole documents only. */
export interface SegmentStore extends AsyncDisposable {
  /** Writes each document whose version is above the stored one. Answers how many were written. */
  putDocuments(documents: readonly SegmentDocument[]): Promise<{ written: number; stale: number }>
  /** Documents by entity id in byte order, after `after`, at most `limit` (≤ 1,000). Sees every earlier write. */
  scanDocuments(of: SegmentOf, after: string | undefined, limit: number): Promise<SegmentDocument[]>
  /** Exact. Every filter must match; within one, any of its values. */
  count(of: SegmentOf, filter: SegmentFilter): Promise<number>
  /** Documents and summed totals by value of a dimension, exact, most documents first, then by value. */
  listBuckets(
    of: SegmentOf, dimension: string, filter: SegmentFilter, limit: number,
  ): Promise<{ value: string | number | boolean; documents: number; totals: Record<string, number> }[]>
  /** Up to which catalog revision each shard is projected: kept in this very store. */
  listMarks(): Promise<Map<number, number>>
  putMarks(marks: ReadonlyMap<number, number>): Promise<void>
}
