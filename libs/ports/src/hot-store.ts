import type { Delta, EntityKey, MinuteCounts } from '@tallyfleet/domain'
import type { LogPlace } from './log-place.ts'

/** One event on its way into the hot counters. */
export type IngestEvent = {
  shard: number
  tenant: string
  /** Decimal 64-bit member of the dedupe sets; absent for lines of an import that carry no event id. */
  member: string | undefined
  /** Fields of the hot counter and what each grows by. */
  increments: { field: string; value: number }[]
}

/** What one HTTP request or one import chunk asks of the hot store. */
export type IngestRequest = {
  events: IngestEvent[]
  /** Events of the request that break the contract: noted in the ledger of the minute. */
  rejected: { tenant: string; count: number } | undefined
  /** Limits events a minute for a key; counted in the same write. 0 a minute = off. */
  limit?: { keyId: string; eventsPerMinute: number } | undefined
  /** A chunk of an import: each shard counts its part of it once, ever. */
  claim?: { importId: string; chunk: number } | undefined
  /** Where it stands in an ingest log, if one was written first. */
  log?: LogPlace | undefined
}

/** In the order of the request's events. An import chunk that a shard had claimed before answers `duplicate`. */
export type IngestOutcome = 'counted' | 'duplicate'

/** The number that a shard starts from when Redis knows none: its highest manifest and the events flushed up to it. */
export type Floor = { n: number; flushed: Record<string, number> }

/**
 * A frozen batch: immutable until it is finished. `name` is drawn when it is frozen: a number alone would not tell a
 * batch from the one that a restored or emptied hot store gives the same number.
 */
export type OpenBatch = {
  shard: number
  n: number
  name: string
  frozenAt: Date
  /** `repair`: a batch that holds nothing hot; its deltas are computed while it is open. */
  kind: 'flush' | 'repair'
  /** Up to which record of each ingest log it was frozen, by log; undefined where the shard knows none. */
  log?: Record<string, number> | undefined
}

/** What a shard is frozen against: the life that was checked, and where it goes on when it has no number. */
export type FreezeRequest = { shard: number; epoch: string; floor?: Floor | undefined }

export type ShardStatus = {
  shard: number
  /**
   * The name of this life of the shard's data, drawn when its first event came; undefined before. Data that was
   * restored to an older state keeps it, data that was lost does not: that is how the two are told apart.
   */
  epoch: string | undefined
  /** Highest finished batch; undefined when Redis holds no number for the shard. */
  done: number | undefined
  open: OpenBatch | undefined
  /** Fields in the hot counter. */
  hotFields: number
  /** Why the shard stopped; undefined while it runs. */
  stopped: string | undefined
}

/** counted, open and hot of one shard and tenant, in events, and done, all from one script. */
export type HotLedger = {
  shard: number
  tenant: string
  counted: number
  open: number
  hot: number
  /** Highest finished batch; undefined while Redis holds no number for the shard. */
  done: number | undefined
  epoch: string | undefined
}

export type DedupeStatus = {
  /** Ids remembered in all windows. */
  ids: number
  /** Estimated memory of the dedupe sets, from a sample. */
  bytes: number
}

/** What the hot store can say about the server behind it. */
export type HotServerStatus = {
  version: string
  /** `noeviction` is the only one that keeps counts. `unknown` when the server does not tell. */
  maxmemoryPolicy: string
  appendOnly: boolean
  usedMemoryBytes: number
  /** 0 = no limit. */
  maxMemoryBytes: number
  /** Whether WAITAOF exists (Redis 7.2). */
  canWaitForDisk: boolean
  /** Why no event can be acknowledged now, in a sentence; absent while all is well. */
  refusal?: string | undefined
}

/**
 * Hot counters, dedupe, limits, ledger: what happens to an event before its 202. Every method that changes something
 * is one atomic script on each shard that it touches. A store that cannot be reached rejects with `STORE_UNAVAILABLE`.
 */
export interface HotStore extends AsyncDisposable {
  /**
   * Dedupes and counts a request's events, notes the ledger, and takes from the key's limit: one network round trip,
   * shared with the requests in flight beside it. Resolves only when every shard has answered.
   * Rejects with `LIMIT_REACHED` (nothing counted), `OVERLOADED` (nothing counted), `SHARD_STOPPED` or
   * `STORE_UNAVAILABLE` (some shards may have counted: a repeat counts the rest and finds those duplicate).
   */
  ingest(request: IngestRequest): Promise<IngestOutcome[]>

  /**
   * Freezes the hot counter of each shard into its next batch, or answers the batch that is open already. A shard
   * with nothing hot and nothing open is absent from the answer; so is one that stopped, or lives another life.
   */
  freeze(requests: readonly FreezeRequest[]): Promise<OpenBatch[]>
  /**
   * Opens the next number of a shard for a repair, and leaves the hot counter alone: a batch without content. Answers
   * the open repair when there is one; undefined when a flush is open, the shard stopped, lives another life or has no
   * number yet.
   */
  openRepair(request: Omit<FreezeRequest, 'floor'>): Promise<OpenBatch | undefined>
  /** Resolves when everything written so far is as durable as a 202. Call once between freezing and applying. */
  settle(): Promise<void>
  /** The content of a frozen batch, of a repair none; undefined when it, by number and name, is not the open one any more. */
  findBatch(batch: OpenBatch): Promise<Delta[] | undefined>
  /** What the hot counter holds of one entity: counted, not yet frozen. For `explain`; reads the whole counter. */
  listHot(entity: EntityKey): Promise<Delta[]>
  /** Deletes the batch and marks it done, only if it is the open one by number and name; false = refused. */
  finish(batch: OpenBatch): Promise<boolean>

  listShards(): Promise<ShardStatus[]>
  /** Sums the hot counter and the open batch of every shard by tenant. Shards without any count are absent. */
  listLedger(): Promise<HotLedger[]>
  /** Stops a shard: ingest and freeze refuse it until the reason is cleared. */
  stopShard(shard: number, reason: string): Promise<void>
  resumeShard(shard: number): Promise<void>

  /**
   * The counts of minutes before `minute` (whole minutes since 1970), summed over shards by tenant; undefined while
   * any shard's clock has not passed them. They stay until {@link deleteMinutes}.
   */
  listMinutes(before: number): Promise<{ minute: number; tenant: string; counts: MinuteCounts }[] | undefined>
  /** The counts of all minutes that {@link deleteMinutes} has not removed, summed over shards by tenant. */
  listOpenMinutes(): Promise<{ minute: number; tenant: string; counts: MinuteCounts }[]>
  deleteMinutes(before: number): Promise<void>
  /** The server's own minute. */
  currentMinute(): Promise<number>

  /** Lets the claims of a finished import expire, after a week. */
  expireClaims(importId: string): Promise<void>

  dedupeStatus(): Promise<DedupeStatus>
  /** Rejects with `STORE_UNAVAILABLE` when the server does not answer. */
  serverStatus(): Promise<HotServerStatus>
}
