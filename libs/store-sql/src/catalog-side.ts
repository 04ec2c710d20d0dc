import { SHARD_COUNT } from '@tallyfleet/domain'
import type { CatalogOf } from '@tallyfleet/ports'
import { query, tuples, type Sql, type SqlEngine, type SqlValue } from './sql-database.ts'

/** What the engine remembers of a row; `opening` is undefined until putTotals has met the row. */
export type SideRow = { shard: number; version: number; revision: number; opening: Record<string, number> | undefined }

export type ChangedRow = CatalogOf & { id: string; side: SideRow }

type Columns = { entity_id: unknown; shard: number; version: number; revision: number; opening: unknown }

/**
 * Locks the change numbers of shards until the transaction ends, in ascending order so that two transactions never wait
 * for each other, and hands out the next ones. Every writer of rows starts here: that is what makes numbers appear in
 * the order in which they were taken.
 */
export async function lockRevisions(sql: Sql, engine: SqlEngine, shards: readonly number[]): Promise<Revisions> {
  const sorted = [...new Set(shards)].sort((a, b) => a - b)
  const read = () => query<{ shard: number; revision: number }>(sql,
    `SELECT shard, revision FROM catalog_revisions WHERE shard IN ${tuples(1, sorted.length)}
     ORDER BY shard${engine === 'mysql' ? ' FOR UPDATE' : ''}`, sorted)
  let rows = await read()
  if (rows.length < sorted.length) {
    const known = new Set(rows.map(({ shard }) => shard))
    const absent = sorted.filter((shard) => !known.has(shard))
    await query(sql, `INSERT ${engine === 'mysql' ? 'IGNORE' : 'OR IGNORE'} INTO catalog_revisions (shard, revision)
      VALUES ${tuples(absent.length, 2)}`, absent.flatMap((shard) => [shard, 0]))
    rows = await read()
  }
  return new Revisions(new Map(rows.map(({ shard, revision }) => [shard, revision])))
}

/** The change numbers of locked shards. One for each changed row: a reader pages by them. */
export class Revisions {
  readonly #last: Map<number, number>
  readonly #changed = new Set<number>()

  constructor(last: Map<number, number>) {
    this.#last = last
  }

  next(shard: number): number {
    const revision = this.#last.get(shard)! + 1
    this.#last.set(shard, revision)
    this.#changed.add(shard)
    return revision
  }

  /** Takes back what is handed out from now on when the answer is called. */
  mark(): () => void {
    const [last, changed] = [[...this.#last], [...this.#changed]]
    return () => {
      for (const [shard, revision] of last) this.#last.set(shard, revision)
      this.#changed.clear()
      for (const shard of changed) this.#changed.add(shard)
    }
  }

  /** Writes what was handed out; nothing when nothing was. */
  async save(sql: Sql, engine: SqlEngine): Promise<void> {
    if (this.#changed.size === 0) return
    const rows = [...this.#changed].sort((a, b) => a - b).flatMap((shard) => [shard, this.#last.get(shard)!])
    await query(sql, `INSERT INTO catalog_revisions (shard, revision) VALUES ${tuples(rows.length / 2, 2)}
      ${onConflict(engine, 'shard', ['revision'])}`, rows)
  }
}

/** The side rows of ids, by id. `lock` keeps others from changing them until the transaction ends. */
export async function selectSides(
  sql: Sql, engine: SqlEngine, of: CatalogOf, ids: readonly string[], { lock = false } = {},
): Promise<Map<string, SideRow>> {
  if (ids.length === 0) return new Map()
  const rows = await query<Columns>(sql, `SELECT entity_id, shard, version, revision, opening FROM catalog_rows
    WHERE domain = ? AND entity_type = ? AND tenant = ? AND entity_id IN ${tuples(1, ids.length)}
    ${lock && engine === 'mysql' ? 'FOR UPDATE' : ''}`, [of.domain, of.entityType, of.tenant, ...ids])
  return new Map(rows.map((row) => [textOf(row.entity_id), sideOf(row)]))
}

/**
 * Inserts side rows or brings them up to date.
 * @param revisionOnly what stands there keeps its version and opening
 */
export async function putSides(
  sql: Sql, engine: SqlEngine, of: CatalogOf, sides: readonly (SideRow & { id: string })[],
  { revisionOnly = false } = {},
): Promise<void> {
  if (sides.length === 0) return
  await query(sql, `INSERT INTO catalog_rows
      (domain, entity_type, tenant, entity_id, shard, version, revision, opening) VALUES ${tuples(sides.length, 8)}
      ${onConflict(engine, 'domain, entity_type, tenant, entity_id',
        revisionOnly ? ['revision'] : ['version', 'revision', 'opening'])}`,
  sides.flatMap(({ id, shard, version, revision, opening }): SqlValue[] =>
    [of.domain, of.entityType, of.tenant, id, shard, version, revision, opening ? JSON.stringify(opening) : null]))
}

/** Rows of a shard with a revision in (after, upTo], by revision, at most `limit`. */
export async function listChangedSides(
  sql: Sql, shard: number, after: number, upTo: number, limit: number,
): Promise<ChangedRow[]> {
  const rows = await query<Columns & { domain: unknown; entity_type: unknown; tenant: unknown }>(sql,
    `SELECT domain, entity_type, tenant, entity_id, shard, version, revision, opening FROM catalog_rows
     WHERE shard = ? AND revision > ? AND revision <= ? ORDER BY revision LIMIT ?`, [shard, after, upTo, limit])
  return rows.map((row) => ({
    tenant: textOf(row.tenant), domain: textOf(row.domain), entityType: textOf(row.entity_type),
    id: textOf(row.entity_id), side: sideOf(row),
  }))
}

/** Every row of a shard that the engine knows. */
export async function listSides(sql: Sql, shard: number): Promise<ChangedRow[]> {
  return listChangedSides(sql, shard, -1, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
}

export async function listMarks(sql: Sql): Promise<Map<number, number>> {
  const rows = await query<{ shard: number; seq: number }>(sql, 'SELECT shard, seq FROM catalog_marks')
  return new Map(rows.map(({ shard, seq }) => [shard, seq]))
}

/** Raises marks in one statement; none goes down. */
export async function putMarks(sql: Sql, engine: SqlEngine, marks: ReadonlyMap<number, number>): Promise<void> {
  const rows = [...marks].sort(([a], [b]) => a - b)
  if (rows.length === 0) return
  await query(sql, `INSERT INTO catalog_marks (shard, seq) VALUES ${tuples(rows.length, 2)} ${engine === 'mysql'
    ? 'ON DUPLICATE KEY UPDATE seq = GREATEST(seq, VALUES(seq))'
    : 'ON CONFLICT (shard) DO UPDATE SET seq = MAX(seq, excluded.seq)'}`, rows.flat())
}

export async function listRevisions(sql: Sql): Promise<Map<number, number>> {
  const rows = await query<{ shard: number; revision: number }>(sql,
    'SELECT shard, revision FROM catalog_revisions WHERE revision > 0 AND shard < ?', [SHARD_COUNT])
  return new Map(rows.map(({ shard, revision }) => [shard, revision]))
}

function onConflict(engine: SqlEngine, key: string, columns: readonly string[]): string {
  return engine === 'mysql'
    ? `ON DUPLICATE KEY UPDATE ${columns.map((name) => `${name} = VALUES(${name})`).join(', ')}`
    : `ON CONFLICT (${key}) DO UPDATE SET ${columns.map((name) => `${name} = excluded.${name}`).join(', ')}`
}

function sideOf({ shard, version, revision, opening }: Columns): SideRow {
  return { shard, version, revision, opening: typeof opening === 'string' ? JSON.parse(opening) : undefined }
}

function textOf(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString() : String(value)
}
