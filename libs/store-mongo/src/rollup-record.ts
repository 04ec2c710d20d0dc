import { AppError, COUNT, type Counts, type Interval } from '@tallyfleet/domain'
import type { EntityOf, EntityTotals, RollupDocument } from '@tallyfleet/ports'
import { Long } from 'mongodb'

/** Whole numbers are written as 64-bit integers; the driver reads those beyond 2^53 as `Long`. */
type StoredNumber = number | Long

/** A document of the collection `documents`: one entity, or one shard's sum, in one bucket. */
export type RollupRecord = {
  _id: string
  of: 'entity' | 'shard'
  tenant: string
  domain: string
  entity_type: string
  entity_id: string | null
  interval: Interval
  bucket: string
  shard: number
  /** The last batch that fed this document: the fence. */
  seq: StoredNumber
  /** Absent when no batch brought a count. */
  counts?: Record<string, Record<string, StoredNumber>>
}

const NAME = /^[a-z][a-z0-9_]{0,31}$/

/** The field of a count. The names become part of a path, so anything but a pack's name is refused. */
export function countPathOf(action: string, measure: string = COUNT): string {
  if (!NAME.test(action)) throw new AppError('ACTION_UNKNOWN', `no pack can have an action ${JSON.stringify(action)}`)
  if (!NAME.test(measure)) throw new AppError('BUG', `no pack can have a measure ${JSON.stringify(measure)}`)
  return `counts.${action}.${measure}`
}

/** What every document of an entity type has in common: the start of each index. */
export function filterOf(
  { tenant, domain, entityType }: EntityOf,
): Pick<RollupRecord, 'tenant' | 'domain' | 'entity_type'> {
  return { tenant, domain, entity_type: entityType }
}

export function countOf(record: Pick<RollupRecord, 'counts'>, action: string): number {
  const measures = record.counts
  return measures && Object.hasOwn(measures, action) ? Number(measures[action]![COUNT] ?? 0) : 0
}

export function countsOf(record: Pick<RollupRecord, 'counts'>): Counts {
  return Object.fromEntries(Object.entries(record.counts ?? {}).map(([action, measures]) =>
    [action, Object.fromEntries(Object.entries(measures).map(([measure, value]) => [measure, Number(value)]))]))
}

export function documentOf(record: RollupRecord): RollupDocument {
  return {
    id: record._id, of: record.of, tenant: record.tenant, domain: record.domain, entityType: record.entity_type,
    entityId: record.entity_id, interval: record.interval, bucket: record.bucket, shard: record.shard,
    seq: Number(record.seq), counts: countsOf(record),
  }
}

/** The inverse of {@link documentOf}. */
export function recordOf(document: RollupDocument): RollupRecord {
  const { id, of, tenant, domain, entityType, entityId, interval, bucket, shard, seq } = document
  const counts = Object.fromEntries(Object.entries(document.counts).map(([action, measures]) =>
    [action, Object.fromEntries(Object.entries(measures).map(([measure, value]) => [measure, Long.fromNumber(value)]))]))
  return {
    _id: id, of, tenant, domain, entity_type: entityType, entity_id: entityId, interval, bucket, shard,
    seq: Long.fromNumber(seq), ...(Object.keys(counts).length > 0 && { counts }),
  }
}

export function totalsOf(record: RollupRecord): EntityTotals {
  return {
    tenant: record.tenant, domain: record.domain, entityType: record.entity_type, entityId: record.entity_id!,
    shard: record.shard, seq: Number(record.seq), counts: countsOf(record),
  }
}
