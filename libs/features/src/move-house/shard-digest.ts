import { createHash } from 'node:crypto'
import { checksumOf } from '@tallyfleet/domain'
import type { Manifest, RollupDocument, RollupStore } from '@tallyfleet/ports'
import { canonicalJson } from '../evidence/canonical-json.ts'

const PAGE = 200

/** The hash of each document and manifest of a shard, by name, and one over all of them. */
export type ShardDigest = { documents: number; manifests: number; entries: Map<string, string>; checksum: string }

/** What a shard holds, however its store keeps it: equal in two stores when they hold the same. */
export async function digestShard(shard: number, rollups: RollupStore): Promise<ShardDigest> {
  const entries = new Map<string, string>()
  for await (const document of rollups.scan(shard)) entries.set(`document ${document.id}`, hashOf(withoutEmpty(document)))
  const documents = entries.size
  for await (const manifest of manifestsOf(shard, rollups)) {
    const deltas = await rollups.findDeltas(shard, manifest.n)
    entries.set(`manifest ${shard}/${manifest.n}`, hashOf([manifest, deltas ? checksumOf(deltas) : null]))
  }
  const lines = [...entries].map(([name, hash]) => `${name} ${hash}\n`).sort()
  return { documents, manifests: entries.size - documents, entries, checksum: hashOf(lines) }
}

/** The first name that two shards tell differently; undefined when they are equal. */
export function firstDifference(one: ShardDigest, other: ShardDigest): string | undefined {
  if (one.checksum === other.checksum) return undefined
  const names = new Set([...one.entries.keys(), ...other.entries.keys()])
  return [...names].sort().find((name) => one.entries.get(name) !== other.entries.get(name))
}

/** Every manifest of a shard, by number. */
export async function* manifestsOf(shard: number, rollups: RollupStore): AsyncGenerator<Manifest> {
  for (let after = 0; ;) {
    const page = await rollups.listManifests(shard, after, PAGE)
    yield* page
    if (page.length < PAGE) return
    after = page.at(-1)!.n
  }
}

/** An action without measures is no action: not every store can keep one. */
function withoutEmpty({ counts, ...document }: RollupDocument): unknown {
  return { ...document, counts: Object.fromEntries(Object.entries(counts).filter(([, measures]) => Object.keys(measures).length > 0)) }
}

function hashOf(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex')
}
