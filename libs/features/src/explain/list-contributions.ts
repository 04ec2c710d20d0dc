import { bucketOf, COUNT, type Delta, type EntityKey, type Interval } from '@tallyfleet/domain'
import type { Manifest, RollupStore } from '@tallyfleet/ports'

const PAGE = 200

/** A number that is asked for: one action of one entity in one bucket. */
export type Subject = EntityKey & { action: string; interval: Interval; bucket: string }

/** What one batch added to the number. */
export type Contribution = Pick<Manifest, 'n' | 'kind' | 'checksum' | 'jobId' | 'state' | 'createdAt' | 'doneAt'> & {
  value: number
  /** The finest buckets in which it was counted, in order. */
  buckets: { bucket: string; value: number }[]
}

/** A repair that put the number right, by so much: it is none of the batches that make it. */
export type Repair = Omit<Contribution, 'buckets'>

/** Batches in a row, of this tenant, whose deltas cannot be read: what they added is known only as a sum. */
export type Unreadable = {
  why: 'blanked by retention' | 'not read'
  fromN: number
  toN: number
  batches: number
  /** Events of the tenant in them: no number can have more from them. */
  events: number
  firstAt: Date
  lastAt: Date
}

/**
 * What each batch of a shard up to `latest` added to a number, oldest first. Batches without an event of the tenant
 * are passed over unread.
 * @param maxBatches so many of the newest are read; older ones are answered as `not read`
 */
export async function listContributions(
  subject: Subject, shard: number, latest: number, { rollups }: { rollups: RollupStore },
  { maxBatches, signal }: { maxBatches: number; signal?: AbortSignal },
): Promise<{ contributions: Contribution[]; repairs: Repair[]; unreadable: Unreadable[] }> {
  const contributions: Contribution[] = []
  const repairs: Repair[] = []
  const unreadable: Unreadable[] = []
  for (let after = 0; after < latest;) {
    signal?.throwIfAborted()
    const manifests = (await rollups.listManifests(shard, after, PAGE)).filter(({ n }) => n <= latest)
    if (manifests.length === 0) break
    after = manifests.at(-1)!.n
    for (const manifest of manifests) {
      if (manifest.kind === 'repair') {
        const isRead = manifest.n > latest - maxBatches
        const value = isRead ? repairIn(await rollups.findDeltas(shard, manifest.n) ?? [], subject) : 0
        if (value !== 0) repairs.push({ ...headOf(manifest), value })
        continue
      }
      const events = manifest.events[subject.tenant] ?? 0
      if (events === 0) continue
      const tooOld = manifest.n <= latest - maxBatches
      const deltas = tooOld ? undefined : await rollups.findDeltas(shard, manifest.n)
      if (!deltas) {
        note(unreadable, manifest, events, tooOld ? 'not read' : 'blanked by retention')
        continue
      }
      const buckets = bucketsIn(deltas, subject)
      if (buckets.length === 0) continue
      contributions.push({ ...headOf(manifest), value: sumOf(buckets), buckets })
    }
  }
  return { contributions, repairs, unreadable }
}

function headOf({ n, kind, checksum, jobId, state, createdAt, doneAt }: Manifest): Omit<Repair, 'value'> {
  return { n, kind, checksum, jobId, state, createdAt, doneAt }
}

/** By how much a repair changed a number: its deltas name documents, not finest buckets. */
function repairIn(deltas: readonly Delta[], subject: Subject): number {
  return sumOf(deltas.filter((delta) => isOf(delta, subject) && delta.bucket === subject.bucket))
}

function isOf(delta: Delta, { tenant, domain, entityType, entityId, action }: Subject): boolean {
  return delta.entityId === entityId && delta.tenant === tenant && delta.domain === domain
    && delta.entityType === entityType && delta.action === action && delta.measure === COUNT
}

/** What deltas hold of a number, by finest bucket, in order. */
export function bucketsIn(deltas: readonly Delta[], subject: Subject): { bucket: string; value: number }[] {
  return deltas.filter((delta) => isOf(delta, subject) && bucketOf(subject.interval, delta.bucket) === subject.bucket)
    .map((delta) => ({ bucket: delta.bucket, value: delta.value }))
    .sort((a, b) => (a.bucket < b.bucket ? -1 : 1))
}

export function sumOf(parts: readonly { value: number }[]): number {
  return parts.reduce((sum, { value }) => sum + value, 0)
}

function note(unreadable: Unreadable[], { n, createdAt }: Manifest, events: number, why: Unreadable['why']): void {
  const last = unreadable.at(-1)
  if (last?.why === why) {
    Object.assign(last, { toN: n, batches: last.batches + 1, events: last.events + events, lastAt: createdAt })
  } else {
    unreadable.push({ why, fromN: n, toN: n, batches: 1, events, firstAt: createdAt, lastAt: createdAt })
  }
}
