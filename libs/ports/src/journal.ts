/** One record of the journal. `id` sorts by bytes, so a time in it makes ranges. */
export type JournalRecord = { id: string; body: unknown }

export type JournalRange = {
  /** First id, inclusive. */
  from?: string
  /** Last id, exclusive. */
  to?: string
  limit: number
  /** Highest id first. */
  descending?: boolean
}

/**
 * Small durable records of one installation, kept beside the rollups: ticks, schedules, imports, closed minutes,
 * parity runs. A kind is a folder; an id is unique in its kind. Bodies are JSON of at most 1 MiB: a larger one rejects
 * with `FIELD_INVALID`.
 * Writes are durable when they resolve.
 */
export interface Journal extends AsyncDisposable {
  /** Inserts the record unless the id exists. True for exactly one of any number of callers. */
  claim(kind: string, id: string, body: unknown): Promise<boolean>
  /** Inserts or replaces. */
  put(kind: string, id: string, body: unknown): Promise<void>
  /** Replaces the body if the id exists and its current body equals `expected` (as JSON). */
  swap(kind: string, id: string, expected: unknown, body: unknown): Promise<boolean>
  find(kind: string, id: string): Promise<unknown>
  /** Records of a kind in byte order of their ids. */
  list(kind: string, range: JournalRange): Promise<JournalRecord[]>
  /** Every kind that has a record, in byte order. */
  listKinds(): Promise<string[]>
  /** Deletes ids in [from, before); answers how many. Without `from`: every id below `before`. */
  deleteBefore(kind: string, before: string, from?: string): Promise<number>
}
