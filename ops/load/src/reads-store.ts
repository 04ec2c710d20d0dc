import { actionsOf, addDays, ALL_SHARDS, bucketOf, TOTAL_BUCKET, type Interval } from '@tallyfleet/domain'
import { packs } from '@tallyfleet/packs'
import type { RollupDocument, RollupStore } from '@tallyfleet/ports'
import { SqliteRollupStore } from '@tallyfleet/store-sql'

export const OF = { tenant: 'default', domain: 'jav', entityType: 'movie' }
/** A whole bucket in which every entity was met. */
export const FULL_BUCKET = { interval: 'month', bucket: '2026-08' } as const
/** Days on which some entities were met, few or many; neither holds a whole week. */
export const FEW = { from: '2026-11-10', to: '2026-11-15', entities: 1_000 }
export const MANY = { from: '2026-09-01', to: '2026-09-06', entities: 10_000 }

const ACTIONS = ['view', 'download']
const PAGE = 5_000

/** A store with so many entities, all of them met in one month, and some on the days of {@link FEW} and {@link MANY}. */
export async function openFilled(path: string, entities: number): Promise<RollupStore> {
  const store = await SqliteRollupStore.open({ path, actions: actionsOf(packs) })
  let page: RollupDocument[] = []
  for (const document of documentsOf(entities)) {
    page.push(document)
    if (page.length < PAGE) continue
    await store.putCopies(page)
    page = []
  }
  await store.putCopies(page)
  return store
}

function* documentsOf(entities: number): Generator<RollupDocument> {
  let row = 0
  const documentOf = (entityId: string | null, interval: Interval, bucket: string, shard: number, views: number): RollupDocument => ({
    ...OF, id: `d-${row++}`, of: entityId === null ? 'shard' : 'entity', entityId, interval, bucket, shard, seq: 1,
    counts: Object.fromEntries(ACTIONS.map((action) => [action, { count: views }])),
  })
  for (let at = 0; at < entities; at++) {
    const shard = at % ALL_SHARDS.length
    yield documentOf(`m-${at}`, 'total', TOTAL_BUCKET, shard, 1 + at % 997)
    yield documentOf(`m-${at}`, FULL_BUCKET.interval, FULL_BUCKET.bucket, shard, 1 + at % 97)
  }
  for (const { from, to, entities: active } of [FEW, MANY]) {
    for (let day = from; day < to; day = addDays(day, 1)) {
      for (let at = 0; at < Math.min(active, entities); at++) yield documentOf(`m-${at}`, 'day', day, at % ALL_SHARDS.length, 1 + at % 31)
      for (const shard of ALL_SHARDS) {
        for (const interval of ['day', 'week', 'month'] as const) {
          if (interval === 'day' || day === from) yield documentOf(null, interval, bucketOf(interval, day), shard, 7)
        }
      }
    }
  }
  for (const shard of ALL_SHARDS) yield documentOf(null, 'total', TOTAL_BUCKET, shard, 7)
}
