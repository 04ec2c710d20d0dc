import { checksumOf, eventsByTenant, groupDeltas, type Packs } from '@tallyfleet/domain'
import type { Clock, HotStore, Journal, Log, Manifest, OpenBatch, RollupStore } from '@tallyfleet/ports'
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

const SHARDS_AT_ONCE = 4

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
  const hotShards = new Set(check.shards.filter(({ hotFields, open }) => hotFields > 0 || open).map(({ shard }) => shard))
  const batches = await hot.freeze(shards.filter((shard) => hotShards.has(shard) && !result.stopped.includes(shard)), check.floors)
  const openBefore = new Map(check.shards.flatMap(({ shard, open }) => (open ? [[shard, open.n] as const] : [])))
  result.frozen = batches.map(({ shard, n }) => ({ shard, n }))
  result.left = batches.filter(({ shard, n }) => openBefore.get(shard) === n).map(({ shard }) => shard)
  if (batches.length > 0) {
    await hot.settle()
    const queue = batches.values()
    await Promise.all(Array.from({ length: SHARDS_AT_ONCE }, async () => {
      for (const batch of queue) {
        signal?.throwIfAborted()
        await flushBatch(batch)
      }
    }))
  }
  if (shards.length === check.shards.length && result.stopped.length === 0 && result.left.length === 0) {
    await journal.put('flush', 'last', { at: startedAt.toISOString(), jobId, batches: result.batches.length })
  }
  return result

  async function stop(shard: number, reason: string): Promise<void> {
    if (result.stopped.includes(shard)) return
    result.stopped.push(shard)
    needs.log.error({ shard, reason }, 'shard stopped')
    await hot.stopShard(shard, reason)
  }

  async function flushBatch({ shard, n }: OpenBatch): Promise<void> {
    const previous = check.latest.get(shard)
    const before = previous?.n === n - 1 ? previous : await needs.rollups.findManifest(shard, n - 1)
    const finished = await applyBatch(shard, n, before, needs, { jobId, stop })
    if (!finished) return
    result.documents += finished.documents
    result.batches.push({ shard, n, events: finished.events })
  }
}

/** One frozen batch: manifest, apply, finish. Undefined when the shard had to stop. */
async function applyBatch(
  shard: number, n: number, before: Manifest | undefined, { hot, rollups, packs, secret, clock }: FlushNeeds,
  { jobId, stop }: { jobId: string; stop: (shard: number, reason: string) => Promise<void> },
): Promise<{ documents: number; events: number } | undefined> {
  const deltas = await hot.listBatch(shard, n)
  const events = eventsByTenant(deltas)
  if (deltas.length === 0) {
    // Another worker finished it between our freeze and our read, or the batch is lost.
    const stored = await rollups.findManifest(shard, n)
    if (stored?.state === 'done') await hot.finish(shard, n)
    else await stop(shard, `batch ${n} is open but redis holds nothing of it`)
    return undefined
  }
  const running = { ...before?.running }
  for (const [tenant, count] of Object.entries(events)) running[tenant] = (running[tenant] ?? 0) + count
  const manifest: Manifest = {
    shard, n, kind: 'flush', checksum: checksumOf(deltas), events, running, deltaCount: deltas.length,
    state: 'open', createdAt: clock.now(), doneAt: undefined, jobId,
  }
  const stored = await rollups.appendManifest(manifest, deltas)
  if (stored.checksum !== manifest.checksum) {
    await stop(shard, `redis went back in time: batch ${n} was written before with other content`)
    return undefined
  }
  let documents = 0
  if (stored.state === 'open') {
    const grouped = groupDeltas(secret, shard, deltas, (domain) => packs.get(domain)?.finest ?? 'day')
    documents = (await rollups.apply(shard, n, grouped)).applied
    await rollups.finishManifest(shard, n, clock.now())
  }
  await hot.finish(shard, n)
  return { documents, events: Object.values(events).reduce((sum, count) => sum + count, 0) }
}
