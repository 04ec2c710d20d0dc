import {
  checksumOf, eventsByTenant, groupDeltas, groupRepair, type Delta, type DocumentDelta, type Packs,
} from '@tallyfleet/domain'
import { notePositions, type Clock, type HotStore, type Journal, type Log, type Manifest, type OpenBatch, type RollupStore } from '@tallyfleet/ports'
import { refuseMoved } from '../move-house/refuse-moved.ts'
import { planRollupRepair } from '../repair/plan-rollup-repair.ts'
import { checkShards } from './check-shards.ts'

export type FlushNeeds = {
  hot: HotStore; rollups: RollupStore; journal: Journal; packs: Packs; secret: string; clock: Clock; log: Log
}

export type FlushResult = {
  /** The batches that this call finished, with their events. */
  batches: { shard: number; n: number; events: number }[]
  /** Every batch that was open after freezing, whoever finishes it. */
  frozen: { shard: number; n: number }[]
  /** Shards whose batch somebody else had frozen before: what they counted since then is still hot. */
  left: number[]
  /** Documents written. */
  documents: number
  /** Shards that stopped. */
  stopped: number[]
}

/** Written side by side: on SQLite they share transactions. */
const SHARDS_AT_ONCE = 8

/**
 * Moves hot counters into rollups: freezes every shard into its next numbered batch, waits once until the freezes are
 * as durable as a 202, then for each batch: manifest, apply, finish. Any number of workers may flush at a time, and
 * die at any point: the number of a batch, its manifest and the fence in each document make it count once.
 */
export async function flushShards(
  shards: readonly number[], needs: FlushNeeds, { jobId, signal }: { jobId: string; signal?: AbortSignal },
): Promise<FlushResult> {
  const { hot, journal, clock } = needs
  const result: FlushResult = { batches: [], frozen: [], left: [], documents: 0, stopped: [] }
  const startedAt = clock.now()
  const check = await checkShards(needs)
  for (const [shard, reason] of check.contradictions) await stop(shard, reason)
  const asked = new Set(shards)
  const lives = check.shards.filter(({ shard }) => asked.has(shard) && !result.stopped.includes(shard))
  const batches = await hot.freeze(lives.flatMap(({ shard, epoch, hotFields, open }) =>
    epoch !== undefined && (hotFields > 0 || open) ? [{ shard, epoch, floor: check.floors.get(shard) }] : []))
  const openBefore = new Map(check.shards.flatMap(({ shard, open }) => (open ? [[shard, open.n] as const] : [])))
  result.frozen = batches.map(({ shard, n }) => ({ shard, n }))
  result.left = batches.filter(({ shard, n, kind }) => openBefore.get(shard) === n || kind === 'repair')
    .map(({ shard }) => shard)
  for (const { shard, open } of lives) {
    const manifest = check.latest.get(shard)
    if (manifest?.state === 'open' && manifest.n !== open?.n) await inherit(shard, manifest.n, needs)
  }
  if (batches.length > 0) {
    await hot.settle()
    await refuseMoved(journal)
    const queue = batches.values()
    await Promise.all(Array.from({ length: SHARDS_AT_ONCE }, async () => {
      for (const batch of queue) {
        signal?.throwIfAborted()
        await flushBatch(batch)
      }
    }))
  }
  if (asked.size === check.shards.length && result.stopped.length === 0 && result.left.length === 0) {
    await journal.put('flush', 'last', { at: startedAt.toISOString(), jobId, batches: result.batches.length })
  }
  return result

  async function stop(shard: number, reason: string): Promise<void> {
    if (result.stopped.includes(shard)) return
    result.stopped.push(shard)
    needs.log.error({ shard, reason }, 'shard stopped')
    await hot.stopShard(shard, reason)
  }

  async function flushBatch(batch: OpenBatch): Promise<void> {
    const { shard, n } = batch
    const known = check.latest.get(shard)
    let before = known?.n === n - 1 ? known : await needs.rollups.findManifest(shard, n - 1)
    if (before?.state === 'open') before = await inherit(shard, n - 1, needs)
    const finished = await applyBatch(batch, before, needs, { jobId, stop })
    if (!finished) return
    result.documents += finished.documents
    result.batches.push({ shard, n, events: finished.events })
  }
}

/**
 * Completes a batch that stands in the rollup store and that Redis does not have open any more: its worker died, and
 * Redis lost everything. Its deltas are in its manifest; the next batch must not be written before them, because the
 * fence would shut them out. Answers the manifest as it is now.
 */
async function inherit(shard: number, n: number, needs: FlushNeeds): Promise<Manifest | undefined> {
  const { rollups, clock, log } = needs
  const manifest = await rollups.findManifest(shard, n)
  if (manifest?.state !== 'open') return manifest // finished since we looked
  log.warn({ shard, n }, 'batch of a lost redis completed from its manifest')
  await rollups.apply(shard, n, documentsOf(manifest, await rollups.findDeltas(shard, n) ?? [], needs))
  await rollups.finishManifest(shard, n, clock.now())
  return { ...manifest, state: 'done' }
}

function documentsOf(
  { shard, kind }: Pick<Manifest, 'shard' | 'kind'>, deltas: readonly Delta[], { secret, packs }: Pick<FlushNeeds, 'secret' | 'packs'>,
): DocumentDelta[] {
  return kind === 'repair' ? groupRepair(secret, shard, deltas)
    : groupDeltas(secret, shard, deltas, (domain) => packs.get(domain)?.finest ?? 'day')
}

type Stop = (shard: number, reason: string) => Promise<void>

/**
 * One open repair: plan, manifest, apply, finish. The plan is made while its batch is the open one, so no flush can
 * come between. Whoever appends the manifest first decides: half of it may be written, so it is never planned again.
 */
async function applyRepair(
  batch: OpenBatch, before: Manifest | undefined, needs: FlushNeeds, { jobId, stop }: { jobId: string; stop: Stop },
): Promise<{ documents: number; events: number } | undefined> {
  const { shard, n, name } = batch
  const { hot, rollups, clock } = needs
  if (!await hot.findBatch(batch)) return undefined // finished by another worker, or its opening was lost with the power
  let stored = await rollups.findManifest(shard, n)
  if (!stored) {
    const { deltas } = await planRollupRepair(shard, needs)
    stored = await rollups.appendManifest({
      shard, n, kind: 'repair', name, checksum: checksumOf(deltas), events: {}, running: { ...before?.running },
      deltaCount: deltas.length, state: 'open', createdAt: clock.now(), doneAt: undefined, jobId,
    }, deltas)
  }
  if (stored.name !== name || stored.kind !== 'repair') {
    await stop(shard, `redis went back in time: batch ${n} was written before with other content`)
    return undefined
  }
  let documents = 0
  if (stored.state === 'open') {
    const deltas = await rollups.findDeltas(shard, n)
    documents = (await rollups.apply(shard, n, documentsOf(stored, deltas ?? [], needs))).applied
    await rollups.finishManifest(shard, n, clock.now())
  }
  await hot.finish(batch)
  return { documents, events: 0 }
}

/** One frozen batch: manifest, apply, finish. Undefined when somebody else finished it, or the shard had to stop. */
async function applyBatch(
  batch: OpenBatch, before: Manifest | undefined, needs: FlushNeeds, { jobId, stop }: { jobId: string; stop: Stop },
): Promise<{ documents: number; events: number } | undefined> {
  if (batch.kind === 'repair') return await applyRepair(batch, before, needs, { jobId, stop })
  const { hot, rollups, clock } = needs
  const { shard, n, name } = batch
  const deltas = await hot.findBatch(batch)
  if (!deltas) return undefined // finished by another worker, or lost with the power: then it is hot again
  if (deltas.length === 0) {
    const stored = await rollups.findManifest(shard, n)
    if (stored?.state === 'done' && stored.name === name) await hot.finish(batch)
    else await stop(shard, `batch ${n} is open but redis holds nothing of it`)
    return undefined
  }
  const events = eventsByTenant(deltas)
  const running = { ...before?.running }
  for (const [tenant, count] of Object.entries(events)) running[tenant] = (running[tenant] ?? 0) + count
  const manifest: Manifest = {
    shard, n, kind: 'flush', name, checksum: checksumOf(deltas), events, running, deltaCount: deltas.length,
    state: 'open', createdAt: clock.now(), doneAt: undefined, jobId,
  }
  await notePositions(batch, needs.journal)
  const stored = await rollups.appendManifest(manifest, deltas)
  if (stored.name !== name || stored.checksum !== manifest.checksum) {
    await stop(shard, `redis went back in time: batch ${n} was written before with other content`)
    return undefined
  }
  let documents = 0
  if (stored.state === 'open') {
    documents = (await rollups.apply(shard, n, documentsOf(manifest, deltas, needs))).applied
    await rollups.finishManifest(shard, n, clock.now())
  }
  await hot.finish(batch)
  return { documents, events: Object.values(events).reduce((sum, count) => sum + count, 0) }
}
