import { countOf, topIndexOf } from './sqlite-rollup-schema.ts'

/**
 * Texts of the reads that an index must serve from its own order. The index is named in them, so that no statistics
 * can talk the planner out of it; `indexed` is false for an action that the store was opened without.
 */
type Source = { action: string; indexed: boolean }

function fromTop({ action, indexed }: Source): string {
  return indexed ? `documents INDEXED BY ${topIndexOf(action)}` : 'documents'
}

const OF_ENTITY = `of = 'entity' AND tenant = :tenant AND domain = :domain AND entity_type = :entityType`

/**
 * Entries of one bucket. `place` picks a stretch of the order: `all`; `tied` with an entry of :count, after :entityId;
 * `below` :count. A page after an entry is the tied ones and then those below: each a seek, however many are tied.
 */
export function topQuery(source: Source, place: 'all' | 'tied' | 'below'): string {
  const count = countOf(source.action)
  const stretch = {
    all: `${count} > 0`,
    tied: `${count} = :count AND entity_id > :entityId`,
    below: `${count} > 0 AND ${count} < :count`,
  }[place]
  return `
    SELECT entity_id AS entityId, ${count} AS count FROM ${fromTop(source)}
    WHERE ${OF_ENTITY} AND interval = :interval AND bucket = :bucket AND ${count} IS NOT NULL AND ${stretch}
    ORDER BY ${place === 'tied' ? '' : `${count} DESC,`} entity_id LIMIT :limit`
}

/** The same over days [:from, :to), added up by entity: reads the index of the action alone, no document. */
export function topBetweenQuery(source: Source): string {
  const count = countOf(source.action)
  return `
    SELECT entity_id AS entityId, sum(${count}) AS count FROM ${fromTop(source)}
    WHERE ${OF_ENTITY} AND interval = 'day' AND bucket >= :from AND bucket < :to AND ${count} IS NOT NULL
    GROUP BY entity_id HAVING count > 0 AND (count < :count OR (count = :count AND entity_id > :entityId))
    ORDER BY count DESC, entity_id LIMIT :limit`
}

/** The whole buckets of the JSON list :buckets, each looked up in the index that `from` names. */
function fromBuckets(from: string): string {
  return `json_each(:buckets) AS wanted CROSS JOIN ${from}
    ON interval = wanted.value ->> 0 AND bucket = wanted.value ->> 1`
}

/** Counts by entity over the buckets. */
export function sumsQuery(source: Source): string {
  const count = countOf(source.action)
  return `
    SELECT entity_id AS entityId, sum(${count}) AS count FROM ${fromBuckets(fromTop(source))}
    WHERE ${OF_ENTITY} AND ${count} IS NOT NULL
    GROUP BY entity_id HAVING count > 0 LIMIT :limit`
}

/** The same of the ids in the JSON list :entityIds. */
export function sumsOfQuery(action: string): string {
  const count = countOf(action)
  return `
    SELECT entity_id AS entityId, sum(${count}) AS count
    FROM json_each(:entityIds) AS whose CROSS JOIN ${fromBuckets('documents INDEXED BY documents_series')}
    WHERE ${OF_ENTITY} AND entity_id = whose.value AND ${count} IS NOT NULL
    GROUP BY entity_id HAVING count > 0 LIMIT :limit`
}

/** How many entities have a count of any of the actions in the buckets. */
export function countEntitiesQuery(sources: readonly Source[]): string {
  const ids = sources.map((source) => `
    SELECT entity_id FROM ${fromBuckets(fromTop(source))} WHERE ${OF_ENTITY} AND ${countOf(source.action)} > 0`)
  return `SELECT count(*) AS count FROM (${ids.join(' UNION ')}${ids.length === 1 ? ' GROUP BY entity_id' : ''})`
}

/** How many entries of a bucket's top list come before (:count, :entityId). */
export function countBeforeQuery(source: Source): string {
  const count = countOf(source.action)
  const before = (place: string) => `
    (SELECT count(*) FROM ${fromTop(source)} WHERE ${OF_ENTITY} AND interval = :interval AND bucket = :bucket
      AND ${count} IS NOT NULL AND ${place})`
  return `SELECT ${before(`${count} > :count`)} + ${before(`${count} = :count AND entity_id < :entityId`)} AS count`
}

/** Buckets of one entity. */
export function seriesQuery(action: string): string {
  const count = countOf(action)
  return `
    SELECT bucket, ${count} AS count FROM documents INDEXED BY documents_series
    WHERE ${OF_ENTITY} AND entity_id = :entityId AND interval = :interval AND bucket >= :from AND bucket < :to
      AND ${count} <> 0
    ORDER BY bucket`
}

/** Buckets of all entities: the shard sums, added up inside the index of the action. */
export function sumSeriesQuery(source: Source): string {
  const count = countOf(source.action)
  return `
    SELECT bucket, sum(${count}) AS count FROM ${fromTop(source)}
    WHERE of = 'shard' AND tenant = :tenant AND domain = :domain AND entity_type = :entityType
      AND interval = :interval AND bucket >= :from AND bucket < :to AND ${count} IS NOT NULL
    GROUP BY bucket HAVING count <> 0 ORDER BY bucket`
}

export const TOTALS_COLUMNS = 'tenant, domain, entity_type, entity_id, shard, seq, counts'

/** Totals of the ids in the JSON list :entityIds. */
export const TOTALS_QUERY = `
  SELECT ${TOTALS_COLUMNS} FROM documents INDEXED BY documents_series
  WHERE ${OF_ENTITY} AND entity_id IN (SELECT value FROM json_each(:entityIds))
    AND interval = 'total' AND bucket = 'all'`

/** Totals of a shard after (:seq, :id), up to batch :upTo. */
export const CHANGED_TOTALS_QUERY = `
  SELECT id, ${TOTALS_COLUMNS} FROM documents INDEXED BY documents_changed
  WHERE shard = :shard AND (seq, id) > (:seq, :id) AND seq <= :upTo AND interval = 'total' AND of = 'entity'
  ORDER BY seq, id LIMIT :limit`

/** The first or the last day on which an entity has a count. */
export function activeDayQuery(direction: 'ASC' | 'DESC'): string {
  return `
    SELECT bucket FROM documents INDEXED BY documents_series
    WHERE ${OF_ENTITY} AND entity_id = :entityId AND interval = 'day'
      AND EXISTS (SELECT 1 FROM json_each(counts) AS action WHERE json_extract(action.value, '$.count') > 0)
    ORDER BY bucket ${direction} LIMIT 1`
}

export const SCAN_QUERY = `
  SELECT row, id, of, tenant, domain, entity_type, entity_id, interval, bucket, shard, seq, counts
  FROM documents INDEXED BY documents_shard WHERE shard = :shard AND row > :row ORDER BY row LIMIT :limit`
