import { countOf } from './sqlite-rollup-schema.ts'

/** Texts of the reads that a key or an index must serve from its own order. */
const OF_ENTITY = `of = 'entity' AND tenant = :tenant AND domain = :domain AND entity_type = :entityType`
const LISTS = `${OF_ENTITY} AND action = :action`
const IN_LIST = `list = (SELECT list FROM lists WHERE ${LISTS} AND interval = :interval AND bucket = :bucket)`

/**
 * Entries of one bucket. `place` picks a stretch of the order: `all`; `tied` with an entry of :count, after :entityId;
 * `below` :count. A page after an entry is the tied ones and then those below: each a seek, however many are tied.
 */
export function topQuery(place: 'all' | 'tied' | 'below'): string {
  const stretch = {
    all: 'count > 0',
    tied: 'count = :count AND entity_id > :entityId',
    below: 'count > 0 AND count < :count',
  }[place]
  return `
    SELECT entity_id AS entityId, count FROM tops INDEXED BY tops_order WHERE ${IN_LIST} AND ${stretch}
    ORDER BY ${place === 'tied' ? '' : 'count DESC,'} entity_id LIMIT :limit`
}

/** The same over days [:from, :to), added up by entity: reads the entries of those days alone. */
export const TOP_BETWEEN_QUERY = `
  SELECT entity_id AS entityId, sum(count) AS sum FROM lists CROSS JOIN tops USING (list)
  WHERE ${LISTS} AND interval = 'day' AND bucket >= :from AND bucket < :to
  GROUP BY entity_id HAVING sum > 0 AND (sum < :count OR (sum = :count AND entity_id > :entityId))
  ORDER BY sum DESC, entity_id LIMIT :limit`

/** The whole buckets of the JSON list :buckets, each looked up by the key or index of `from`. */
function fromBuckets(from: string): string {
  return `json_each(:buckets) AS wanted CROSS JOIN ${from}
    ON interval = wanted.value ->> 0 AND bucket = wanted.value ->> 1`
}

/** Counts by entity over the buckets. */
export const SUMS_QUERY = `
  SELECT entity_id AS entityId, sum(count) AS count FROM ${fromBuckets('lists')} CROSS JOIN tops USING (list)
  WHERE ${LISTS} GROUP BY entity_id HAVING sum(count) > 0 LIMIT :limit`

/** The same of the ids in the JSON list :entityIds. */
export function sumsOfQuery(action: string): string {
  const count = countOf(action)
  return `
    SELECT entity_id AS entityId, sum(${count}) AS count
    FROM json_each(:entityIds) AS whose CROSS JOIN ${fromBuckets('documents INDEXED BY documents_series')}
    WHERE ${OF_ENTITY} AND entity_id = whose.value AND ${count} IS NOT NULL
    GROUP BY entity_id HAVING count > 0 LIMIT :limit`
}

/** How many entities have a count of any of the actions of the JSON list :actions in the buckets. */
export const COUNT_ENTITIES_QUERY = `
  SELECT count(DISTINCT entity_id) AS count
  FROM json_each(:actions) AS asked CROSS JOIN ${fromBuckets('lists')} AND action = asked.value CROSS JOIN tops USING (list)
  WHERE ${OF_ENTITY} AND count > 0`

/** The same since the beginning: a row for each set of actions that entities have. */
export const COUNT_ALL_ENTITIES_QUERY = `
  SELECT COALESCE(sum(entities), 0) AS count FROM entity_counts
  WHERE tenant = :tenant AND domain = :domain AND entity_type = :entityType
    AND EXISTS (SELECT 1 FROM json_each(:actions) AS asked WHERE instr(actions, ' ' || asked.value || ' ') > 0)`

/** How many entries of a bucket's top list come before (:count, :entityId). */
export const COUNT_BEFORE_QUERY = (() => {
  const before = (place: string) => `(SELECT count(*) FROM tops INDEXED BY tops_order WHERE ${IN_LIST} AND ${place})`
  return `SELECT ${before('count > :count')} + ${before('count = :count AND entity_id < :entityId')} AS count`
})()

/** Buckets of one entity. */
export function seriesQuery(action: string): string {
  const count = countOf(action)
  return `
    SELECT bucket, ${count} AS count FROM documents INDEXED BY documents_series
    WHERE ${OF_ENTITY} AND entity_id = :entityId AND interval = :interval AND bucket >= :from AND bucket < :to
      AND ${count} <> 0
    ORDER BY bucket`
}

/** Buckets of all entities: the shard sums. */
export const SUM_SERIES_QUERY = `
  SELECT bucket, sum(count) AS count FROM lists CROSS JOIN tops USING (list)
  WHERE of = 'shard' AND tenant = :tenant AND domain = :domain AND entity_type = :entityType AND action = :action
    AND interval = :interval AND bucket >= :from AND bucket < :to
  GROUP BY bucket HAVING sum(count) <> 0 ORDER BY bucket`

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
