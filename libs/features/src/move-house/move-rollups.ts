import { ALL_SHARDS, AppError, INSTALLATION, MOVED, MOVING, type Packs } from '@tallyfleet/domain'
import type { Clock, HotStore, Journal, Log, RollupDocument, RollupStore } from '@tallyfleet/ports'
import { flushShards } from '../flush/flush-shards.ts'
import { planRollupRepair } from '../repair/plan-rollup-repair.ts'
import { copyJournal } from './copy-journal.ts'
import { findMove } from './refuse-moved.ts'
import { digestShard, firstDifference, manifestsOf } from './shard-digest.ts'

/** Rollups with the journal beside them. `name`: their URL, without a password. */
export type House = { name: string; rollups: RollupStore; journal: Journal }

export type MoveNeeds = {
  from: House
  to: House
  /** Absent: nothing counts, because no Redis runs. */
  hot: HotStore | undefined
  packs: Packs; clock: Clock; log: Log
}

export type MoveResult = {
  documents: number
  manifests: number
  /** Records of the journal that were written or deleted. */
  journal: number
  /** Shards that had to be copied: the others were equal already. */
  copied: number
  /** Rollups that differ from their days, in both stores alike: what `parity-check` will tell. */
  differences: number
  /** The move had been finished before. */
  before: boolean
}

const STOPPED = 'the stores are being moved: run fleet migrate stores to its end, or give up with fleet doctor --resume'
const PAGE = 500
const JOURNAL_PASSES = 3
const QUIET_TRIES = 50
const SHARDS_AT_ONCE = 8

/**
 * Takes documents, manifests with their deltas, dead deltas and the journal to another store, while every shard is
 * stopped, and compares both sides document by document. Then the old store is marked as left, so that no worker counts
 * into it, and the shards go on. Safe to run again from any point: what is equal is not copied again.
 * Rejects with `STORE_REFUSED` when the target is another installation's, or ahead of the source.
 */
export async function moveRollups(
  needs: MoveNeeds, { dryRun = false, onShard, signal }: { dryRun?: boolean; onShard?: (done: number) => void; signal?: AbortSignal } = {},
): Promise<MoveResult> {
  const { from, to, hot, clock } = needs
  const result: MoveResult = { documents: 0, manifests: 0, journal: 0, copied: 0, differences: 0, before: false }
  const { moved, moving } = await findMove(from.journal)
  if (moving) throw new AppError('STORE_REFUSED', `${from.name} is itself half copied, from ${moving.from}`)
  if (moved && moved.to !== to.name) throw new AppError('STORE_REFUSED', `${from.name} moved to ${moved.to}: move from there`)
  if (moved) {
    if (!dryRun) await finish()
    return { ...result, before: true }
  }
  await refuseOther(from, to)
  if (!dryRun) {
    await to.journal.put(INSTALLATION, MOVING, { from: from.name, at: clock.now().toISOString() })
    // A store that is being filled is told by the secret, whoever looks at it.
    await to.journal.put(INSTALLATION, 'secret', await from.journal.find(INSTALLATION, 'secret'))
    await stopShards(needs)
  }
  try {
    const shards = ALL_SHARDS.values()
    let moved = 0
    const ends = await Promise.allSettled(Array.from({ length: SHARDS_AT_ONCE }, async () => {
      for (const shard of shards) {
        signal?.throwIfAborted()
        await moveShard(shard)
        onShard?.(++moved)
      }
    }))
    // All of them must have ended before the shards go on.
    for (const end of ends) if (end.status === 'rejected') throw end.reason
    if (dryRun) return result
    for await (const { shard, n, dead } of from.rollups.scanDead()) await to.rollups.appendDead(shard, n, dead)
    // The fleet goes on writing ticks and minutes; the last pass finds little or nothing.
    for (let pass = 0, changed = 1; pass < JOURNAL_PASSES && changed > 0; pass++) {
      changed = await copyJournal(from.journal, to.journal)
      result.journal += changed
    }
    await from.journal.put(INSTALLATION, MOVED, { to: to.name, at: clock.now().toISOString() })
    await to.journal.deleteBefore(INSTALLATION, `${MOVING}\u0000`, MOVING)
    return result
  } finally {
    if (!dryRun) await resumeShards(hot)
  }

  async function finish(): Promise<void> {
    await to.journal.deleteBefore(INSTALLATION, `${MOVING}\u0000`, MOVING)
    await resumeShards(hot)
  }

  async function moveShard(shard: number): Promise<void> {
    const source = await digestShard(shard, from.rollups)
    result.documents += source.documents
    result.manifests += source.manifests
    let target = await digestShard(shard, to.rollups)
    if (source.checksum === target.checksum) return
    result.copied++
    if (dryRun) return
    await copyShard(shard, from.rollups, to.rollups, signal)
    target = await digestShard(shard, to.rollups)
    const difference = firstDifference(source, target)
    if (difference) throw new AppError('STORE_REFUSED', `shard ${shard} is not the same in ${to.name}: ${difference}`)
    result.differences += (await planRollupRepair(shard, to)).wrong.length
  }
}

async function copyShard(shard: number, from: RollupStore, to: RollupStore, signal: AbortSignal | undefined): Promise<void> {
  for await (const manifest of manifestsOf(shard, from)) {
    signal?.throwIfAborted()
    await to.putManifestCopy(manifest, await from.findDeltas(shard, manifest.n))
  }
  let page: RollupDocument[] = []
  for await (const document of from.scan(shard)) {
    page.push(document)
    if (page.length < PAGE) continue
    signal?.throwIfAborted()
    await to.putCopies(page)
    page = []
  }
  await to.putCopies(page)
}

/** A target must be empty, or an older state of the same installation: each of its batches is one of the source's. */
async function refuseOther(from: House, to: House): Promise<void> {
  const secret = await from.journal.find(INSTALLATION, 'secret')
  if (secret === undefined) throw new AppError('STORE_REFUSED', `${from.name} holds no rollups of an installation`)
  const known = await to.journal.find(INSTALLATION, 'secret')
  const latest = await to.rollups.listLatestManifests()
  if (known === undefined ? latest.length > 0 : known !== secret) {
    throw new AppError('STORE_REFUSED', `${to.name} holds the rollups of another installation`)
  }
  for (const { shard, n, name, checksum } of latest) {
    const ours = await from.rollups.findManifest(shard, n)
    if (ours?.name === name && ours.checksum === checksum) continue
    throw new AppError('STORE_REFUSED', `${to.name} is ahead of ${from.name}: shard ${shard} has batch ${n}`)
  }
}

/** Stops every shard, and sees the open batches to their end: they belong to the old store. */
async function stopShards({ from, hot, packs, clock, log }: MoveNeeds): Promise<void> {
  if (!hot) return
  const other = (await hot.listShards()).find(({ stopped }) => stopped !== undefined && stopped !== STOPPED)
  if (other) throw new AppError('SHARD_STOPPED', `shard ${other.shard} has stopped: ${other.stopped}; see fleet doctor`)
  const needs = { hot, rollups: from.rollups, journal: from.journal, packs, clock, log, secret: await from.journal.find(INSTALLATION, 'secret') as string }
  for (const shard of ALL_SHARDS) await hot.stopShard(shard, STOPPED)
  for (let tries = 0; tries < QUIET_TRIES; tries++) {
    const open = (await hot.listShards()).flatMap((status) => (status.open ? [status.shard] : []))
    if (open.length === 0) return
    for (const shard of open) await hot.resumeShard(shard)
    const { stopped } = await flushShards(open, needs, { jobId: 'move' })
    if (stopped.length > 0) throw new AppError('SHARD_STOPPED', `shard ${stopped[0]} has stopped; see fleet doctor`)
    for (const shard of open) await hot.stopShard(shard, STOPPED)
  }
  await resumeShards(hot)
  throw new AppError('OVERLOADED', 'there is always a batch under way')
}

async function resumeShards(hot: HotStore | undefined): Promise<void> {
  for (const { shard, stopped } of await hot?.listShards() ?? []) if (stopped === STOPPED) await hot!.resumeShard(shard)
}
