import { SHARD_COUNT } from '@tallyfleet/domain'
import type { Floor, HotStore, Journal, Manifest, RollupStore, ShardStatus } from '@tallyfleet/ports'

type Needs = { hot: HotStore; rollups: RollupStore; journal: Journal }

export type ShardCheck = {
  shards: ShardStatus[]
  latest: Map<number, Manifest>
  /** Where each shard goes on when Redis has no number for it. */
  floors: Map<number, Floor>
  /** Shards whose two stores contradict each other, with what is known. */
  contradictions: Map<number, string>
}

/**
 * Compares what Redis and the rollup store say of each shard. The highest manifest m of a shard must be finished
 * (m ≤ done) or its open batch (m = open); otherwise one of the two went back in time.
 *
 * A Redis that lost everything has a new epoch, whose floors are the manifests of that moment: its shards go on from
 * there. A Redis that was restored has its old epoch, so its missing numbers give it away.
 */
export async function checkShards({ hot, rollups, journal }: Needs): Promise<ShardCheck> {
  const epoch = await hot.epoch()
  const manifests = await rollups.listLatestManifests()
  const latest = new Map(manifests.map((manifest) => [manifest.shard, manifest]))
  const fresh = Object.fromEntries(manifests.map(({ shard, n, running }) => [shard, { n, flushed: running }]))
  await journal.claim('epoch', epoch, fresh)
  const known = (await journal.find('epoch', epoch) ?? {}) as Record<string, Floor>
  const floors = new Map(Object.entries(known).map(([shard, floor]) => [Number(shard), floor]))
  const shards = await hot.listShards()
  // The manifests were read first: a worker that finished a batch since then leaves Redis ahead of them.
  const contradictions = new Map<number, string>()
  for (const { shard, done, open } of shards) {
    const reached = done ?? floors.get(shard)?.n ?? 0
    const highest = latest.get(shard)?.n ?? 0
    if (highest > reached && highest !== open?.n) {
      contradictions.set(shard, `redis went back in time: it finished batch ${reached}${open ? ` and has ${open.n} open` : ''}, `
        + `the rollup store holds ${highest}`)
    } else if (done !== undefined && done > highest && !await rollups.findManifest(shard, done)) {
      contradictions.set(shard, `the rollup store went back in time: it holds batch ${highest}, redis finished ${done}`)
    }
  }
  return { shards, latest, floors, contradictions }
}

/** What `checkShards` found, in a sentence, or undefined when all is well. */
export function describeContradictions({ contradictions }: ShardCheck): string | undefined {
  const [first] = contradictions
  return first && `${contradictions.size} of ${SHARD_COUNT} shards stopped; shard ${first[0]}: ${first[1]}`
}
