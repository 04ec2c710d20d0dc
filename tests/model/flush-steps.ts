import { batchOf, type Act, type Here } from './here.ts'
import {
  add, copyRedis, isEmpty, type Counts, type HotShard, type Manifest, type OpenBatch, type State, type Worker,
} from './state.ts'
import { checksumOf, eventsIn, listed, writesOf, type Model } from './world.ts'

/** Whether a flush of the shard would find anything to do. */
export function isFlushDue({ redis, rollups }: State, shard: number): boolean {
  const { hot, open, stopped, done } = redis.shards[shard]!
  const latest = rollups.manifests[shard]!.at(-1)
  if (stopped) return false
  const reached = done ?? rollups.floors[redis.life]?.[shard]?.n ?? latest?.n ?? 0
  return !isEmpty(hot) || open !== null || latest?.open === true || (latest?.n ?? 0) !== reached
}

/** check-shards.ts, for one shard: four reads that others may come between. */
const check: Record<string, Act> = {
  life({ draft: { redis }, draft, go }) {
    if (redis.life === 0) redis.life = ++draft.lives
    go('latest', { life: redis.life })
    return `this is life ${redis.life} of Redis`
  },

  latest({ worker, manifests, go }) {
    const latest = manifests.at(-1) ?? null
    go('floor', { life: worker.life!, latest })
    return `reads that manifest ${latest?.n ?? 0} is the last`
  },

  /** The first to claim it says where a life goes on. */
  floor({ draft: { rollups }, shard, worker: { life, latest }, go }) {
    const ofLife = (rollups.floors[life!] ??= rollups.manifests.map(() => null))
    const floor = (ofLife[shard] ??= { n: latest?.n ?? 0, flushed: latest?.running ?? 0 })
    go('look', { life: life!, latest: latest!, floor })
    return `life ${life} goes on from ${floor.n}`
  },

  look({ worker: { life, latest, floor }, data, manifests, has, go, rest }) {
    const highest = latest?.n ?? 0
    const reached = data.done ?? floor!.n
    const isBehind = highest > reached && highest !== data.open?.n
    const isAhead = data.done !== null && data.done > highest && !manifests.some(({ n }) => n === data.done)
    if (isBehind || isAhead) {
      go('stop')
      return `sees that ${isBehind ? 'Redis' : 'the rollup store'} went back in time`
    }
    if (data.open || !isEmpty(data.hot)) {
      const isApart = has('separate commands, one name') || has('separate commands, numbered')
      go(isApart ? 'exists' : 'freeze', { life: life!, floor: floor! })
      return 'sees counts'
    }
    if (latest?.open && !has('open manifests are left')) {
      goApply(go, { n: latest.n, todo: latest.writes, then: null })
      return `completes batch ${latest.n} from its manifest: no life of Redis will`
    }
    rest()
    return 'sees nothing to do'
  },

  stop({ data, rest }) {
    data.stopped = true
    rest()
    return 'stops the shard'
  },
}

/** freeze.lua, and the wait after it. */
const freeze: Record<string, Act> = {
  freeze({ model, draft, worker: { life, floor }, data, has, go, rest }) {
    const isOther = draft.redis.life !== life && !has('freezes in any life')
    if (data.stopped || isOther || (isEmpty(data.hot) && !data.open)) {
      rest()
      return isOther ? 'freezes nothing: this is another life of Redis' : 'freezes nothing'
    }
    if (data.open && (!has('opened beside an open batch') || isEmpty(data.hot))) {
      go('settle', { ...data.open, wrote: false })
      return `finds batch ${data.open.n} open`
    }
    if (data.done === null) {
      data.done = floor!.n
      data.counted += floor!.flushed
    }
    const open: OpenBatch = { n: (data.open?.n ?? data.done) + 1, name: ++draft.names, kind: 'flush' }
    const content = rename(data, batchKey(model, open.n))
    data.open = open
    go('settle', { ...open, wrote: true })
    return `freezes ${listed(content)} into batch ${open.n}`
  },

  /** Until all that Redis holds is on its disk, whoever wrote it. */
  settle({ draft, worker, has, go }) {
    const isWaiting = !has('writes before the freeze is durable')
      && (worker.wrote || !has('waits for its own writes alone'))
    if (draft.synced && isWaiting) draft.synced = copyRedis(draft.redis)
    go('before', batchOf(worker))
    return isWaiting ? 'waits until the disk has it' : 'does not wait for the disk'
  },

  // What stands for the script in `separate commands`.
  exists({ data, go }) {
    if (data.open) go('settle', { ...data.open, wrote: false })
    else go('incr')
    return `EXISTS answers ${data.open ? 1 : 0}`
  },
  incr({ data, go }) {
    data.drawn++
    go('rename', { n: data.drawn })
    return `INCR answers ${data.drawn}`
  },
  rename({ model, draft, worker, data, go, rest }) {
    if (isEmpty(data.hot)) {
      rest()
      return 'RENAME finds no hot counter'
    }
    const open: OpenBatch = { n: worker.n!, name: ++draft.names, kind: 'flush' }
    const content = rename(data, batchKey(model, open.n))
    data.open = open
    go('settle', { ...open, wrote: true })
    return `RENAMEs ${listed(content)} to batch ${open.n}`
  },
}

/** flush-shards.ts from the manifest on. */
const write: Record<string, Act> = {
  /** No document takes batch n before batch n-1 is in all of its own. */
  before({ worker, manifests, has, go }) {
    const batch = batchOf(worker)
    const previous = manifests.find(({ n }) => n === batch.n - 1)
    if (previous?.open && !has('open manifests are left')) {
      goApply(go, { n: previous.n, todo: previous.writes, then: batch })
      return `completes batch ${previous.n} first, from its manifest`
    }
    go('read', { ...batch, before: previous?.running ?? 0 })
    return `reads manifest ${batch.n - 1}`
  },

  /** The batch that was waited for, or none: a power loss may have taken the freeze. */
  read({ model, worker, data, manifests, has, go, rest }) {
    const batch = batchOf(worker)
    const content = data.batches[batchKey(model, batch.n)]
    const isGone = has('batches have no name') && batch.kind === 'flush' ? !content : data.open?.name !== batch.name
    if (!isGone && batch.kind === 'repair') {
      go('read days', { ...batch, before: worker.before! })
      return `finds batch ${batch.n} still open`
    }
    if (!isGone && content) {
      const checksum = checksumOf(model, content)
      go('append', { ...batch, before: worker.before!, checksum, todo: writesOf(model, content) })
      return `reads batch ${batch.n}: ${listed(content)}`
    }
    if (isGone && !has('a batch that is gone stops the shard')) rest()
    else if (manifests.some(({ n, open }) => n === batch.n && !open)) go('finish', batch)
    else go('stop')
    return `finds batch ${batch.n} gone`
  },

  /** The first to append says what batch n is. */
  append({ model, worker, manifests, has, go }) {
    const batch = batchOf(worker)
    const known = manifests.find(({ n }) => n === batch.n)
    const events = batch.kind === 'flush' ? eventsIn(model, worker.todo!) : 0
    const stored: Manifest = known ?? {
      ...batch, checksum: worker.checksum!, events, running: worker.before! + events, writes: worker.todo!, open: true,
    }
    if (!known) {
      manifests.push(stored)
      manifests.sort((a, b) => a.n - b.n)
    }
    const isSame = (batch.kind === 'repair' || stored.checksum === worker.checksum)
      && (has('batches have no name') || stored.name === batch.name)
    if (!isSame && !has('compares no manifest')) {
      go('stop')
      return `finds another manifest ${batch.n}`
    }
    // A repair that somebody else began is applied as it was computed then: half of it may be written.
    if (stored.open) goApply(go, { ...batch, todo: batch.kind === 'repair' ? stored.writes : worker.todo! })
    else go('finish', batch)
    return known ? `finds manifest ${batch.n}, ${stored.open ? 'open' : 'done'}` : `appends manifest ${batch.n}`
  },

  close({ worker, manifests, go, rest }) {
    const stored = manifests.find(({ n }) => n === worker.n)
    if (stored) manifests[manifests.indexOf(stored)] = { ...stored, open: false }
    if (worker.then) go('read', { ...worker.then, before: stored!.running })
    else if (worker.then === null) rest()
    else go('finish', batchOf(worker))
    return `notes manifest ${worker.n} done`
  },

  /** finish.lua: only the batch that is open, by number and name. */
  finish({ model, worker, data, has, go, rest }) {
    const batch = batchOf(worker)
    const key = batchKey(model, batch.n)
    const isOurs = data.open?.n === batch.n && (has('batches have no name') || data.open.name === batch.name)
    if (has('one name')) delete data.batches[key]
    if (isOurs || has('finishes whatever is open')) {
      delete data.batches[key]
      Object.assign(data, { open: null, done: batch.n })
    }
    if (model.world.catalog && has('no mark')) go('list', { before: batch.n - 1, upTo: batch.n })
    else rest()
    return `finishes batch ${batch.n}${isOurs ? '' : ', which is not open'}`
  },
}

export const flushSteps = { ...check, ...freeze, ...write }

/** One document of a batch: only where its `seq` is below the batch's number. `at`: its place among those to write. */
export function applyOne({ draft, worker, go }: Here, at: number): string {
  const { document, adds } = worker.todo![at]!
  const stored = draft.rollups.documents[document]!
  const isNew = stored.seq < worker.n!
  if (isNew) draft.rollups.documents[document] = { ...stored, seq: worker.n!, counts: add(stored.counts, adds) }
  goApply(go, { ...batchOf(worker), then: worker.then, todo: worker.todo!.toSpliced(at, 1) })
  return `adds ${listed(adds)} of batch ${worker.n} to ${document}${isNew ? '' : ', which has it'}`
}

/** On to the writes of a batch, or past them when there is none left. */
function goApply(go: Here['go'], remembers: Partial<Worker>): void {
  if (remembers.todo!.length > 0) go('apply', remembers)
  else go('close', { ...remembers, todo: undefined })
}

function rename(data: HotShard, key: string): Counts {
  const content = data.hot
  data.batches[key] = content
  data.hot = content.map(() => 0)
  return content
}

function batchKey({ flaws }: Model, n: number): string {
  return flaws.has('one name') || flaws.has('separate commands, one name') ? 'batch' : String(n)
}
