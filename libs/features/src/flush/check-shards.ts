import { SHARD_COUNT } from '@tallyfleet/domain'
import { epochId, type Floor, type HotStore, type Journal, type Manifest, type RollupStore, type ShardStatus } from '@tallyfleet/ports'

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
 * A shard whose data was lost begins another life, with a new epoch, whose floor is the manifest of that moment: it
 * goes on from there. A shard that was restored has its old epoch, so its missing number gives it away. The floor of a
 * life is claimed here, before its first freeze.
 */
export async function checkShards({ hot, rollups, journal }: Needs): Promise<ShardCheck> {
  const manifests = await rollups.listLatestManifests()
  const latest = new Map(manifests.map((manifest) => [manifest.shard, manifest]))
  const shards = await hot.listShards()
  const floors = new Map<number, Floor>()
  // The manifests were read first: a worker that finished a batch since then leaves Redis ahead of them.
  const contradictions = new Map<number, string>()
  for (const { shard, epoch, done, open } of shards) {
    const highest = latest.get(shard)?.n ?? 0
    if (done === undefined && epoch !== undefined) {
      const begin = latest.get(shard)
      await journal.claim('epoch', epochId(shard, epoch), { n: highest, flushed: begin?.running ?? {} } satisfies Floor)
      floors.set(shard, await journal.find('epoch', epochId(shard, epoch)) as Floor)
    }
    // Without an epoch nothing was counted here yet: the next life will begin where the manifests end.
    const reached = done ?? (epoch === undefined ? highest : floors.get(shard)!.n)
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
