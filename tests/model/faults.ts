import type { Take } from './ingest-steps.ts'
import { copyCatalog, copyRedis, copyRollups, isEmpty, type State } from './state.ts'
import { isHeld, type Model } from './world.ts'

/** What may go wrong with the stores. A crash of a worker is among its steps. */
export function faultSteps({ world, flaws }: Model, state: State, take: Take): void {
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
    if (!state.rollupsCopy) {
      take('the rollup store is copied', (draft) => { draft.rollupsCopy = copyRollups(draft.rollups) })
    } else if (!isEqual(state.rollupsCopy, state.rollups)) {
      take('the rollup store is restored from the copy', (draft) => {
        draft.left.rollupRestores--
        draft.wentBack = true
        draft.rollups = draft.rollupsCopy!
        draft.rollupsCopy = null
      })
    }
  }
  if (left.catalogRestores > 0 && isQuiet) {
    if (!state.catalogCopy) {
      take('the catalog is copied', (draft) => { draft.catalogCopy = copyCatalog(draft.catalog) })
    } else if (!isEqual(state.catalogCopy, state.catalog)) {
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
      const retired = flaws.has('documents are deleted') ? { ...day, seq: 0 } : { ...day, retired: true }
      draft.rollups.documents['day 0'] = retired
    })
  }
}

/** Redis is what it was. Whatever it alone held is gone, within the promise; what a manifest holds is not. */
function goBack(draft: State, to: State['redis']): void {
  draft.redis = copyRedis(to)
  if (draft.synced) draft.synced = to
  // A connection that was made anew has written nothing that it could wait for.
  draft.workers = draft.workers.map((worker) => (worker.wrote ? { ...worker, wrote: false } : worker))
  for (let event = 0; event < draft.sent.length; event++) {
    if (draft.sent[event] && !isHeld(draft, event)) draft.excused[event] = true
  }
}

function isEqual(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
