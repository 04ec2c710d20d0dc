import type { SegmentValue } from '@tallyfleet/domain'
import type { SegmentDocument, SegmentEntry, SegmentFilter, SegmentOf, SegmentStore, TopAfter } from '@tallyfleet/ports'
import { columnsOfValue, matchingOf } from './segment-matching.ts'
import { SqliteConnection, type SqliteSchema } from './sqlite-connection.ts'

/**
 * `segment_values` holds each value of a dimension once for each document; `kind` (0 boolean, 1 number, 2 text) keeps
 * 1, true and '1' apart and sorts before the value.
 */
const SCHEMA: SqliteSchema = { name: 'segments', steps: [`
  CREATE TABLE segments (
    id INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL, domain TEXT NOT NULL, entity_type TEXT NOT NULL, entity_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (tenant, domain, entity_type, entity_id)
  ) STRICT;
  CREATE TABLE segment_values (
    document INTEGER NOT NULL, dimension TEXT NOT NULL, kind INTEGER NOT NULL, value ANY NOT NULL,
    PRIMARY KEY (document, dimension, kind, value)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE segment_marks (shard INTEGER PRIMARY KEY, mark INTEGER NOT NULL) STRICT;
`, `
  -- Documents have more dimensions now: without marks the projection writes them all again.
  DELETE FROM segments; DELETE FROM segment_values; DELETE FROM segment_marks;
`] }

const PUT = `
  INSERT INTO segments (tenant, domain, entity_type, entity_id, version, body) VALUES (?, ?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET version = excluded.version, body = excluded.body WHERE version < excluded.version
  RETURNING id`

/** Keeps one transaction below 50 ms: the file has one write lock. */
const MAX_ROWS_PER_WRITE = 200

type Bucket = { value: SegmentValue; documents: number; totals: Record<string, number> }
/** The documents that have a value, when `action` is null; else the sum of their totals of the action. */
type BucketRow = { kind: number; value: string | number; action: string | null; amount: number }

/** Segments of the embedded edition. Sums are doubles: exact up to 2^53. */
export class SqliteSegmentStore implements SegmentStore {
  readonly #connection: SqliteConnection

  private constructor(connection: SqliteConnection) {
    this.#connection = connection
  }

  /** Opens the file, which other stores and processes may share. Rejects with `STORE_UNAVAILABLE`, `STORE_REFUSED`. */
  static async open({ path }: { path: string }): Promise<SqliteSegmentStore> {
    return new SqliteSegmentStore(await SqliteConnection.open({ path, schema: SCHEMA }))
  }

  async putDocuments(documents: readonly SegmentDocument[]): Promise<{ written: number; stale: number }> {
    let written = 0
    for (let from = 0; from < documents.length; from += MAX_ROWS_PER_WRITE) {
      const part = documents.slice(from, from + MAX_ROWS_PER_WRITE)
      written += await this.#connection.write(() => part.filter((document) => this.#put(document)).length)
    }
    return { written, stale: documents.length - written }
  }

  async scanDocuments(of: SegmentOf, after: string | undefined, limit: number): Promise<SegmentDocument[]> {
    return this.#connection.read(() => this.#connection.statement(`
      SELECT body FROM segments
      WHERE tenant = ? AND domain = ? AND entity_type = ? AND entity_id > ? ORDER BY entity_id LIMIT ?
    `).all(of.tenant, of.domain, of.entityType, after ?? '', limit).map(({ body }) => JSON.parse(body as string)))
  }

  async count(of: SegmentOf, filter: SegmentFilter): Promise<number> {
    const { sql, values } = matchingOf(of, filter)
    return this.#connection.read(() =>
      this.#connection.prepare(`SELECT count(*) AS documents ${sql}`).get(...values)!['documents'] as number)
  }

  async sumTotals(of: SegmentOf, filter: SegmentFilter): Promise<{ documents: number; totals: Record<string, number> }> {
    const { sql, values } = matchingOf(of, filter)
    const rows = await this.#connection.read(() => this.#connection.prepare(`
      WITH held AS MATERIALIZED (SELECT body ${sql})
      SELECT NULL AS action, count(*) AS amount FROM held
      UNION ALL
      SELECT totals.key, total(totals.value) FROM held CROSS JOIN json_each(body, '$.totals') AS totals GROUP BY totals.key
    `).all(...values) as Pick<BucketRow, 'action' | 'amount'>[])
    const [{ amount: documents }, ...totals] = rows as [typeof rows[number], ...typeof rows]
    return { documents, totals: Object.fromEntries(totals.map(({ action, amount }) => [action!, amount])) }
  }

  async listTop(
    of: SegmentOf, action: string, filter: SegmentFilter, limit: number, after?: TopAfter,
  ): Promise<SegmentEntry[]> {
    const { sql, values } = matchingOf(of, filter)
    const rows = await this.#connection.read(() => this.#connection.prepare(`
      SELECT entity_id, body FROM (SELECT entity_id, body, coalesce(body -> '$.totals' ->> ?, 0) AS amount ${sql})
      ${after ? 'WHERE amount < ? OR (amount = ? AND entity_id > ?)' : ''} ORDER BY amount DESC, entity_id LIMIT ?
    `).all(action, ...values, ...(after ? [after.count, after.count, after.entityId] : []), limit))
    return rows.map(({ body }) => {
      const { entityId, title, totals } = JSON.parse(body as string) as SegmentDocument
      return { entityId, title, totals }
    })
  }

  async listRepeated(
    of: SegmentOf, dimension: string, filter: SegmentFilter, limit: number,
  ): Promise<{ value: SegmentValue; documents: number }[]> {
    const { sql, values } = matchingOf(of, filter)
    const rows = await this.#connection.read(() => this.#connection.prepare(`
      SELECT kind, value, count(*) AS documents FROM (SELECT id ${sql})
      CROSS JOIN segment_values ON document = id AND dimension = ?
      GROUP BY kind, value HAVING count(*) > 1 ORDER BY documents DESC, kind, value LIMIT ?
    `).all(...values, dimension, limit) as { kind: number; value: string | number; documents: number }[])
    return rows.map(({ kind, value, documents }) => ({ value: kind === 0 ? value === 1 : value, documents }))
  }

  async listBuckets(of: SegmentOf, dimension: string, filter: SegmentFilter, limit: number): Promise<Bucket[]> {
    const { sql, values } = matchingOf(of, filter)
    // One statement, so that counts and sums are of one moment. CROSS JOIN keeps the order: values by their document.
    const buckets = await this.#connection.read(() => bucketsOf(this.#connection.prepare(`
      WITH held AS MATERIALIZED (
        SELECT kind, value, body FROM (SELECT id, body ${sql})
        CROSS JOIN segment_values ON document = id AND dimension = ?
      )
      SELECT kind, value, NULL AS action, count(*) AS amount FROM held GROUP BY kind, value
      UNION ALL
      SELECT kind, held.value, totals.key, total(totals.value) FROM held
      CROSS JOIN json_each(body, '$.totals') AS totals GROUP BY kind, held.value, totals.key
      ORDER BY kind, value, action
    `).all(...values, dimension) as BucketRow[]))
    return buckets.sort((a, b) => b.documents - a.documents).slice(0, limit)
  }

  async listMarks(): Promise<Map<number, number>> {
    return this.#connection.read(() => new Map(this.#connection.statement('SELECT shard, mark FROM segment_marks').all()
      .map(({ shard, mark }) => [shard as number, mark as number])))
  }

  async putMarks(marks: ReadonlyMap<number, number>): Promise<void> {
    await this.#connection.write(() => {
      const put = this.#connection.statement(
        'INSERT INTO segment_marks VALUES (?, ?) ON CONFLICT DO UPDATE SET mark = max(mark, excluded.mark)',
      )
      for (const [shard, mark] of marks) put.run(shard, mark)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.close()
  }

  /** Inside a transaction. False when the stored version is as high. */
  #put(document: SegmentDocument): boolean {
    const { tenant, domain, entityType, entityId, title, dimensions, totals, version, shard } = document
    const body = JSON.stringify({ tenant, domain, entityType, entityId, title, dimensions, totals, version, shard })
    const row = this.#connection.statement(PUT).get(tenant, domain, entityType, entityId, version, body)
    if (!row) return false
    const id = row['id'] as number
    this.#connection.statement('DELETE FROM segment_values WHERE document = ?').run(id)
    const insert = this.#connection.statement('INSERT OR IGNORE INTO segment_values VALUES (?, ?, ?, ?)')
    for (const [dimension, held] of Object.entries(dimensions)) {
      if (held === null) continue
      for (const value of Array.isArray(held) ? held : [held]) insert.run(id, dimension, ...columnsOfValue(value))
    }
    return true
  }
}

/** Rows ordered by value, each value's count before its sums, to buckets in the same order. */
function bucketsOf(rows: readonly BucketRow[]): Bucket[] {
  const buckets: Bucket[] = []
  for (const { kind, value, action, amount } of rows) {
    if (action === null) buckets.push({ value: kind === 0 ? value === 1 : value, documents: amount, totals: {} })
    else buckets.at(-1)!.totals[action] = amount
  }
  return buckets
}
