import type { Act } from './here.ts'
import { add, type State } from './state.ts'
import { listed, type Model } from './world.ts'

/** Up to which batch a shard is applied in full. */
function doneOf({ rollups }: State, shard: number): number {
  const latest = rollups.manifests[shard]!.at(-1)
  return latest ? latest.n - (latest.open ? 1 : 0) : 0
}

/** The mark stands in the store that is filled. */
function marksOf({ flaws }: Model, { rollups, catalog }: State): number[] {
  return flaws.has('mark in another store') ? rollups.marks : catalog.marks
}

/** Whether the catalog is behind a shard. */
export function isSyncDue(model: Model, state: State, shard: number): boolean {
  if (!model.world.catalog || model.flaws.has('no mark')) return false
  return doneOf(state, shard) > marksOf(model, state)[shard]!
}

/** sync-catalog.ts, for one shard. */
export const syncSteps: Record<string, Act> = {
  upTo({ draft, shard, go }) {
    const upTo = doneOf(draft, shard)
    go('mark', { upTo })
    return `the rollups are done up to ${upTo}`
  },

  mark({ model, draft, shard, worker, go, rest }) {
    const from = marksOf(model, draft)[shard]!
    if (from >= worker.upTo!) rest()
    else go('list', { before: from, upTo: worker.upTo! })
    return `reads that its mark is ${from}`
  },

  list({ model, draft, shard, worker, go }) {
    const from = worker.before!
    const upTo = worker.upTo!
    const totals = Object.entries(draft.rollups.documents).flatMap(([document, { seq, counts }]) => {
      const [kind, entity] = [document.split(' ')[0], Number(document.split(' ')[1])]
      const isChanged = kind === 'total' && model.world.shards[entity] === shard && seq > from && seq <= upTo
      return isChanged ? [{ entity, seq, counts }] : []
    })
    go(totals.length > 0 ? 'put' : 'move', { upTo, totals })
    return `lists totals of (${from}, ${upTo}]: ${totals.map(({ counts }) => listed(counts)).join(' ') || 'none'}`
  },

  /** One transaction: absolute numbers, where the row's version is lower. */
  put({ draft: { catalog }, worker, has, go, rest }) {
    const [first, ...others] = worker.totals!
    const { entity, seq, counts } = first!
    const row = catalog.rows[entity]!
    const isNewer = row.version < seq
    const shown = has('one version for two documents') ? add(row.counts, counts) : counts
    if (isNewer) catalog.rows[entity] = { version: seq, counts: shown }
    if (others.length === 0 && has('no mark')) rest()
    else go(others.length > 0 ? 'put' : 'move', { upTo: worker.upTo!, totals: others })
    return `writes ${listed(counts)} of version ${seq} into row ${entity}${isNewer ? '' : ', which refuses it'}`
  },

  move({ model, draft, shard, worker, rest }) {
    const marks = marksOf(model, draft)
    marks[shard] = Math.max(marks[shard]!, worker.upTo!)
    rest()
    return `moves the mark to ${worker.upTo}`
  },
}
