/**
 * What the counting protocol keeps, and where. Everything is as small as it can be while the protocol's races remain:
 * a count is kept for each event, so that the verdict can tell which one was lost; the protocol itself sees only sums.
 */

/** How often each event of the world is in something. */
export type Counts = readonly number[]

/** One write of a batch: what it adds to one document. */
export type Write = Readonly<{ document: string; adds: Counts }>

/** The open batch. `name` is unlike that of any other freeze: two batches of one number and content are still two. */
export type OpenBatch = Readonly<{ n: number; name: number; kind: 'flush' | 'repair' }>

/** Keys of one shard in Redis. */
export type HotShard = {
  hot: Counts
  counted: number
  done: number | null
  open: OpenBatch | null
  /** Frozen batches by key. The protocol names them by number. */
  batches: Record<string, Counts>
  stopped: boolean
  /** Of `separate commands` alone: a number drawn by INCR. */
  drawn: number
}

/** `life`: the epoch; 0 = the data carries none. `seen`: dedupe. Whatever happens to Redis happens to all of it. */
export type Redis = { life: number; seen: number[]; shards: HotShard[] }

export type Manifest = Readonly<{
  n: number; name: number; kind: OpenBatch['kind']; checksum: string; events: number; running: number
  writes: readonly Write[]; open: boolean
}>

export type Document = Readonly<{ seq: number; counts: Counts; retired: boolean }>

/** The number a shard goes on from when Redis knows none, and the events flushed up to it. */
export type Floor = { n: number; flushed: number }

/** The rollup store and the journal beside it: durable at once. */
export type Rollups = {
  manifests: Manifest[][]
  documents: Record<string, Document>
  /** By life, then by shard. */
  floors: Record<string, (Floor | null)[]>
  /** Of `mark in another store` alone. */
  marks: number[]
}

/** Rows by entity, marks by shard; restored together. */
export type Catalog = { rows: { version: number; counts: Counts }[]; marks: number[] }

/** Where a worker is, and what it remembers there. A pause of any length is simply that others take the next steps. */
export type Worker = Readonly<{
  at: string
  shard: number
  life?: number
  latest?: Manifest | null
  floor?: Floor
  n?: number
  name?: number
  kind?: OpenBatch['kind']
  before?: number
  todo?: readonly Write[]
  /** Of a batch that is completed first: the one to go on with, or null. */
  then?: { n: number; name: number; kind: OpenBatch['kind'] } | null
  wrote?: boolean
  checksum?: string
  upTo?: number
  totals?: readonly { entity: number; seq: number; counts: Counts }[]
}>

export type State = {
  redis: Redis
  /** What the disk of Redis has; null where no power will fail. */
  synced: Redis | null
  snapshot: Redis | null
  rollups: Rollups
  rollupsCopy: Rollups | null
  catalog: Catalog
  catalogCopy: Catalog | null
  sent: boolean[]
  /** Events whose loss is within the promise: in the tail that a power loss took, or younger than what was restored. */
  excused: boolean[]
  /** An ingest of `mark` and `count` apart: what it does next. */
  api: { at: 'mark' | 'count' | 'answer'; event: number } | null
  workers: Worker[]
  /** Redis was emptied or restored: from then on, a shard may stop. */
  wentBack: boolean
  /** How many were drawn. */
  lives: number
  names: number
  /** What may still go wrong. */
  left: Chances
}

/** How often each thing may happen in one execution. */
export type Chances = {
  crashes: number
  /** A client sends an event again. */
  repeats: number
  /** Power loss: Redis forgets what its disk did not have. */
  powerLosses: number
  /** Redis restored to a copy made at any earlier time. */
  restores: number
  /** Redis loses everything. */
  empties: number
  rollupRestores: number
  catalogRestores: number
  repairs: number
  retirements: number
}

const resting: Worker = { at: 'idle', shard: 0 }
export const idle = () => resting
export const isEmpty = (counts: Counts) => counts.every((count) => count === 0)
export const add = (a: Counts, b: Counts): Counts => a.map((count, event) => count + b[event]!)
export const one = (event: number, events: number): Counts =>
  Array.from({ length: events }, (_, at) => (at === event ? 1 : 0))

export const copyRedis = ({ life, seen, shards }: Redis): Redis =>
  ({ life, seen: [...seen], shards: shards.map((shard) => ({ ...shard, batches: { ...shard.batches } })) })

export const copyRollups = ({ manifests, documents, floors, marks }: Rollups): Rollups => ({
  manifests: manifests.map((list) => [...list]), documents: { ...documents },
  floors: Object.fromEntries(Object.entries(floors).map(([life, ofLife]) => [life, [...ofLife]])), marks: [...marks],
})

export const copyCatalog = ({ rows, marks }: Catalog): Catalog => ({ rows: [...rows], marks: [...marks] })

/**
 * A draft of the next state. What it shares with `state` is replaced, never changed in place: counts, batches,
 * manifests, documents, rows and workers.
 */
export const draftOf = (state: State): State => ({
  ...state,
  redis: copyRedis(state.redis), rollups: copyRollups(state.rollups),
  catalog: copyCatalog(state.catalog),
  sent: [...state.sent], excused: [...state.excused], workers: [...state.workers], left: { ...state.left },
})
