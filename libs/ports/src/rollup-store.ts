import type { Delta, DocumentDelta, Interval } from '@tallyfleet/domain'

/** A numbered, immutable batch: what it holds, and whether its documents are all written. */
export type Manifest = {
  shard: number
  n: number
  kind: 'flush' | 'repair'
  /** The name that the batch was given when it was frozen. */
  name: string
  /** SHA-256 over the sorted deltas. */
  checksum: string
  /** Events by tenant in this batch. */
  events: Record<string, number>
  /** Events by tenant in all batches up to and with this one. */
  running: Record<string, number>
  deltaCount: number
  state: 'open' | 'done'
  createdAt: Date
  doneAt: Date | undefined
  /** The job that wrote it, for `explain`. */
  jobId: string
}

export type RollupDocument = Omit<DocumentDelta, 'id'> & {
  id: string
  seq: number
  /** Retention has blanked its counts: nothing can be summed from it. */
  retired?: boolean
}

export type EntityOf = { tenant: string; domain: string; entityType: string }

/** A whole bucket of an interval: `{ interval: 'total', bucket: 'all' }` is everything. */
export type BucketOf = { interval: Interval; bucket: string }

export type TopEntry = { entityId: string; count: number }

/** A place in a top list: the entries that come after this one. */
export type TopAfter = { count: number; entityId: string }

/** The absolute totals of one entity, as of batch `seq` of its shard. */
export type EntityTotals = EntityOf & {
  entityId: string
  shard: number
  seq: number
  counts: Record<string, Record<string, number>>
}

/**
 * A number that a list beside the documents tells otherwise than they do: an entry of a top list, or how many entities
 * have the actions that `action` names.
 */
export type ListFault = EntityOf & BucketOf & {
  list: 'top' | 'entities'
  of: 'entity' | 'shard'
  entityId: string | null
  action: string
  /** Undefined where the list does not know it. */
  shard: number | undefined
  expected: number
  actual: number
}

export type ApplyResult = {
  /** Documents that this call changed. */
  applied: number
  /** Documents that already held this batch or a later one. */
  skipped: number
}

/**
 * Rollups and the manifests of the batches that made them. Writes are durable when they resolve (Mongo: majority and
 * journal; SQLite: synchronous FULL). Counting.md §2 says why each method is as it is.
 */
export interface RollupStore extends AsyncDisposable {
  /**
   * Inserts the manifest and its deltas unless (shard, n) exists, and answers the stored one: compare its name and checksum.
   * Deltas are stored compressed, in parts below 8 MiB.
   */
  appendManifest(manifest: Manifest, deltas: readonly Delta[]): Promise<Manifest>
  findManifest(shard: number, n: number): Promise<Manifest | undefined>
  /** The highest-numbered manifest of each shard that has one, by shard. */
  listLatestManifests(): Promise<Manifest[]>
  /** Manifests of a shard with n in (afterN, …], ascending, at most `limit`. */
  listManifests(shard: number, afterN: number, limit: number): Promise<Manifest[]>
  /** The deltas of a manifest; undefined when there is none or retention blanked it. */
  findDeltas(shard: number, n: number): Promise<Delta[] | undefined>
  /** Marks a manifest done. Doing it again changes nothing. */
  finishManifest(shard: number, n: number, doneAt: Date): Promise<void>
  /** Blanks the deltas of done manifests created before `before`; headers stay. Answers how many. */
  blankDeltas(before: Date): Promise<number>

  /**
   * Adds each document's counts where the stored `seq` is below `n`, and sets it to `n`; creates what is not there.
   * Applying the same batch again, or after a later one, changes nothing. May be half applied when it rejects:
   * call again. `documents` are those of one batch, each id once, sorted by id.
   */
  apply(shard: number, n: number, documents: readonly DocumentDelta[]): Promise<ApplyResult>

  /** Highest count first, ties by entity id in UTF-8 byte order; counts of 0 are absent. `limit` ≤ 1,000. */
  listTop(of: EntityOf, action: string, bucket: BucketOf, limit: number, after?: TopAfter): Promise<TopEntry[]>
  /**
   * The same over the days [from, to). Slower: reads every day document in the range.
   * Rejects with `RANGE_INVALID` when the range holds more than 400 days.
   */
  listTopBetween(of: EntityOf, action: string, from: string, to: string, limit: number, after?: TopAfter): Promise<TopEntry[]>
  /**
   * Counts by bucket in [from, to) (bucket keys of `interval`), ascending, buckets without a count absent.
   * `entityId` null: the sum over all entities, from the shard sums.
   */
  listSeries(
    of: EntityOf, entityId: string | null, action: string, interval: Interval, from: string, to: string,
  ): Promise<{ bucket: string; count: number }[]>
  /**
   * Counts by entity over whole buckets of one entity type, which must not overlap, in no order; entities without a
   * count are absent. `entityIds` (at most 1,000): those alone. Answers at most `limit` entities, any of them: ask for
   * one more than you can take, to know that there are too many.
   */
  listSums(
    of: EntityOf, action: string, buckets: readonly BucketOf[], limit: number, entityIds?: readonly string[],
  ): Promise<TopEntry[]>
  /** How many entities have a count of any of the actions in any of the buckets. */
  countEntities(of: EntityOf, actions: readonly string[], buckets: readonly BucketOf[]): Promise<number>
  /** How many entries of {@link listTop} come before this place: its rank, from 0. */
  countBefore(of: EntityOf, action: string, bucket: BucketOf, place: TopAfter): Promise<number>
  /** Totals of the entities that have any, in no order. At most 1,000 ids. */
  listTotals(of: EntityOf, entityIds: readonly string[]): Promise<EntityTotals[]>
  /** First and last day with a count, or undefined. */
  findActiveDays(of: EntityOf, entityId: string): Promise<{ first: string; last: string } | undefined>

  /** Totals of a shard with seq in (afterSeq, upToSeq], by (seq, document id), at most `limit`, after `cursor`. */
  listChangedTotals(
    shard: number, afterSeq: number, upToSeq: number, limit: number, cursor?: string,
  ): Promise<{ totals: EntityTotals[]; cursor: string | undefined }>
  /** Every document of a shard, in no order, streamed. */
  scan(shard: number): AsyncIterable<RollupDocument>
  /**
   * What the store keeps beside its documents to answer quickly, counted again from them: what differs, streamed. A
   * store that answers from its documents alone yields nothing.
   */
  scanListFaults(): AsyncIterable<ListFault>
  /** Puts right what {@link scanListFaults} tells. Counting goes on meanwhile. Answers how many numbers it changed. */
  repairLists(): Promise<number>
  /** Whether a tenant has any count. */
  hasCounts(tenant: string): Promise<boolean>

  /** Keeps deltas that can never be applied, once for each batch. Answers false when (shard, n) is there already. */
  appendDead(shard: number, n: number, dead: { delta: Delta; reason: string }[]): Promise<boolean>
  /** The deltas of every batch that has dead ones, streamed. */
  scanDead(): AsyncIterable<{ shard: number; n: number; dead: { delta: Delta; reason: string }[] }>

  /**
   * For moving house: writes documents of another store of the same installation as they stand, in place of what is
   * there. Nobody may count into this store meanwhile.
   */
  putCopies(documents: readonly RollupDocument[]): Promise<void>
  /** For moving house: a manifest as it stands, with its deltas; without them when retention blanked them. */
  putManifestCopy(manifest: Manifest, deltas: readonly Delta[] | undefined): Promise<void>
  /** Dead events by shard and tenant. */
  listDead(): Promise<{ shard: number; tenant: string; events: number }[]>
}
