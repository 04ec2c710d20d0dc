import { isFlushDue } from './flush-steps.ts'
import type { State } from './state.ts'
import { isSyncDue } from './sync-steps.ts'
import { documentsOf, eventName, isHeld, type Model } from './world.ts'

export type Kind = 'loses' | 'doubles' | 'stays wrong' | 'stops' | 'does not balance' | 'never rests'
export type Violation = { kind: Kind; what: string }

/** At rest nobody has anything left to do: every event was sent, every batch finished, every projection up to date. */
export function isAtRest(model: Model, state: State): boolean {
  return state.api === null && state.workers.every(({ at }) => at === 'idle')
    && state.redis.shards.every((_, shard) => !isFlushDue(state, shard) && !isSyncDue(model, state, shard))
    && model.world.events.every(({ entity }, event) =>
      state.sent[event] || state.redis.shards[model.world.shards[entity]!]!.stopped)
}

/**
 * What is wrong with a state at rest. Each event counts exactly once in each of its documents, so that days, totals and
 * sums agree; the catalog shows the totals; the ledger balances. Or the shard stopped, which it may only when a store
 * went back in time, and then every event is still somewhere. Events that a Redis took with it within the promise may
 * be missing, but from all documents alike.
 */
export function judge(model: Model, state: State): Violation[] {
  const { world } = model
  const violations: Violation[] = []
  const say = (kind: Kind, what: string) => violations.push({ kind, what })
  for (const [shard, data] of state.redis.shards.entries()) {
    if (data.stopped && !state.wentBack) say('stops', `shard ${shard} stopped, and no store was restored or emptied`)
    if (data.stopped || world.rollupRestores) continue
    const gap = ledgerGap(state, shard)
    if (gap !== 0) say('does not balance', `the ledger of shard ${shard} misses ${gap}`)
  }
  for (const [event, { entity }] of world.events.entries()) {
    if (!state.sent[event]) continue
    const shard = world.shards[entity]!
    const name = eventName(event)
    if (state.redis.shards[shard]!.stopped) {
      if (!state.excused[event] && !world.rollupRestores && !isHeld(state, event)) say('loses', `${name} is nowhere`)
      continue
    }
    const counts = documentsOf(model, event).map((document) =>
      ({ document, count: state.rollups.documents[document]!.counts[event]! }))
    // Until a repair is through, what was damaged stays so.
    const isRepaired = state.rollups.manifests[shard]!.some(({ kind, open }) => kind === 'repair' && !open)
    const isDamaged = (document: string) => world.damaged && !isRepaired && event === 0 && document === 'total 0'
    const isMissing = state.excused[event]! && counts.every(({ count }) => count === 0)
    for (const { document, count } of counts) {
      if (count < 1 && !isMissing && !isDamaged(document)) say('loses', `${name} counts ${count} times in ${document}`)
      if (count > 1) say('doubles', `${name} counts ${count} times in ${document}`)
    }
    if (!world.catalog) continue
    const shown = state.catalog.rows[entity]!.counts[event]!
    const total = counts.find(({ document }) => document.startsWith('total'))!.count
    if (shown !== total) say('stays wrong', `row ${entity} shows ${name} ${shown} times, its total ${total} times`)
  }
  return violations
}

/** counted − (flushed + open + hot), as read-ledger.ts computes it. */
function ledgerGap({ redis, rollups }: State, shard: number): number {
  const { counted, hot, done } = redis.shards[shard]!
  const manifests = rollups.manifests[shard]!
  const latest = manifests.at(-1)
  const flushed = (done === null ? latest : manifests.find(({ n }) => n === done))?.running ?? 0
  const before = done === null ? rollups.floors[redis.life]?.[shard]?.flushed ?? latest?.running ?? 0 : 0
  return counted + before - flushed - hot.reduce((a, b) => a + b, 0)
}
