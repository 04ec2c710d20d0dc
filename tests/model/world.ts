/** What a search is told: a small world, what may go wrong in it, and which rules of the protocol are broken. */
import { add, copyRedis, idle, one, type Chances, type Counts, type State, type Write } from './state.ts'

export type World = Partial<Chances> & {
  /** The entity of each event, and what was done to it. Each is sent once. */
  events: { entity: number; action?: string }[]
  /** The shard of each entity. */
  shards: number[]
  documents: ('total' | 'day' | 'sum')[]
  workers?: number
  catalog?: boolean
  /** Redis is emptied, or the catalog restored, only while no worker is at it. */
  undisturbed?: boolean
  /** Event 0 was flushed before, and its total lost it: what a repair is for. */
  damaged?: boolean
}

/** A rule of the protocol, broken. The last six are rules that this model found missing. */
export type Flaw =
  | 'marked before it is counted' | 'counted before it is marked'
  | 'separate commands, one name' | 'separate commands, numbered' | 'one name' | 'opened beside an open batch'
  | 'finishes whatever is open' | 'writes before the freeze is durable' | 'compares no manifest'
  | 'shards share a document' | 'document written twice in a batch' | 'documents are deleted'
  | 'repair outside the numbering'
  | 'no mark' | 'mark in another store' | 'one version for two documents'
  | 'batches have no name' | 'open manifests are left' | 'a batch that is gone stops the shard'
  | 'waits for its own writes alone' | 'life begins with a flush' | 'freezes in any life'
export type Model = { world: World; flaws: ReadonlySet<Flaw> }

export const eventName = (event: number) => 'abcdef'[event]!
export const listed = (counts: Counts) =>
  `{${counts.map((count, event) => eventName(event).repeat(Math.max(0, count))).join('')}}`

export function initialState(model: Model): State {
  const { world } = model
  const events = world.events.length
  const shards = Math.max(...world.shards) + 1
  const none = (): number[] => new Array(events).fill(0)
  const chances: Chances = {
    crashes: 0, repeats: 0, powerLosses: 0, restores: 0, empties: 0, rollupRestores: 0, catalogRestores: 0, repairs: 0,
    retirements: 0,
  }
  for (const chance of Object.keys(chances) as (keyof Chances)[]) chances[chance] = world[chance] ?? 0
  const state: State = {
    redis: {
      life: 1, seen: none(), shards: Array.from({ length: shards }, () =>
        ({ hot: none(), counted: 0, done: null, open: null, batches: {}, stopped: false, drawn: 0 })),
    },
    synced: null, snapshot: null,
    rollups: {
      manifests: Array.from({ length: shards }, () => []), documents: {}, floors: {}, marks: new Array(shards).fill(0),
    },
    rollupsCopy: null,
    catalog: { rows: [], marks: new Array(shards).fill(0) },
    catalogCopy: null,
    sent: world.events.map(() => false), excused: world.events.map(() => false), api: null,
    workers: Array.from({ length: world.workers ?? 2 }, idle),
    wentBack: false, lives: 1, names: 0, left: chances,
  }
  if (world.catalog) state.catalog.rows = world.shards.map(() => ({ version: 0, counts: none() }))
  // A document that is not there yet is one of seq 0: the upsert makes no difference between them.
  for (let event = 0; event < events; event++) {
    for (const name of documentsOf(model, event)) {
      state.rollups.documents[name] = { seq: 0, counts: none(), retired: false }
    }
  }
  if (world.damaged) {
    const redis = state.redis.shards[0]!
    Object.assign(redis, { counted: 1, done: 1 })
    state.redis.seen[0] = 1
    state.sent[0] = true
    state.rollups.manifests[0]!.push(
      { n: 1, name: 0, kind: 'flush', checksum: '', events: 1, running: 1, writes: [], open: false })
    state.rollups.documents['day 0'] = { seq: 1, counts: one(0, events), retired: false }
    state.rollups.documents['total 0'] = { seq: 1, counts: none(), retired: false }
  }
  if (chances.powerLosses > 0) state.synced = copyRedis(state.redis)
  return state
}

/** The documents that an event counts in. */
export function documentsOf({ world, flaws }: Model, event: number): string[] {
  const { entity, action } = world.events[event]!
  return world.documents.map((document) => {
    if (document === 'sum') return flaws.has('shards share a document') ? 'sum' : `sum of ${world.shards[entity]}`
    if (document === 'total' && flaws.has('one version for two documents')) return `total ${entity} ${action}`
    return `${document} ${entity}`
  })
}

/** A checksum knows fields and values, not which events made them. */
export function checksumOf({ world }: Model, content: Counts): string {
  const sums: Record<string, number> = {}
  for (const [event, { entity, action }] of world.events.entries()) {
    const field = `${entity} ${action ?? ''}`
    if (content[event]) sums[field] = (sums[field] ?? 0) + content[event]
  }
  return JSON.stringify(sums)
}

/** A batch by document, each document once. */
export function writesOf(model: Model, content: Counts): Write[] {
  const writes: Record<string, Write> = {}
  for (const [event, count] of content.entries()) {
    if (count === 0) continue
    for (const document of documentsOf(model, event)) {
      const isApart = model.flaws.has('document written twice in a batch')
      const key = isApart ? `${document} of ${model.world.events[event]!.entity}` : document
      const adds = one(event, content.length).map((once) => once * count)
      writes[key] = { document, adds: writes[key] ? add(writes[key].adds, adds) : adds }
    }
  }
  return Object.values(writes)
}

/** Every event of a flush is in one document of the first kind. */
export function eventsIn({ world }: Model, writes: readonly Write[]): number {
  const first = world.documents[0]!
  return writes.filter(({ document }) => document.startsWith(first))
    .reduce((sum, { adds }) => sum + adds.reduce((a, b) => a + b, 0), 0)
}

/** Whether any store still has the event, where it counts or will count. */
export function isHeld({ redis, rollups }: State, event: number): boolean {
  const isIn = (counts: Counts) => counts[event]! > 0
  return redis.shards.some(({ hot, open, batches }) => isIn(hot) || (open && Object.values(batches).some(isIn)))
    || rollups.manifests.some((list) => list.some(({ writes }) => writes.some(({ adds }) => isIn(adds))))
    || Object.values(rollups.documents).some(({ counts }) => isIn(counts))
}
