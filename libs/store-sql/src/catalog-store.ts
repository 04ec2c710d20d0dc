import { AppError, entityText, shardOf, type catalogsOf } from '@tallyfleet/domain'
import type {
  CatalogColumns, CatalogOf, CatalogRow, CatalogRowInput, CatalogStore, EntityTotals, PutTotalsResult,
} from '@tallyfleet/ports'
import { putRowGroup, readRowInputs } from './catalog-rows.ts'
import { listListedChanges, type Change } from './catalog-changes.ts'
import { listChangedSides, listMarks, listRevisions, listSides, putMarks, selectSides, type ChangedRow, type SideRow } from './catalog-side.ts'
import { ensureCatalogTables } from './catalog-tables.ts'
import { putTotalsGroup } from './catalog-totals.ts'
import { chunks, MappedTable, type MappedRow } from './mapped-table.ts'
import { migrateSql } from './migrate-sql.ts'
import { openSqlDatabase, type Sql, type SqlDatabase, type SqlEngine } from './sql-database.ts'
import { isRefusedValue } from './sql-errors.ts'

/** Rows of one transaction: a SQLite write stays far below 50 ms. */
const GROUP = 500
/** Totals of one transaction. On SQLite fewer would each write most pages of the table once more. */
const TOTALS: Readonly<Record<SqlEngine, number>> = { sqlite: 3_000, mysql: 1_000 }
/** Rows of one read of columns: SQLite keeps its process from all else meanwhile. */
const COLUMNS_PAGE = 2_000
/** Transactions at once on MySQL, where they share a flush of the log; SQLite has one writer. */
const WRITERS = 4

type CatalogId = CatalogOf & { id: string }

/** The catalog in SQLite, MySQL or MariaDB. */
export class SqlCatalogStore implements CatalogStore {
  readonly #database: SqlDatabase
  readonly #tables: ReadonlyMap<string, MappedTable>

  private constructor(database: SqlDatabase, tables: ReadonlyMap<string, MappedTable>) {
    this.#database = database
    this.#tables = tables
  }

  /**
   * Opens the database, migrates it, makes or extends the managed tables and checks the user's own. Rejects with
   * `STORE_REFUSED` when one of those lacks something, or two packs map a table differently.
   */
  static async open(
    { url, catalogs }: { url: string; catalogs: ReturnType<typeof catalogsOf> },
  ): Promise<SqlCatalogStore> {
    const database = await openSqlDatabase(url)
    try {
      await migrateSql(database)
      const fitted = await ensureCatalogTables(database, catalogs)
      return new SqlCatalogStore(database, new Map(fitted.map((catalog) =>
        [nameOf(catalog), new MappedTable(database.engine, catalog)])))
    } catch (error) {
      await database[Symbol.asyncDispose]().catch(() => {}) // the first error says more
      throw error
    }
  }

  async putRows(of: CatalogOf, rows: readonly CatalogRowInput[]): Promise<{ inserted: number; updated: number }> {
    const table = this.#table(of)
    if (!table.holds(of.tenant)) {
      throw new AppError('FIELD_INVALID', `${table.mapping.table} has no tenant column: all its rows are default's`)
    }
    const inputs = readRowInputs(this.#database.engine, table, of, rows)
    const results = await this.#inGroups(inputs, { retryDuplicates: true, refusal: 'FIELD_INVALID' }, (sql, group) =>
      putRowGroup(sql, this.#database.engine, table, of, group))
    return {
      inserted: results.reduce((sum, { inserted }) => sum + inserted, 0),
      updated: results.reduce((sum, { updated }) => sum + updated, 0),
    }
  }

  async listRows(of: CatalogOf, ids: readonly string[]): Promise<CatalogRow[]> {
    const table = this.#table(of)
    return this.#database.run(async (sql) => {
      const rows = await table.select(sql, of.tenant, ids)
      return this.#withSides(sql, of, [...new Set(ids)].flatMap((id) => rows.get(id) ?? []))
    })
  }

  async scanRows(of: CatalogOf, after: string | undefined, limit: number): Promise<CatalogRow[]> {
    const table = this.#table(of)
    return this.#database.run(async (sql) => this.#withSides(sql, of, await table.scan(sql, of.tenant, after, limit)))
  }

  async listColumns(of: CatalogOf, columns: readonly string[], limit: number): Promise<CatalogColumns[]> {
    const table = this.#table(of)
    const rows: CatalogColumns[] = []
    while (rows.length < limit) {
      const room = Math.min(COLUMNS_PAGE, limit - rows.length)
      const page = await this.#database.run((sql) => table.listColumns(sql, of.tenant, columns, rows.at(-1)?.id, room))
      rows.push(...page)
      if (page.length < room) break
    }
    return rows
  }

  async listTenants(domain: string, entityType: string): Promise<string[]> {
    const table = this.#table({ domain, entityType })
    return this.#database.run((sql) => table.listTenants(sql))
  }

  async listUnbound(of: CatalogOf, limit: number): Promise<string[]> {
    const table = this.#table(of)
    return this.#database.run((sql) => table.listUnbound(sql, of.tenant, limit))
  }

  async putTotals(totals: readonly EntityTotals[]): Promise<PutTotalsResult> {
    const result: PutTotalsResult = { written: 0, stale: 0, orphans: [] }
    // In the order of keys neighbours share a page: on SQLite a transaction writes each page that it touches.
    const inOrder = totals.filter((entity) => this.#tables.has(nameOf(entity))).sort(compareKeys) // no catalog, no row to miss
    const newest = inOrder.filter((entity, at) => at === 0 || !isSameEntity(entity, inOrder[at - 1]!))
    result.stale = inOrder.length - newest.length
    const groups = await this.#inGroups(newest, { refusal: 'STORE_REFUSED', size: TOTALS[this.#database.engine] }, (sql, group) =>
      putTotalsGroup(sql, this.#database.engine, (of) => this.#table(of), group))
    for (const { written, stale, orphans } of groups) {
      result.written += written
      result.stale += stale
      result.orphans.push(...orphans)
    }
    return result
  }

  async listMarks(): Promise<Map<number, number>> {
    return this.#database.run(listMarks)
  }

  async putMarks(marks: ReadonlyMap<number, number>): Promise<void> {
    await this.#database.transact((sql) => putMarks(sql, this.#database.engine, marks))
  }

  async listRevisions(): Promise<Map<number, number>> {
    return this.#database.run(listRevisions)
  }

  async listChanged(shard: number, after: number, upTo: number, limit: number): Promise<CatalogRow[]> {
    return this.#database.run(async (sql) => {
      const rows: CatalogRow[] = []
      for (let from = after; from < upTo && rows.length < limit;) {
        const { changes, through } = await this.#listCandidates(sql, shard, from, upTo, limit - rows.length)
        const found = (await this.#currentRows(sql, changes)).filter(({ revision }) => revision > from && revision <= through)
        rows.push(...found.sort((a, b) => a.revision - b.revision))
        from = through
      }
      return rows.slice(0, limit)
    })
  }

  /** Ids of which those with a change in (after, through] are all that there are. */
  async #listCandidates(sql: Sql, shard: number, after: number, upTo: number, limit: number): Promise<{ changes: CatalogId[]; through: number }> {
    const listed = await listListedChanges(sql, shard, after, upTo)
    if (listed === 'gone') {
      const changes = (await this.#currentRevisions(sql, await listSides(sql, shard)))
        .filter(({ revision }) => revision > after && revision <= upTo).sort((a, b) => a.revision - b.revision).slice(0, limit)
      return { changes, through: changes.length < limit ? upTo : changes.at(-1)!.revision }
    }
    const sides = await listChangedSides(sql, shard, after, upTo, limit)
    const through = sides.length < limit ? listed.through : Math.min(listed.through, sides.at(-1)!.side.revision)
    return { changes: [...sides, ...listed.changes.filter(({ revision }) => revision <= through)], through }
  }

  async #currentRevisions(sql: Sql, sides: readonly ChangedRow[]): Promise<Change[]> {
    const changes: Change[] = []
    for (const group of groupsByCatalog(sides)) {
      const { tenant, domain, entityType } = group[0]!
      const rows = await this.#tables.get(nameOf(group[0]!))?.select(sql, tenant, group.map(({ id }) => id), { columns: false })
      changes.push(...group.map(({ id, side }) => ({ tenant, domain, entityType, id, revision: Math.max(side.revision, rows?.get(id)?.revision ?? 0) })))
    }
    return changes
  }

  /** Rows as they stand, each once; without those of packs that are no longer installed, or that the user has deleted. */
  async #currentRows(sql: Sql, ids: readonly CatalogId[]): Promise<CatalogRow[]> {
    const rows: CatalogRow[] = []
    for (const group of groupsByCatalog(ids)) {
      const { tenant, domain, entityType } = group[0]!
      const table = this.#tables.get(nameOf(group[0]!))
      if (!table) continue
      const found = await table.select(sql, tenant, group.map(({ id }) => id))
      rows.push(...await this.#withSides(sql, { tenant, domain, entityType }, [...found.values()]))
    }
    return rows
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#database[Symbol.asyncDispose]()
  }

  #table(of: { domain: string; entityType: string }): MappedTable {
    const table = this.#tables.get(nameOf(of))
    if (!table) throw new AppError('ENTITY_TYPE_UNKNOWN', `${of.domain} has no catalog of ${of.entityType}`)
    return table
  }

  async #withSides(sql: Sql, of: CatalogOf, rows: readonly MappedRow[]): Promise<CatalogRow[]> {
    const result: CatalogRow[] = []
    for (const page of chunks(rows, GROUP)) {
      const sides = await selectSides(sql, this.#database.engine, of, page.map(({ id }) => id))
      result.push(...page.map((row) => catalogRowOf(of, row, sides.get(row.id))))
    }
    return result
  }

  /**
   * Runs work over items in transactions of at most `size`. On MySQL no two share a shard unless it is larger than
   * one: each locks its shards, and the next one would wait for it.
   */
  async #inGroups<Item extends { shard: number }, Result>(
    items: Item[],
    { retryDuplicates = false, refusal, size = GROUP }:
    { retryDuplicates?: boolean; refusal: 'FIELD_INVALID' | 'STORE_REFUSED'; size?: number },
    work: (sql: Sql, group: Item[]) => Promise<Result>,
  ): Promise<Result[]> {
    const groups = this.#database.engine === 'sqlite' ? [...chunks(items, size)] : groupsOf(items, size)
    const results: Result[] = []
    const write = async () => {
      for (let group = groups.shift(); group; group = groups.shift()) {
        const items = group
        try {
          results.push(await this.#database.transact((sql) => work(sql, items), { retryDuplicates }))
        } catch (error) {
          groups.length = 0 // the others would meet it too
          throw error
        }
      }
    }
    const writers = this.#database.engine === 'mysql' ? WRITERS : 1
    // All of them must have ended before this rejects: nothing may go on behind the caller's back.
    const ends = await Promise.allSettled(Array.from({ length: writers }, write))
    for (const end of ends) {
      if (end.status === 'fulfilled') continue
      if (!isRefusedValue(end.reason)) throw end.reason
      const { message } = end.reason as Error
      throw new AppError(refusal, `${this.#database.name} refused a value: ${message}`, { cause: end.reason })
    }
    return results
  }
}

/** Whole shards together up to `size` items; a shard with more stands alone, in pieces. */
function groupsOf<Item extends { shard: number }>(items: readonly Item[], size: number): Item[][] {
  const groups: Item[][] = []
  for (const ofShard of Map.groupBy(items, ({ shard }) => shard).values()) {
    const last = groups.at(-1)
    if (last && last.length + ofShard.length <= size) last.push(...ofShard)
    else groups.push(...chunks(ofShard, size))
  }
  return groups
}

/** By id; totals of one entity stand together, the newest first. */
function compareKeys(a: EntityTotals, b: EntityTotals): number {
  if (a.entityId !== b.entityId) return a.entityId < b.entityId ? -1 : 1
  const [one, other] = [entityText(a), entityText(b)]
  return one === other ? b.seq - a.seq : one < other ? -1 : 1
}

function isSameEntity(a: EntityTotals, b: EntityTotals): boolean {
  return a.entityId === b.entityId && entityText(a) === entityText(b)
}

function groupsByCatalog<Id extends CatalogOf>(ids: readonly Id[]): Iterable<Id[]> {
  return Map.groupBy(ids, ({ tenant, domain, entityType }) => JSON.stringify([tenant, domain, entityType])).values()
}

function nameOf({ domain, entityType }: { domain: string; entityType: string }): string {
  return `${domain} ${entityType}`
}

function catalogRowOf(of: CatalogOf, { id, title, columns, totals, version, revision }: MappedRow, side: SideRow | undefined): CatalogRow {
  const { tenant, domain, entityType } = of
  const opening = Object.fromEntries(Object.keys(totals).map((action) => [action, side?.opening?.[action] ?? 0]))
  return {
    tenant, domain, entityType, id, title, columns, totals, opening,
    version: Math.max(version, side?.version ?? 0),
    revision: Math.max(revision, side?.revision ?? 0),
    shard: side?.shard ?? shardOf({ tenant, domain, entityType, entityId: id }),
  }
}
