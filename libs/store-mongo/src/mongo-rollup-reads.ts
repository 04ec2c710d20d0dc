import { AppError, COUNT, daysBetween, type Interval } from '@tallyfleet/domain'
import type { BucketOf, EntityOf, EntityTotals, RollupDocument, TopAfter, TopEntry } from '@tallyfleet/ports'
import { type Collection, type Filter, Long } from 'mongodb'
import { countOf, countPathOf, countsOf, documentOf, filterOf, totalsOf, type RollupRecord } from './rollup-record.ts'

const MAX_DAYS = 400
const SCAN_BATCH = 1_000

/** What is asked of the documents. Strings sort by their UTF-8 bytes, as everywhere in MongoDB without a collation. */
export class MongoRollupReads {
  readonly #documents: Collection<RollupRecord>

  constructor(documents: Collection<RollupRecord>) {
    this.#documents = documents
  }

  async listTop(
    of: EntityOf, action: string, { interval, bucket }: BucketOf, limit: number, after?: TopAfter,
  ): Promise<TopEntry[]> {
    const path = countPathOf(action)
    const list = (count: object, rest: Filter<RollupRecord>, room: number) => this.#documents
      // `$gt: 0` stands in every query, because the index of the action holds nothing else.
      .find({ ...filterOf(of), of: 'entity', interval, bucket, [path]: { $gt: Long.ZERO, ...count }, ...rest })
      .project<RollupRecord>({ _id: 0, entity_id: 1, [path]: 1 })
      .sort({ [path]: -1, entity_id: 1 }).limit(room).toArray()
    const records = await listAfter(limit, after && [
      (room) => list({ $eq: Long.fromNumber(after.count) }, { entity_id: { $gt: after.entityId } }, room),
      (room) => list({ $lt: Long.fromNumber(after.count) }, {}, room),
    ], (room) => list({}, {}, room))
    return records.map((record) => ({ entityId: record.entity_id!, count: countOf(record, action) }))
  }

  async listTopBetween(
    of: EntityOf, action: string, from: string, to: string, limit: number, after?: TopAfter,
  ): Promise<TopEntry[]> {
    if (!(daysBetween(from, to) <= MAX_DAYS)) {
      throw new AppError('RANGE_INVALID', `from ${from} to ${to} is not a range of at most ${MAX_DAYS} days`)
    }
    const path = countPathOf(action)
    const count = after && Long.fromNumber(after.count)
    if (limit <= 0) return []
    const days = { interval: 'day', bucket: { $gte: from, $lt: to } }
    const entries = await this.#documents.aggregate<{ _id: string; count: number | Long }>([
      { $match: { ...filterOf(of), of: 'entity', ...days, [path]: { $gt: Long.ZERO } } },
      { $group: { _id: '$entity_id', count: { $sum: `$${path}` } } },
      ...(after ? [{ $match: { $or: [{ count: { $lt: count } }, { count, _id: { $gt: after.entityId } }] } }] : []),
      { $sort: { count: -1, _id: 1 } },
      { $limit: limit },
    ], { allowDiskUse: true }).toArray()
    return entries.map((entry) => ({ entityId: entry._id, count: Number(entry.count) }))
  }

  async listSeries(
    of: EntityOf, entityId: string | null, action: string, interval: Interval, from: string, to: string,
  ): Promise<{ bucket: string; count: number }[]> {
    const path = countPathOf(action)
    const whose = { of: entityId === null ? 'shard' : 'entity', entity_id: entityId }
    const buckets = await this.#documents.aggregate<{ _id: string; count: number | Long }>([
      { $match: { ...filterOf(of), ...whose, interval, bucket: { $gte: from, $lt: to } } },
      { $group: { _id: '$bucket', count: { $sum: `$${path}` } } },
      { $match: { count: { $gt: 0 } } },
      { $sort: { _id: 1 } },
    ]).toArray()
    return buckets.map(({ _id, count }) => ({ bucket: _id, count: Number(count) }))
  }

  async listSums(
    of: EntityOf, action: string, buckets: readonly BucketOf[], limit: number, entityIds?: readonly string[],
  ): Promise<TopEntry[]> {
    if (limit <= 0 || buckets.length === 0) return []
    const path = countPathOf(action)
    const whose = entityIds && { entity_id: { $in: [...new Set(entityIds)] } }
    const entries = await this.#documents.aggregate<{ _id: string; count: number | Long }>([
      { $match: { $or: inBuckets(of, action, buckets).map((filter) => ({ ...filter, ...whose })) } },
      { $group: { _id: '$entity_id', count: { $sum: `$${path}` } } },
      { $limit: limit },
    ], { allowDiskUse: true }).toArray()
    return entries.map(({ _id, count }) => ({ entityId: _id, count: Number(count) }))
  }

  async countEntities(of: EntityOf, actions: readonly string[], buckets: readonly BucketOf[]): Promise<number> {
    if (actions.length === 0 || buckets.length === 0) return 0
    const [found] = await this.#documents.aggregate<{ count: number | Long }>([
      { $match: { $or: actions.flatMap((action) => inBuckets(of, action, buckets)) } },
      { $group: { _id: '$entity_id' } },
      { $group: { _id: null, count: { $sum: 1 } } },
    ], { allowDiskUse: true }).toArray()
    return Number(found?.count ?? 0)
  }

  async countBefore(of: EntityOf, action: string, { interval, bucket }: BucketOf, place: TopAfter): Promise<number> {
    const path = countPathOf(action)
    const count = Long.fromNumber(place.count)
    const before = (range: object, rest: Filter<RollupRecord>) => this.#documents.countDocuments(
      { ...filterOf(of), of: 'entity', interval, bucket, [path]: { $gt: Long.ZERO, ...range }, ...rest })
    const [higher, tied] = await Promise.all([
      before({ $gt: count }, {}), before({ $eq: count }, { entity_id: { $lt: place.entityId } }),
    ])
    return higher + tied
  }

  async listTotals(of: EntityOf, entityIds: readonly string[]): Promise<EntityTotals[]> {
    if (entityIds.length === 0) return []
    const records = await this.#documents.find(
      { ...filterOf(of), of: 'entity', entity_id: { $in: [...new Set(entityIds)] }, interval: 'total' }).toArray()
    return records.map(totalsOf)
  }

  async findActiveDays(of: EntityOf, entityId: string): Promise<{ first: string; last: string } | undefined> {
    const [first, last] = await Promise.all([this.#findDay(of, entityId, 1), this.#findDay(of, entityId, -1)])
    return first !== undefined && last !== undefined ? { first, last } : undefined
  }

  /** The first day in a direction that has a count: a repair may have taken all of a day's. */
  async #findDay(of: EntityOf, entityId: string, direction: 1 | -1): Promise<string | undefined> {
    const days = this.#documents.find({ ...filterOf(of), of: 'entity', entity_id: entityId, interval: 'day' })
      .project<RollupRecord>({ _id: 0, bucket: 1, counts: 1 }).sort({ bucket: direction }).batchSize(10)
    for await (const day of days) {
      if (Object.values(countsOf(day)).some((measures) => (measures[COUNT] ?? 0) > 0)) return day.bucket
    }
    return undefined
  }

  async listChangedTotals(
    shard: number, afterSeq: number, upToSeq: number, limit: number, cursor?: string,
  ): Promise<{ totals: EntityTotals[]; cursor: string | undefined }> {
    const place = cursor === undefined ? undefined : placeOf(cursor)
    const list = (seq: object, rest: Filter<RollupRecord>, room: number) => this.#documents
      .find({ shard, of: 'entity', interval: 'total', seq, ...rest }).sort({ seq: 1, _id: 1 }).limit(room).toArray()
    const above = (seq: number) => ({ $gt: Long.fromNumber(seq), $lte: Long.fromNumber(upToSeq) })
    // Between the two queries a document can only move out of the range: batches up to `upToSeq` are all applied.
    const records = await listAfter(limit, place && [
      (room) => list({ $eq: Long.fromNumber(place.seq) }, { _id: { $gt: place.id } }, room),
      (room) => list(above(place.seq), {}, room),
    ], (room) => list(above(afterSeq), {}, room))
    const last = records.length === limit ? records.at(-1) : undefined
    return { totals: records.map(totalsOf), cursor: last && `${Number(last.seq)} ${last._id}` }
  }

  async *scan(shard: number): AsyncGenerator<RollupDocument> {
    for await (const record of this.#documents.find({ shard }, { batchSize: SCAN_BATCH })) yield documentOf(record)
  }

  async hasCounts(tenant: string): Promise<boolean> {
    return await this.#documents.findOne({ tenant }, { projection: { _id: 1 } }) !== null
  }
}

/** Entities with a count in whole buckets: a filter for each interval, and each is a range of the action's index. */
function inBuckets(of: EntityOf, action: string, buckets: readonly BucketOf[]): Filter<RollupRecord>[] {
  return [...Map.groupBy(buckets, ({ interval }) => interval)].map(([interval, group]) => ({
    ...filterOf(of), of: 'entity', interval, bucket: { $in: group.map(({ bucket }) => bucket) },
    [countPathOf(action)]: { $gt: Long.ZERO },
  }))
}

type Page = (room: number) => Promise<RollupRecord[]>

/**
 * One page of a list sorted by two fields. After a place it takes two queries, the rest of its ties and then what
 * follows: each is one range of one index, which an `$or` of them is not.
 */
async function listAfter(
  limit: number, pages: readonly [Page, Page] | undefined, first: Page,
): Promise<RollupRecord[]> {
  if (limit <= 0) return []
  if (!pages) return first(limit)
  const ties = await pages[0](limit)
  return ties.length < limit ? [...ties, ...await pages[1](limit - ties.length)] : ties
}

function placeOf(cursor: string): { seq: number; id: string } {
  const match = /^(\d{1,16}) (.+)$/s.exec(cursor)
  if (!match) throw new AppError('CURSOR_INVALID', `no cursor of changed totals: ${JSON.stringify(cursor)}`)
  return { seq: Number(match[1]), id: match[2]! }
}
