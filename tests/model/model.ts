/**
 * The counting protocol as a machine: `stepsOf` answers every atomic step that some process could take next, and every
 * fault that could happen. One step is one script in Redis, one statement or transaction of a store: what cannot be
 * interrupted. Between two steps anything may happen, for any length of time.
 *
 * Read it beside libs/features/src/flush, libs/features/src/catalog-sync and the scripts of libs/store-redis: the names
 * are the same. Without flaws it is the protocol; each flaw takes out one rule.
 */
import {
  add, copyRedis, copyRollups, draftOf, idle, isEmpty, one, type Chances, type Counts, type HotShard, type Manifest, type OpenBatch, type State,
  type Worker, type World, type Write,
} from './state.ts'

/** One rule of the protocol each, broken. */
export type Flaw =
  | 'marked before it is counted' | 'counted before it is marked'
  | 'separate commands, one name' | 'separate commands, numbered' | 'one name' | 'opened beside an open batch'
  | 'finishes whatever is open' | 'writes before the freeze is durable' | 'compares no manifest'
  | 'shards share a document' | 'document written twice in a batch' | 'documents are deleted'
  | 'repair outside the numbering'
  | 'no mark' | 'mark in another store' | 'one version for two documents'
  // Found by this model in an earlier form of the protocol:
  | 'batches have no name' | 'open manifests are left' | 'a batch that is gone stops the shard'
  | 'waits for its own writes alone' | 'life begins with a flush' | 'freezes in any life'

export type Step = { label: string; state: State }
export type Model = { world: World; flaws: ReadonlySet<Flaw> }

export const eventName = (event: number) => 'abcdef'[event]!
const listed = (counts: Counts) => `{${counts.map((count, event) => eventName(event).repeat(Math.max(0, count))).join('')}}`

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
    for (const name of documentsOf(model, event)) state.rollups.documents[name] = { seq: 0, counts: none(), retired: false }
  }
  if (world.damaged) {
    const redis = state.redis.shards[0]!
    Object.assign(redis, { counted: 1, done: 1 })
    state.redis.seen[0] = 1
    state.sent[0] = true
    state.rollups.manifests[0]!.push({ n: 1, name: 0, kind: 'flush', checksum: '', events: 1, running: 1, writes: [], open: false })
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

/** Up to which batch a shard is applied in full. */
export function doneOf(state: State, shard: number): number {
  const latest = state.rollups.manifests[shard]!.at(-1)
  return latest ? latest.n - (latest.open ? 1 : 0) : 0
}

/** Whether a flush of the shard would find anything to do. */
export function isFlushDue(state: State, shard: number): boolean {
  const { hot, open, stopped, done } = state.redis.shards[shard]!
  const latest = state.rollups.manifests[shard]!.at(-1)
  if (stopped) return false
  const reached = done ?? state.rollups.floors[state.redis.life]?.[shard]?.n ?? latest?.n ?? 0
  return !isEmpty(hot) || open !== null || latest?.open === true || (latest?.n ?? 0) !== reached
}

/** Whether the catalog is behind a shard. */
export function isSyncDue({ world, flaws }: Model, state: State, shard: number): boolean {
  if (!world.catalog || flaws.has('no mark')) return false
  const marks = flaws.has('mark in another store') ? state.rollups.marks : state.catalog.marks
  return doneOf(state, shard) > marks[shard]!
}

/** Every step that can be taken from `state`. */
export function stepsOf(model: Model, state: State): Step[] {
  const steps: Step[] = []
  const take = (label: string, change: (draft: State) => string | void) => {
    const draft = draftOf(state)
    const more = change(draft)
    // What no fault of this world can bring back need not be told apart.
    if (draft.left.powerLosses === 0) draft.synced = null
    if (draft.left.restores === 0) draft.snapshot = null
    steps.push({ label: more ? `${label}: ${more}` : label, state: draft })
  }
  clientSteps(model, state, take)
  for (const [index, worker] of state.workers.entries()) workerSteps(model, state, index, worker, take)
  faults(model, state, take)
  return steps
}

type Take = (label: string, change: (draft: State) => string | void) => void

// ---- ingest.lua ------------------------------------------------------------------------------------------------

function clientSteps(model: Model, state: State, take: Take): void {
  const { world, flaws } = model
  const apart = flaws.has('marked before it is counted') || flaws.has('counted before it is marked')
  if (state.api) {
    apartSteps(model, state, take)
    return
  }
  for (let event = 0; event < world.events.length; event++) {
    const shard = world.shards[world.events[event]!.entity]!
    if (state.redis.shards[shard]!.stopped) continue
    const repeat = state.sent[event]!
    if (repeat && (state.left.repeats === 0 || state.redis.life === 0)) continue
    // Clients send in order: which event comes first makes no difference, they are alike until they are sent.
    if (!repeat && event > 0 && !state.sent[event - 1]) continue
    take(`client ${repeat ? 'repeats' : 'sends'} ${eventName(event)}`, (draft) => {
      if (repeat) draft.left.repeats--
      if (apart) {
        draft.api = { at: flaws.has('marked before it is counted') ? 'mark' : 'count', event }
        return 'the API begins'
      }
      draft.sent[event] = true
      if (draft.redis.seen[event]) return 'duplicate'
      draft.redis.seen[event] = 1
      count(draft, shard, event)
      if (draft.redis.life === 0 && !flaws.has('life begins with a flush')) draft.redis.life = ++draft.lives
      return 'counted, 202'
    })
  }
}

function count(draft: State, shard: number, event: number): void {
  const data = draft.redis.shards[shard]!
  data.hot = add(data.hot, one(event, data.hot.length))
  data.counted++
}

/** Mark and count as two commands. */
function apartSteps({ world, flaws }: Model, state: State, take: Take): void {
  const { at, event } = state.api!
  const first = flaws.has('marked before it is counted') ? 'mark' : 'count'
  take(`API ${at === 'mark' ? 'marks' : at === 'count' ? 'counts' : 'answers 202 for'} ${eventName(event)}`, (draft) => {
    if (at === 'answer') {
      draft.sent[event] = true
      draft.api = null
    } else if (at === first && draft.redis.seen[event]) {
      draft.api = { at: 'answer', event }
      return 'duplicate'
    } else {
      if (at === 'mark') draft.redis.seen[event] = 1
      else count(draft, world.shards[world.events[event]!.entity]!, event)
      draft.api = { at: at === first ? (first === 'mark' ? 'count' : 'mark') : 'answer', event }
    }
  })
  if (state.left.crashes > 0) {
    take(`API crashes with ${eventName(event)}; the client will send it again`, (draft) => {
      draft.left.crashes--
      draft.api = null
    })
  }
}

// ---- flush-shards.ts, sync-catalog.ts --------------------------------------------------------------------------

function workerSteps(model: Model, state: State, index: number, worker: Worker, take: Take): void {
  const me = `W${index + 1}`
  if (worker.at === 'idle') {
    for (const shard of new Set(model.world.shards)) {
      if (isFlushDue(state, shard)) {
        take(`${me} checks shard ${shard}`, (draft) => { draft.workers[index] = { at: 'life', shard }; return act(model, draft, index) })
      }
      if (isSyncDue(model, state, shard)) {
        take(`${me} syncs shard ${shard}`, (draft) => { draft.workers[index] = { at: 'upTo', shard }; return act(model, draft, index) })
      }
      if (state.left.repairs > 0 && canRepair(model, state, shard)) {
        take(`${me} repairs shard ${shard}`, (draft) => {
          draft.left.repairs--
          draft.workers[index] = { at: 'open repair', shard }
          return act(model, draft, index)
        })
      }
    }
    return
  }
  if (state.left.crashes > 0) {
    take(`${me} crashes`, (draft) => {
      draft.left.crashes--
      draft.workers[index] = idle()
    })
  }
  if (worker.at === 'apply') {
    // An unordered bulk: any part of it may be there when the worker dies.
    for (let at = 0; at < worker.todo!.length; at++) take(me, (draft) => apply(model, draft, index, at))
  } else {
    take(me, (draft) => act(model, draft, index))
  }
}

function canRepair({ flaws }: Model, state: State, shard: number): boolean {
  const { open, stopped, done } = state.redis.shards[shard]!
  return flaws.has('repair outside the numbering') || (open === null && !stopped && done !== null)
}

/** Takes the step at which worker `index` stands; answers what it was. */
function act(model: Model, draft: State, index: number): string {
  const worker = draft.workers[index]!
  const { shard } = worker
  const { redis, rollups, catalog } = draft
  const data = redis.shards[shard]!
  const manifests = rollups.manifests[shard]!
  const flaw = (name: Flaw) => model.flaws.has(name)
  const go = (at: string, remembers: Partial<Worker> = {}) => { draft.workers[index] = { at, shard, ...remembers } }
  const goApply = (writes: Partial<Worker>) => go(writes.todo!.length > 0 ? 'apply' : 'close', writes)
  const rest = () => { draft.workers[index] = idle() }
  const batch = { n: worker.n!, name: worker.name!, kind: worker.kind! }

  switch (worker.at) {
    // -- check-shards.ts
    case 'life':
      if (redis.life === 0) redis.life = ++draft.lives
      go('latest', { life: redis.life })
      return `this is life ${redis.life} of Redis`
    case 'latest': {
      const latest = manifests.at(-1) ?? null
      go('floor', { life: worker.life!, latest })
      return `reads that manifest ${latest?.n ?? 0} is the last`
    }
    case 'floor': {
      const ofLife = (rollups.floors[worker.life!] ??= rollups.manifests.map(() => null))
      ofLife[shard] ??= { n: worker.latest?.n ?? 0, flushed: worker.latest?.running ?? 0 }
      go('look', { life: worker.life!, latest: worker.latest!, floor: ofLife[shard] })
      return `life ${worker.life} goes on from ${ofLife[shard].n}`
    }
    case 'look': {
      const latest = worker.latest
      const highest = latest?.n ?? 0
      const reached = data.done ?? worker.floor!.n
      const behind = highest > reached && highest !== data.open?.n
      const ahead = data.done !== null && data.done > highest && !manifests.some(({ n }) => n === data.done)
      if (behind || ahead) {
        go('stop')
        return `sees that ${behind ? 'Redis' : 'the rollup store'} went back in time`
      }
      if (data.open || !isEmpty(data.hot)) {
        go(flaw('separate commands, one name') || flaw('separate commands, numbered') ? 'exists' : 'freeze', { life: worker.life!, floor: worker.floor! })
        return 'sees counts'
      }
      if (latest?.open && !flaw('open manifests are left')) {
        goApply({ n: latest.n, todo: latest.writes, then: null })
        return `completes batch ${latest.n} from its manifest: no life of Redis will`
      }
      rest()
      return 'sees nothing to do'
    }
    case 'stop':
      data.stopped = true
      rest()
      return 'stops the shard'

    // -- freeze.lua, or what stands for it
    case 'freeze':
      return freeze(model, draft, index)
    case 'exists':
      if (data.open) go('settle', { ...data.open, wrote: false })
      else go('incr')
      return `EXISTS answers ${data.open ? 1 : 0}`
    case 'incr':
      data.drawn++
      go('rename', { n: data.drawn })
      return `INCR answers ${data.drawn}`
    case 'rename': {
      if (isEmpty(data.hot)) {
        rest()
        return 'RENAME finds no hot counter'
      }
      const open: OpenBatch = { n: worker.n!, name: ++draft.names, kind: 'flush' }
      const content = moveHot(data, batchKey(model, open.n))
      data.open = open
      go('settle', { ...open, wrote: true })
      return `RENAMEs ${listed(content)} to batch ${open.n}`
    }
    case 'open repair': {
      if (flaw('repair outside the numbering')) {
        go('read days', {})
        return 'begins'
      }
      const open: OpenBatch = { n: data.done! + 1, name: ++draft.names, kind: 'repair' }
      data.open = open
      go('settle', { ...open, wrote: true })
      return `opens batch ${open.n} for it`
    }
    case 'settle':
      if (draft.synced && !flaw('writes before the freeze is durable') && (worker.wrote || !flaw('waits for its own writes alone'))) {
        draft.synced = copyRedis(redis)
      }
      go('before', batch)
      return 'waits until the disk has it'

    // -- flush-shards.ts: manifest, apply, finish
    case 'before': {
      const previous = manifests.find(({ n }) => n === batch.n - 1)
      if (previous?.open && !flaw('open manifests are left')) {
        goApply({ n: previous.n, todo: previous.writes, then: batch })
        return `completes batch ${previous.n} first, from its manifest`
      }
      go(batch.kind === 'repair' ? 'read days' : 'read', { ...batch, before: previous?.running ?? 0 })
      return `reads manifest ${batch.n - 1}`
    }
    case 'read': {
      const content = data.batches[batchKey(model, batch.n)]
      const isGone = flaw('batches have no name') ? !content : data.open?.name !== batch.name
      if (!isGone && content) {
        go('append', { ...batch, before: worker.before!, checksum: checksumOf(model, content), todo: writesOf(model, content) })
        return `reads batch ${batch.n}: ${listed(content)}`
      }
      if (isGone && !flaw('a batch that is gone stops the shard')) rest()
      else if (manifests.some(({ n, open }) => n === batch.n && !open)) go('finish', batch)
      else go('stop')
      return `finds batch ${batch.n} gone`
    }
    case 'append': {
      let stored = manifests.find(({ n }) => n === batch.n)
      const isNew = !stored
      if (!stored) {
        const events = batch.kind === 'flush' ? eventsIn(model, worker.todo!) : 0
        stored = {
          n: batch.n, name: batch.name, kind: batch.kind, checksum: worker.checksum!, events, running: worker.before! + events,
          writes: worker.todo!, open: true,
        }
        manifests.push(stored)
        manifests.sort((a, b) => a.n - b.n)
      }
      const isSame = (batch.kind === 'repair' || stored.checksum === worker.checksum)
        && (flaw('batches have no name') || stored.name === batch.name)
      if (!isSame && !flaw('compares no manifest')) {
        go('stop')
        return `finds another manifest ${batch.n}`
      }
      // A repair that somebody else began is applied as it was computed then: half of it may be written.
      const todo = batch.kind === 'repair' ? stored.writes : worker.todo!
      if (stored.open) goApply({ ...batch, todo })
      else go('finish', batch)
      return isNew ? `appends manifest ${batch.n}` : `finds manifest ${batch.n}, ${stored.open ? 'open' : 'done'}`
    }
    case 'close': {
      const stored = manifests.find(({ n }) => n === worker.n)
      if (stored) manifests[manifests.indexOf(stored)] = { ...stored, open: false }
      if (worker.then) go('read', { ...worker.then, before: stored!.running })
      else if (worker.then === null) rest()
      else go('finish', batch)
      return `notes manifest ${worker.n} done`
    }
    case 'finish': {
      const key = batchKey(model, batch.n)
      const isOurs = data.open?.n === batch.n && (flaw('batches have no name') || data.open.name === batch.name)
      if (flaw('one name')) delete data.batches[key]
      if (isOurs || flaw('finishes whatever is open')) {
        delete data.batches[key]
        Object.assign(data, { open: null, done: batch.n })
      }
      if (model.world.catalog && flaw('no mark')) go('list', { before: batch.n - 1, upTo: batch.n })
      else rest()
      return `finishes batch ${batch.n}${isOurs ? '' : ', which is not open'}`
    }

    // -- repair of totals from their days
    case 'read days': {
      const todo = daysOf(model, draft, shard).map(([entity, days]) => ({ document: `total ${entity}`, adds: days }))
      go('read totals', { ...batch, before: worker.before ?? 0, todo })
      return `reads the days ${todo.map(({ adds }) => listed(adds)).join(' ')}`
    }
    case 'read totals': {
      const todo = worker.todo!.map(({ document, adds }) => {
        const shown = rollups.documents[document]!.counts
        return { document, adds: adds.map((value, event) => value - shown[event]!) }
      }).filter(({ adds }) => !isEmpty(adds))
      if (flaw('repair outside the numbering')) {
        if (todo.length > 0) go('add', { todo })
        else rest()
      } else {
        go('append', { ...batch, before: worker.before!, checksum: '', todo })
      }
      return `computes what the totals lack: ${todo.map(({ adds }) => listed(adds)).join(' ') || 'nothing'}`
    }
    case 'add':
      for (const { document, adds } of worker.todo!) {
        const stored = rollups.documents[document]!
        rollups.documents[document] = { ...stored, counts: add(stored.counts, adds) }
      }
      rest()
      return 'adds it, whatever has happened since'

    // -- sync-catalog.ts
    case 'upTo': {
      const upTo = doneOf(draft, shard)
      go('mark', { upTo })
      return `the rollups are done up to ${upTo}`
    }
    case 'mark': {
      const from = (flaw('mark in another store') ? rollups.marks : catalog.marks)[shard]!
      if (from >= worker.upTo!) rest()
      else go('list', { before: from, upTo: worker.upTo! })
      return `reads that its mark is ${from}`
    }
    case 'list': {
      const totals = changedTotals(model, draft, shard, worker.before!, worker.upTo!)
      go(totals.length > 0 ? 'put' : 'move', { upTo: worker.upTo!, totals })
      return `lists totals of (${worker.before}, ${worker.upTo}]: ${totals.map(({ counts }) => listed(counts)).join(' ') || 'none'}`
    }
    case 'put': {
      const [{ entity, seq, counts }, ...others] = worker.totals! as [{ entity: number; seq: number; counts: Counts }]
      const row = catalog.rows[entity]!
      const isNewer = row.version < seq
      if (isNewer) catalog.rows[entity] = { version: seq, counts: flaw('one version for two documents') ? add(row.counts, counts) : counts }
      go(others.length > 0 ? 'put' : 'move', { upTo: worker.upTo!, totals: others })
      return `writes ${listed(counts)} of version ${seq} into row ${entity}${isNewer ? '' : ', which refuses it'}`
    }
    case 'move': {
      const marks = flaw('mark in another store') ? rollups.marks : catalog.marks
      marks[shard] = Math.max(marks[shard]!, worker.upTo!)
      rest()
      return `moves the mark to ${worker.upTo}`
    }
  }
  throw new Error(`no step at ${worker.at}`)
}

function freeze(model: Model, draft: State, index: number): string {
  const { shard, life, floor } = draft.workers[index]!
  const data = draft.redis.shards[shard]!
  const beside = model.flaws.has('opened beside an open batch')
  const isOther = draft.redis.life !== life && !model.flaws.has('freezes in any life')
  if (data.stopped || isOther || (isEmpty(data.hot) && !data.open)) {
    draft.workers[index] = idle()
    return isOther ? 'freezes nothing: this is another life of Redis' : 'freezes nothing'
  }
  if (data.open && (!beside || isEmpty(data.hot))) {
    draft.workers[index] = { at: 'settle', shard, ...data.open, wrote: false }
    return `finds batch ${data.open.n} open`
  }
  if (data.done === null) {
    data.done = floor!.n
    data.counted += floor!.flushed
  }
  const open: OpenBatch = { n: (data.open?.n ?? data.done) + 1, name: ++draft.names, kind: 'flush' }
  const content = moveHot(data, batchKey(model, open.n))
  data.open = open
  draft.workers[index] = { at: 'settle', shard, ...open, wrote: true }
  return `freezes ${listed(content)} into batch ${open.n}`
}

/** One document of a batch: only where its `seq` is below the batch's number. */
function apply(model: Model, draft: State, index: number, at: number): string {
  const worker = draft.workers[index]!
  const { document, adds } = worker.todo![at]!
  const stored = draft.rollups.documents[document]!
  const isNew = stored.seq < worker.n!
  draft.rollups.documents[document] = isNew ? { ...stored, seq: worker.n!, counts: add(stored.counts, adds) } : stored
  const todo = worker.todo!.toSpliced(at, 1)
  draft.workers[index] = { ...worker, todo, at: todo.length === 0 ? 'close' : 'apply' }
  return `adds ${listed(adds)} of batch ${worker.n} to ${document}${isNew ? '' : ', which has it'}`
}

function moveHot(data: HotShard, key: string): Counts {
  const content = data.hot
  data.batches[key] = content
  data.hot = content.map(() => 0)
  return content
}

function batchKey({ flaws }: Model, n: number): string {
  return flaws.has('one name') || flaws.has('separate commands, one name') ? 'batch' : String(n)
}

/** A checksum knows fields and values, not which events made them. */
function checksumOf({ world }: Model, content: Counts): string {
  const sums: Record<string, number> = {}
  for (const [event, { entity, action }] of world.events.entries()) {
    if (content[event]) sums[`${entity} ${action ?? ''}`] = (sums[`${entity} ${action ?? ''}`] ?? 0) + content[event]
  }
  return JSON.stringify(sums)
}

/** A batch by document, each document once. */
function writesOf(model: Model, content: Counts): Write[] {
  const writes: Record<string, Write> = {}
  for (const [event, count] of content.entries()) {
    if (count === 0) continue
    for (const document of documentsOf(model, event)) {
      const key = model.flaws.has('document written twice in a batch') ? `${document} of ${model.world.events[event]!.entity}` : document
      const adds = one(event, content.length).map((once) => once * count)
      writes[key] = { document, adds: writes[key] ? add(writes[key].adds, adds) : adds }
    }
  }
  return Object.values(writes)
}

/** Every event of a flush is in one document of the first kind. */
function eventsIn({ world }: Model, writes: readonly Write[]): number {
  const first = world.documents[0]!
  return writes.filter(({ document }) => document.startsWith(first))
    .reduce((sum, { adds }) => sum + adds.reduce((a, b) => a + b, 0), 0)
}

function daysOf({ world }: Model, state: State, shard: number): [number, Counts][] {
  return world.shards.flatMap((of, entity): [number, Counts][] =>
    of === shard ? [[entity, state.rollups.documents[`day ${entity}`]!.counts]] : [])
}

function changedTotals({ world }: Model, state: State, shard: number, from: number, upTo: number) {
  return Object.keys(state.rollups.documents).sort().flatMap((document) => {
    const [kind, entity] = document.split(' ')
    const { seq, counts } = state.rollups.documents[document]!
    if (kind !== 'total' || world.shards[Number(entity)] !== shard || seq <= from || seq > upTo) return []
    return [{ entity: Number(entity), seq, counts }]
  })
}

// ---- what may go wrong -----------------------------------------------------------------------------------------

function faults({ world, flaws }: Model, state: State, take: Take): void {
  const { left } = state
  const isQuiet = !world.undisturbed || state.workers.every(({ at }) => at === 'idle')
  if (left.powerLosses > 0 && !isEqual(state.synced, state.redis)) {
    take('the disk catches up', (draft) => { draft.synced = copyRedis(draft.redis) })
    take('power fails: Redis loses what its disk has not', (draft) => {
      draft.left.powerLosses--
      goBack(draft, draft.synced!)
    })
  }
  if (left.restores > 0) {
    if (!state.snapshot) take('Redis is copied', (draft) => { draft.snapshot = copyRedis(draft.redis) })
    else if (!isEqual(state.snapshot, state.redis)) {
      take('Redis is restored from the copy', (draft) => {
        draft.left.restores--
        draft.wentBack = true
        goBack(draft, draft.snapshot!)
      })
    }
  }
  if (left.empties > 0 && isQuiet) {
    take('Redis loses everything', (draft) => {
      draft.left.empties--
      draft.left.repeats = 0 // the memory of what was seen is gone too: nobody promises more
      if (!world.undisturbed) draft.wentBack = true
      const nothing = world.events.map(() => 0)
      goBack(draft, {
        life: 0, seen: nothing, shards: draft.redis.shards.map(() =>
          ({ hot: nothing, counted: 0, done: null, open: null, batches: {}, stopped: false, drawn: 0 })),
      })
    })
  }
  if (left.rollupRestores > 0 && isQuiet) {
    if (!state.rollupsCopy) take('the rollup store is copied', (draft) => { draft.rollupsCopy = copyRollups(draft.rollups) })
    else if (!isEqual(state.rollupsCopy, state.rollups)) {
      take('the rollup store is restored from the copy', (draft) => {
        draft.left.rollupRestores--
        draft.wentBack = true
        draft.rollups = draft.rollupsCopy!
        draft.rollupsCopy = null
      })
    }
  }
  if (left.catalogRestores > 0 && isQuiet) {
    if (!state.catalogCopy) take('the catalog is copied', (draft) => { draft.catalogCopy = { rows: [...draft.catalog.rows], marks: [...draft.catalog.marks] } })
    else if (!isEqual(state.catalogCopy, state.catalog)) {
      take('the catalog is restored from the copy, rows and marks', (draft) => {
        draft.left.catalogRestores--
        draft.catalog = draft.catalogCopy!
        draft.catalogCopy = null
      })
    }
  }
  const isFlushed = state.sent.every(Boolean) && state.redis.shards.every(({ hot, open }) => isEmpty(hot) && !open)
  if (left.retirements > 0 && isFlushed) {
    take('retention retires the day of entity 0', (draft) => {
      draft.left.retirements--
      const day = draft.rollups.documents['day 0']!
      // A deleted document comes back with seq 0; the verdict still knows what it counted before.
      draft.rollups.documents['day 0'] = { ...day, ...(flaws.has('documents are deleted') ? { seq: 0 } : { retired: true }) }
    })
  }
}

function goBack(draft: State, to: State['redis']): void {
  draft.redis = copyRedis(to)
  if (draft.synced) draft.synced = to
  // A connection that was made anew has written nothing that it could wait for.
  draft.workers = draft.workers.map((worker) => (worker.wrote ? { ...worker, wrote: false } : worker))
  for (let event = 0; event < draft.sent.length; event++) {
    if (draft.sent[event] && !isHeld(draft, event)) draft.excused[event] = true
  }
}

/** Whether any store still has the event, where it counts or will count. */
export function isHeld({ redis, rollups }: State, event: number): boolean {
  return redis.shards.some(({ hot, open, batches }) => hot[event]! > 0 || (open && Object.values(batches).some((batch) => batch[event]! > 0)))
    || rollups.manifests.some((list) => list.some(({ writes }) => writes.some(({ adds }) => adds[event]! > 0)))
    || Object.values(rollups.documents).some(({ counts }) => counts[event]! > 0)
}

function isEqual(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
