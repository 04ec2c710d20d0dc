import { batchOf, type Act } from './here.ts'
import { add, isEmpty, type OpenBatch, type State } from './state.ts'
import { listed, type Model } from './world.ts'

/** Whether a repair of the shard could begin. */
export function canRepair({ flaws }: Model, { redis, left }: State, shard: number): boolean {
  const { open, stopped, done } = redis.shards[shard]!
  return left.repairs > 0
    && (flaws.has('repair outside the numbering') || (open === null && !stopped && done !== null))
}

/** Totals from their days: a batch of its own number, computed while it is the open one. */
export const repairSteps: Record<string, Act> = {
  'open repair'({ draft, data, has, go }) {
    draft.left.repairs--
    if (has('repair outside the numbering')) {
      go('read days')
      return 'begins'
    }
    const open: OpenBatch = { n: data.done! + 1, name: ++draft.names, kind: 'repair' }
    data.open = open
    go('settle', { ...open, wrote: true })
    return `opens batch ${open.n} for it`
  },

  'read days'({ model, draft, shard, worker, go }) {
    const todo = model.world.shards.flatMap((of, entity) => {
      const { counts: adds } = draft.rollups.documents[`day ${entity}`]!
      return of === shard ? [{ document: `total ${entity}`, adds }] : []
    })
    go('read totals', { ...batchOf(worker), before: worker.before ?? 0, todo })
    return `reads the days ${todo.map(({ adds }) => listed(adds)).join(' ')}`
  },

  'read totals'({ draft, worker, has, go, rest }) {
    const todo = worker.todo!.map(({ document, adds }) => {
      const shown = draft.rollups.documents[document]!.counts
      return { document, adds: adds.map((value, event) => value - shown[event]!) }
    }).filter(({ adds }) => !isEmpty(adds))
    if (!has('repair outside the numbering')) {
      go('append', { ...batchOf(worker), before: worker.before!, checksum: '', todo })
    } else if (todo.length > 0) {
      go('add', { todo })
    } else {
      rest()
    }
    return `computes what the totals lack: ${todo.map(({ adds }) => listed(adds)).join(' ') || 'nothing'}`
  },

  // What stands for a batch in `repair outside the numbering`.
  add({ draft: { rollups: { documents } }, worker, rest }) {
    for (const { document, adds } of worker.todo!) {
      documents[document] = { ...documents[document]!, counts: add(documents[document]!.counts, adds) }
    }
    rest()
    return 'adds it, whatever has happened since'
  },
}
