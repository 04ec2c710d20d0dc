/**
 * The counting protocol as a machine: `stepsOf` answers every atomic step that some process could take next, and every
 * fault that could happen. A step is one script in Redis, one statement or transaction of a store: what nothing can
 * interrupt. Between two steps anything may happen, for any length of time.
 *
 * Read it beside docs/architecture.md: state.ts says what is kept where, ingest-steps.ts how an event gets in,
 * flush-steps.ts how it gets into the rollups, sync-steps.ts into the catalog, repair-steps.ts how a damaged total is
 * put right, faults.ts what may go wrong, verdict.ts what must hold. Without flaws that is the protocol; each flaw of
 * world.ts takes out one rule.
 */
import { faultSteps } from './faults.ts'
import { applyOne, flushSteps, isFlushDue } from './flush-steps.ts'
import { hereOf } from './here.ts'
import { clientSteps, type Take } from './ingest-steps.ts'
import { canRepair, repairSteps } from './repair-steps.ts'
import { draftOf, idle, type State } from './state.ts'
import { isSyncDue, syncSteps } from './sync-steps.ts'
import type { Model } from './world.ts'

export type Step = { label: string; state: State }

const acts = { ...flushSteps, ...repairSteps, ...syncSteps }

/** Every step that can be taken from `state`. */
export function stepsOf(model: Model, state: State): Step[] {
  const steps: Step[] = []
  const take: Take = (label, change) => {
    const draft = draftOf(state)
    const more = change(draft)
    // What no fault can bring back any more need not be told apart.
    if (draft.left.powerLosses === 0) draft.synced = null
    if (draft.left.restores === 0) draft.snapshot = null
    steps.push({ label: more ? `${label}: ${more}` : label, state: draft })
  }
  clientSteps(model, state, take)
  for (const index of state.workers.keys()) workerSteps(model, state, index, take)
  faultSteps(model, state, take)
  return steps
}

function workerSteps(model: Model, state: State, index: number, take: Take): void {
  const me = `W${index + 1}`
  const worker = state.workers[index]!
  const begin = (label: string, at: string, shard: number) => take(label, (draft) => {
    draft.workers[index] = { at, shard }
    return acts[at]!(hereOf(model, draft, index))
  })
  if (worker.at === 'idle') {
    for (const shard of new Set(model.world.shards)) {
      if (isFlushDue(state, shard)) begin(`${me} flushes shard ${shard}`, 'life', shard)
      if (isSyncDue(model, state, shard)) begin(`${me} syncs shard ${shard}`, 'upTo', shard)
      if (canRepair(model, state, shard)) begin(`${me} repairs shard ${shard}`, 'open repair', shard)
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
    for (const at of worker.todo!.keys()) take(me, (draft) => applyOne(hereOf(model, draft, index), at))
  } else {
    take(me, (draft) => acts[worker.at]!(hereOf(model, draft, index)))
  }
}
