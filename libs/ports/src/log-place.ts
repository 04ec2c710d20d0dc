/**
 * The place of a request in an ingest log. A log is written before the hot store, and each shard takes its records in
 * order and without a gap, so one number a log and shard, its position, says what a shard holds of it.
 */
export type LogPlace = {
  /** Of the log; {@link ONLY_REMEMBER} and the name of a rebuild mark ids and claims as seen and count nothing. */
  id: string
  /** Number of the record; 0: the request has no event and no record. */
  seq: number
  /** By shard that the request touches: the record before this one that touched it; 0 = none. */
  previous: ReadonlyMap<number, number>
}

export const ONLY_REMEMBER = '*'
