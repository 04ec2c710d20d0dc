import { INTERVALS, type Interval } from './bucket.ts'
import { addCount, documentIdOf, type Delta, type DocumentDelta } from './delta.ts'
import { AppError } from './errors.ts'

/** Stands in a repair's delta for the sum of its shard over all entities: no entity has an empty id. */
export const SHARD_SUM = ''

const FORMS: readonly [RegExp, Interval][] = [
  [/^all$/, 'total'], [/^\d{4}$/, 'year'], [/^\d{4}-(0[1-9]|1[0-2])$/, 'month'],
  [/^\d{4}-W(0[1-9]|[1-4]\d|5[0-3])$/, 'week'],
  [/^\d{4}-\d\d-\d\d$/, 'day'], [/^\d{4}-\d\d-\d\dT([01]\d|2[0-3])$/, 'hour'],
]

/** The interval that a bucket's key tells; rejects with `PARAMETER_INVALID` when it is the key of none. */
export function intervalOf(bucket: string): Interval {
  const found = FORMS.find(([form]) => form.test(bucket))
  if (found) return found[1]
  const names = INTERVALS.slice(1).join(', ')
  throw new AppError('PARAMETER_INVALID', `bucket: ${JSON.stringify(bucket)} is the key of no ${names}`)
}

/**
 * The documents of a repair's batch. Its deltas name one document each, by entity (or {@link SHARD_SUM}) and bucket,
 * where those of a flush are finest buckets that feed every interval. Each document once, sorted by id.
 */
export function groupRepair(secret: string, shard: number, deltas: readonly Delta[]): DocumentDelta[] {
  const documents = new Map<string, DocumentDelta>()
  for (const delta of deltas) {
    const { tenant, domain, entityType, bucket } = delta
    const of = delta.entityId === SHARD_SUM ? 'shard' as const : 'entity' as const
    const entityId = of === 'shard' ? null : delta.entityId
    const key = { of, tenant, domain, entityType, entityId, interval: intervalOf(bucket), bucket, shard }
    const id = documentIdOf(secret, key)
    let document = documents.get(id)
    if (!document) documents.set(id, (document = { id, ...key, counts: Object.create(null) as DocumentDelta['counts'] }))
    addCount(document.counts, delta)
  }
  return [...documents.values()].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
}
