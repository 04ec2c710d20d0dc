import { idle, type HotShard, type Manifest, type State, type Worker } from './state.ts'
import type { Flaw, Model } from './world.ts'

/** Where a worker stands, for one step: what it touches, what it remembers, and how it goes on. */
export type Here = {
  model: Model
  draft: State
  shard: number
  worker: Worker
  /** The shard's keys in Redis. */
  data: HotShard
  /** The shard's manifests, by number. */
  manifests: Manifest[]
  has: (flaw: Flaw) => boolean
  /** Moves the worker on. It forgets everything that is not named. */
  go: (at: string, remembers?: Partial<Worker>) => void
  /** The job is over. */
  rest: () => void
}

/** A step of a worker: changes the draft, says what it did. */
export type Act = (here: Here) => string

export function hereOf(model: Model, draft: State, index: number): Here {
  const worker = draft.workers[index]!
  const { shard } = worker
  return {
    model, draft, shard, worker, data: draft.redis.shards[shard]!, manifests: draft.rollups.manifests[shard]!,
    has: (flaw) => model.flaws.has(flaw),
    go: (at, remembers = {}) => { draft.workers[index] = { at, shard, ...remembers } },
    rest: () => { draft.workers[index] = idle() },
  }
}

/** The batch that a worker is at. */
export const batchOf = ({ n, name, kind }: Worker) => ({ n: n!, name: name!, kind: kind! })
