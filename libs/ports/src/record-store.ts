/** Whose records, and of which kind: `segment`, `quality`, … A kind holds lower-case letters, digits, `-`, `_` and `:`. */
export type RecordsOf = { tenant: string; kind: string }

/** `id`: 1 to 128 ASCII characters, sorts by bytes. `body`: JSON of at most 256 KiB. */
export type StoredRecord = { id: string; owner: string; body: unknown; createdAt: Date; updatedAt: Date }

/**
 * Small durable records that people save and nightly jobs note for them: segments, decisions, snapshots. Kept in the
 * catalog database, which every role may write: the journal stands beside the rollups, which the API only reads.
 */
export interface RecordStore extends AsyncDisposable {
  find(of: RecordsOf, id: string): Promise<StoredRecord | undefined>
  /** By id in byte order, after `after`, at most `limit` (≤ 1,000). */
  list(of: RecordsOf, range: { after?: string | undefined; limit: number; descending?: boolean }): Promise<StoredRecord[]>
  count(of: RecordsOf): Promise<number>
  /** Inserts or replaces owner and body; the first `createdAt` stays. Rejects with `FIELD_INVALID` for too large a body. */
  put(of: RecordsOf, record: { id: string; owner: string; body: unknown }, at: Date): Promise<void>
  /** False when there is none. */
  delete(of: RecordsOf, id: string): Promise<boolean>
}
