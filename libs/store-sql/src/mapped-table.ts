import { AppError, entityIdFault, type CatalogMapping } from '@tallyfleet/domain'
import { dataColumnsOf, quote, ROW_COLUMNS, type FittedCatalog } from './catalog-tables.ts'
import { fromSqlValue, type ColumnType } from './catalog-value.ts'
import { query, tuples, type Sql, type SqlEngine, type SqlValue } from './sql-database.ts'

/** A row of a mapped table: numbers by action, and the mapped columns as the engine hands them out. */
export type MappedRow = {
  id: string
  title: string | null
  totals: Record<string, number>
  columns: Record<string, unknown>
  /** What the row itself remembers; 0 where it does not. */
  version: number
  revision: number
}

/** A row to write; the values stand in the order of the columns named beside it. */
export type RowValues = { id: string; values: readonly SqlValue[] }

const PAGE = 500
/** A CASE is searched from its start for every row: short ones are cheaper than few. */
const UPDATE_ROWS = 100
const DEFAULT_TENANT = 'default'
/** Fits any key of its length, at a glance. */
const PLAIN_ID = /^\w[\w.:-]*$/
const MAX_INTEGER = 2n ** 63n - 1n

type Found = Record<string, unknown> & { id: unknown; tenant?: unknown }

/**
 * One SQL table as its mapping describes it. A table's own collation may find `A` for `a`, or `a` for `a `: what a
 * statement finds is compared again here, so that ids and tenants are equal only when their bytes are.
 */
export class MappedTable {
  readonly domain: string
  readonly entityType: string
  readonly mapping: CatalogMapping
  readonly actions: readonly string[]
  readonly dataColumns: ReadonlyMap<string, ColumnType>
  readonly #engine: SqlEngine
  readonly #table: string
  readonly #key: string
  readonly #tenant: string | undefined
  readonly #lock: string
  readonly #selected: string
  readonly #selectedTotals: string
  readonly #keyCollation: string | undefined
  /** As `FittedCatalog` has it. */
  readonly upserts: boolean
  /** Whether the last totals that were raised by upserts all met a row that took them. */
  lastFitted = true

  constructor(
    engine: SqlEngine, { domain, entityType, mapping, keyCollation, upserts = false }: FittedCatalog,
  ) {
    this.domain = domain
    this.entityType = entityType
    this.mapping = mapping
    this.actions = Object.keys(mapping.totals)
    this.dataColumns = dataColumnsOf(mapping)
    this.#engine = engine
    this.#keyCollation = keyCollation
    this.upserts = upserts
    this.#table = quote(engine, mapping.table)
    this.#key = quote(engine, mapping.key.column)
    this.#tenant = mapping.tenantColumn && quote(engine, mapping.tenantColumn)
    this.#lock = engine === 'mysql' ? ' FOR UPDATE' : ''
    // Aliases keep a user's column names apart from ours.
    const totals = this.actions.map((action, index) => `t.${quote(engine, mapping.totals[action]!)} AS t${index}`)
    const names = [...new Set([mapping.titleColumn, ...Object.keys(mapping.columns)])]
    const columns = names.map((name) => `t.${quote(engine, name)} AS ${quote(engine, `c_${name}`)}`)
    const keys = [`t.${this.#key} AS id`, ...(this.#tenant ? [`t.${this.#tenant} AS tenant`] : []),
      ...(mapping.managed ? [`t.${ROW_COLUMNS.version} AS row_version`, `t.${ROW_COLUMNS.revision} AS row_revision`] : [])]
    this.#selectedTotals = [...keys, ...totals].join(', ')
    this.#selected = [...keys, ...totals, ...columns].join(', ')
  }

  /** Whether the table can hold rows of a tenant: without a tenant column it belongs to `default`. */
  holds(tenant: string): boolean {
    return this.#tenant !== undefined || tenant === DEFAULT_TENANT
  }

  /** The id as the key column takes it, or undefined when no row can have it. */
  keyOf(id: string): string | bigint | undefined {
    const { type, maxLength } = this.mapping.key
    if (type === 'string' && id.length <= maxLength && PLAIN_ID.test(id)) return id
    if (entityIdFault(id) || (id.length > maxLength && [...id].length > maxLength)) return undefined
    if (type === 'string') return id
    if (!/^(0|-?[1-9]\d{0,18})$/.test(id)) return undefined
    const key = BigInt(id)
    return key <= MAX_INTEGER && key >= -MAX_INTEGER - 1n ? key : undefined
  }

  /** How a statement names the table, its key and its tenant column, and compares keys. */
  get names(): { table: string; key: string; tenant: string | undefined; keyCollation: string | undefined } {
    return { table: this.#table, key: this.#key, tenant: this.#tenant, keyCollation: this.#keyCollation }
  }

  /** Rows by id. `lock` keeps others from changing them until the transaction ends. Without `columns` they are left empty. */
  async select(
    sql: Sql, tenant: string, ids: readonly string[],
    { lock = false, columns = !lock }: { lock?: boolean; columns?: boolean } = {},
  ): Promise<Map<string, MappedRow>> {
    const rows = new Map<string, MappedRow>()
    if (!this.holds(tenant)) return rows
    const wanted = new Set(ids.filter((id) => this.keyOf(id) !== undefined))
    for (const page of chunks([...wanted], PAGE)) {
      const found = await query<Found>(sql,
        `SELECT ${columns ? this.#selected : this.#selectedTotals} FROM ${this.#table} t WHERE ${this.#ofTenant()}
         t.${this.#key} IN ${tuples(1, page.length)}${lock ? this.#lock : ''}`,
        [...this.#tenantValues(tenant), ...page.map((id) => this.keyOf(id)!)])
      for (const row of found) {
        const id = textOf(row.id)
        if (wanted.has(id) && this.#isOf(tenant, row)) rows.set(id, this.#rowOf(id, row))
      }
    }
    return rows
  }

  /** Rows in key order after `after`, at most `limit`; rows whose key can be no entity's id are left out. */
  async scan(sql: Sql, tenant: string, after: string | undefined, limit: number): Promise<MappedRow[]> {
    return this.#page(sql, tenant, limit, after, (where) =>
      `SELECT ${this.#selected} FROM ${this.#table} t WHERE ${where}`)
  }

  /** Titles and some columns of rows in key order after `after`; names that the mapping lacks are passed over. */
  async listColumns(
    sql: Sql, tenant: string, names: readonly string[], after: string | undefined, limit: number,
  ): Promise<Pick<MappedRow, 'id' | 'title' | 'columns'>[]> {
    const known = names.filter((name) => Object.hasOwn(this.mapping.columns, name))
    const selected = [...new Set([this.mapping.titleColumn, ...known])]
      .map((name) => `t.${quote(this.#engine, name)} AS ${quote(this.#engine, `c_${name}`)}`)
    const keys = [`t.${this.#key} AS id`, ...(this.#tenant ? [`t.${this.#tenant} AS tenant`] : [])]
    const rows = await this.#page(sql, tenant, limit, after, (where) =>
      `SELECT ${[...keys, ...selected].join(', ')} FROM ${this.#table} t WHERE ${where}`)
    return rows.map(({ id, title, columns }) =>
      ({ id, title, columns: Object.fromEntries(known.map((name) => [name, columns[name]])) }))
  }

  /** Ids of rows some totals column of which has no opening yet, at most `limit`. */
  async listUnbound(sql: Sql, tenant: string, limit: number): Promise<string[]> {
    const key = this.#engine === 'mysql'
      ? `CAST(CONVERT(t.${this.#key} USING utf8mb4) AS BINARY)`
      : `CAST(t.${this.#key} AS TEXT)`
    // An action is letters, digits and underscores, so it stands in the JSON as it is.
    const lacks = (opening: string) => `(${opening} IS NULL ${this.actions.map((action) => `OR INSTR(${opening}, '"${action}":') = 0`).join(' ')})`
    // A row that knows its opening needs no look beside the table.
    const isOpen = this.mapping.managed ? `${lacks(`t.${ROW_COLUMNS.opening}`)} AND` : ''
    const rows = await this.#page(sql, tenant, limit, undefined, (where) =>
      `SELECT ${this.#selectedTotals} FROM ${this.#table} t LEFT JOIN catalog_rows s
         ON s.domain = '${this.domain}' AND s.entity_type = '${this.entityType}' AND s.tenant = ?
           AND s.entity_id = ${key}
       WHERE ${isOpen} ${lacks('s.opening')} AND ${where}`, [tenant])
    return rows.map(({ id }) => id)
  }

  async listTenants(sql: Sql): Promise<string[]> {
    if (!this.#tenant) {
      const some = await query(sql, `SELECT 1 AS some FROM ${this.#table} LIMIT 1`)
      return some.length > 0 ? [DEFAULT_TENANT] : []
    }
    const rows = await query<{ tenant: unknown }>(sql, `SELECT DISTINCT ${this.#tenant} AS tenant FROM ${this.#table}
      WHERE ${this.#tenant} IS NOT NULL ORDER BY ${this.#tenant}`)
    return rows.map(({ tenant }) => textOf(tenant))
  }

  /** Inserts rows that all have values for the same columns. */
  async insert(sql: Sql, tenant: string, columns: readonly string[], rows: readonly RowValues[]): Promise<void> {
    const names = [
      ...(this.#tenant ? [this.#tenant] : []), this.#key, ...columns.map((name) => quote(this.#engine, name)),
    ]
    for (const page of chunks(rows, PAGE)) {
      await query(sql, `INSERT INTO ${this.#table} (${names.join(', ')}) VALUES ${tuples(page.length, names.length)}`,
        page.flatMap(({ id, values }) => [...this.#tenantValues(tenant), this.keyOf(id)!, ...values]))
    }
  }

  /** Sets the same columns of rows that the transaction holds. */
  async update(sql: Sql, tenant: string, columns: readonly string[], rows: readonly RowValues[]): Promise<void> {
    if (columns.length === 0) return
    for (const page of chunks(rows, UPDATE_ROWS)) {
      const keys = page.map(({ id }) => this.keyOf(id)!)
      const whens = 'WHEN ? THEN ? '.repeat(page.length)
      const sets = columns.map((name) => quote(this.#engine, name))
        .map((name) => `${name} = CASE t.${this.#key} ${whens}ELSE t.${name} END`)
      const text = `UPDATE ${this.#table} AS t SET ${sets.join(', ')}
        WHERE ${this.#ofTenant()} t.${this.#key} IN ${tuples(1, page.length)}`
      await query(sql, text, [
        ...columns.flatMap((_, column) => page.flatMap(({ values }, index) => [keys[index]!, values[column]!])),
        ...this.#tenantValues(tenant), ...keys,
      ])
    }
  }

  /** Pages by key until `limit` rows are found whose key is an id, or the table ends. */
  async #page(
    sql: Sql, tenant: string, limit: number, after: string | undefined,
    text: (where: string) => string, values: readonly SqlValue[] = [],
  ): Promise<MappedRow[]> {
    if (!this.holds(tenant)) return []
    let last: SqlValue | undefined
    if (after !== undefined) {
      last = this.keyOf(after)
      if (last === undefined) {
        throw new AppError('CURSOR_INVALID', `${JSON.stringify(after)} is no id of ${this.mapping.table}`)
      }
    }
    const rows: MappedRow[] = []
    for (;;) {
      const found = await query<Found>(sql,
        `${text(`${this.#ofTenant()} t.${this.#key} ${last === undefined ? 'IS NOT NULL' : '> ?'}`)}
         ORDER BY t.${this.#key} LIMIT ?`,
        [...values, ...this.#tenantValues(tenant), ...(last === undefined ? [] : [last]), limit])
      for (const row of found) {
        const id = textOf(row.id)
        if (this.keyOf(id) !== undefined && this.#isOf(tenant, row)) rows.push(this.#rowOf(id, row))
        if (rows.length === limit) return rows
      }
      if (found.length < limit) return rows
      last = found.at(-1)!.id as SqlValue
    }
  }

  #ofTenant(): string {
    return this.#tenant ? `t.${this.#tenant} = ? AND` : ''
  }

  #tenantValues(tenant: string): string[] {
    return this.#tenant ? [tenant] : []
  }

  #isOf(tenant: string, row: Found): boolean {
    return !this.#tenant || textOf(row.tenant) === tenant
  }

  #rowOf(id: string, row: Found): MappedRow {
    const totals: Record<string, number> = {}
    for (const [index, action] of this.actions.entries()) totals[action] = Number(row[`t${index}`] ?? 0) || 0
    const columns: Record<string, unknown> = {}
    for (const [name, { type }] of Object.entries(this.mapping.columns)) {
      columns[name] = fromSqlValue(type, row[`c_${name}`])
    }
    const title = fromSqlValue('string', row[`c_${this.mapping.titleColumn}`]) as string | null
    return { id, title, totals, columns, version: Number(row['row_version'] ?? 0), revision: Number(row['row_revision'] ?? 0) }
  }
}

function textOf(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString() : String(value)
}

export function* chunks<Item>(items: readonly Item[], size: number): Generator<Item[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size)
}
