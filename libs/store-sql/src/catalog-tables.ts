import { isDeepStrictEqual } from 'node:util'
import { AppError, type CatalogMapping } from '@tallyfleet/domain'
import { COLUMN_TYPES, type ColumnType } from './catalog-value.ts'
import { query, type Sql, type SqlDatabase, type SqlEngine } from './sql-database.ts'
import { OWN_TABLES } from './sql-schema.ts'

const TABLE_OPTIONS: Readonly<Record<SqlEngine, string>> = {
  mysql: 'ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci',
  sqlite: 'STRICT',
}

type FoundTable = { columns: ReadonlySet<string>; uniqueKeys: readonly Set<string>[] }

/** Columns that may be written and read as data, with their types: those of the mapping, and the title. */
export function dataColumnsOf(mapping: CatalogMapping): Map<string, ColumnType> {
  const special = new Set([mapping.key.column, mapping.tenantColumn, ...Object.values(mapping.totals)])
  const columns = new Map<string, ColumnType>()
  if (!special.has(mapping.titleColumn)) columns.set(mapping.titleColumn, 'string')
  for (const [name, { type }] of Object.entries(mapping.columns)) if (!special.has(name)) columns.set(name, type)
  return columns
}

type Catalog = { domain: string; entityType: string; mapping: CatalogMapping }

/** A catalog as its table is. */
export type FittedCatalog = Catalog & {
  /** Where the key is text that MySQL compares in UTF-8. */
  keyCollation?: string | undefined
  /** An upsert by key can meet nothing but the row of that key: the table asks for no other column, has no other unique index and no trigger. */
  upserts?: boolean
}

/**
 * Makes managed tables and the columns that their mappings have gained; checks that the user's own tables have what
 * their mappings name, and never alters those. Several processes may do so at once. Rejects with `STORE_REFUSED`
 * naming everything that is missing. Answers the catalogs as the tables are: a table that stood there before the
 * engine, without the column for the tenant, belongs to `default`.
 */
export async function ensureCatalogTables(database: SqlDatabase, wanted: readonly Catalog[]): Promise<FittedCatalog[]> {
  const catalogs = await database.run((sql) => Promise.all(wanted.map(async (catalog): Promise<Catalog> => {
    const { tenantColumn, managed, table } = catalog.mapping
    const found = tenantColumn && managed ? await findTable(sql, database.engine, table) : undefined
    if (!found || found.columns.has(tenantColumn!.toLowerCase())) return catalog
    return { ...catalog, mapping: { ...catalog.mapping, tenantColumn: undefined } }
  })))
  const mappings = new Map<string, CatalogMapping>()
  const faults: string[] = []
  for (const { domain, entityType, mapping } of catalogs) {
    const known = mappings.get(mapping.table.toLowerCase())
    if (known && !isDeepStrictEqual(known, mapping)) {
      faults.push(`${domain} ${entityType} maps the table ${mapping.table} otherwise than another pack`)
    }
    faults.push(...faultsIn(mapping))
    mappings.set(mapping.table.toLowerCase(), mapping)
  }
  refuse(database, faults)

  const pending = await database.run((sql) =>
    Promise.all([...mappings.values()].map((mapping) => changesFor(sql, database.engine, mapping))))
  if (pending.every(({ statements, missing }) => statements.length + missing.length === 0)) return asFound(database, catalogs)
  await database.exclusively(async (sql) => {
    for (const mapping of mappings.values()) {
      const { statements, missing } = await changesFor(sql, database.engine, mapping)
      if (missing.length > 0) faults.push(`the table ${mapping.table} lacks ${missing.join(', ')}`)
      else for (const statement of statements) await query(sql, statement)
    }
  })
  refuse(database, faults)
  return asFound(database, catalogs)
}

/** What only the server of MySQL knows of the tables. */
async function asFound(database: SqlDatabase, catalogs: readonly Catalog[]): Promise<FittedCatalog[]> {
  if (database.engine === 'sqlite') return [...catalogs]
  const columns = await database.run((sql) => query<{ name: string; collation: string | null; required: number }>(sql, `
    SELECT LOWER(CONCAT(table_name, ' ', column_name)) AS name, IF(character_set_name = 'utf8mb4', collation_name, NULL) AS collation,
      is_nullable = 'NO' AND column_default IS NULL AND extra = '' AS required
    FROM information_schema.columns WHERE table_schema = DATABASE()`))
  const special = await database.run((sql) => query<{ name: string }>(sql, `
    SELECT LOWER(event_object_table) AS name FROM information_schema.triggers WHERE event_object_schema = DATABASE()
    UNION SELECT LOWER(table_name) FROM information_schema.statistics
    WHERE table_schema = DATABASE() AND non_unique = 0 AND index_name <> 'PRIMARY'`))
  const collations = new Map(columns.map(({ name, collation }) => [name, collation ?? undefined]))
  return catalogs.map((catalog) => {
    const { table, key, tenantColumn, managed } = catalog.mapping
    const nameOf = (column: string) => `${table} ${column}`.toLowerCase()
    const given = new Set([key.column, ...(tenantColumn ? [tenantColumn] : [])].map(nameOf))
    const isPlain = !special.some(({ name }) => name === table.toLowerCase())
      && columns.every(({ name, required }) => !required || !name.startsWith(nameOf('')) || given.has(name))
    return { ...catalog, keyCollation: collations.get(nameOf(key.column)), upserts: managed && isPlain }
  })
}

function refuse({ name }: SqlDatabase, faults: readonly string[]): void {
  if (faults.length > 0) throw new AppError('STORE_REFUSED', `${name}: ${faults.join('; ')}`, { details: { faults } })
}

function faultsIn({ table, key, tenantColumn, totals, managed }: CatalogMapping): string[] {
  const faults: string[] = []
  if ((OWN_TABLES as readonly string[]).includes(table.toLowerCase())) {
    faults.push(`the table ${table} is the engine's own`)
  }
  const names = [
    key.column, ...(tenantColumn ? [tenantColumn] : []), ...Object.values(totals), ...(managed ? Object.values(ROW_COLUMNS) : []),
  ]
  const seen = new Set<string>()
  for (const name of names) {
    if (seen.has(name.toLowerCase())) faults.push(`the column ${table}.${name} is mapped twice`)
    seen.add(name.toLowerCase())
  }
  return faults
}

/** Statements that bring a table up to its mapping, or what it lacks and only its owner can add. */
async function changesFor(
  sql: Sql, engine: SqlEngine, mapping: CatalogMapping,
): Promise<{ statements: string[]; missing: string[] }> {
  const found = await findTable(sql, engine, mapping.table)
  const keys = [mapping.key.column, ...(mapping.tenantColumn ? [mapping.tenantColumn] : [])]
  const others = columnTexts(engine, mapping)
  const lacks = (name: string) => !found?.columns.has(name.toLowerCase())
  if (!found) {
    if (mapping.managed) return { statements: [createText(engine, mapping, others)], missing: [] }
    return { statements: [], missing: ['everything: there is no such table'] }
  }
  const missing = keys.filter(lacks)
  if (!mapping.managed) missing.push(...[...others.keys()].filter(lacks))
  // Without it an entity could have two rows, and no number would be right for both.
  const wanted = new Set(keys.map((name) => name.toLowerCase()))
  if (missing.length === 0 && !found.uniqueKeys.some((key) => [...key].every((name) => wanted.has(name)))) {
    missing.push(`a unique index on (${[...keys].reverse().join(', ')})`)
  }
  const statements = [...others].filter(([name]) => lacks(name))
    .map(([, text]) => `ALTER TABLE ${quote(engine, mapping.table)} ADD COLUMN ${text}`)
  return { statements: mapping.managed ? statements : [], missing }
}

/**
 * What the engine remembers of a row, in the row itself where the table is its own: a total is written once and not
 * twice. A row whose opening is null here has its truth beside the table still.
 */
export const ROW_COLUMNS = { version: 'fleet_version', revision: 'fleet_revision', opening: 'fleet_opening' } as const

function columnTexts(engine: SqlEngine, mapping: CatalogMapping): Map<string, string> {
  const texts = new Map<string, string>()
  if (mapping.managed) {
    for (const name of [ROW_COLUMNS.version, ROW_COLUMNS.revision]) {
      texts.set(name, `${quote(engine, name)} ${engine === 'mysql' ? 'BIGINT' : 'INTEGER'} NOT NULL DEFAULT 0`)
    }
    texts.set(ROW_COLUMNS.opening, `${quote(engine, ROW_COLUMNS.opening)} TEXT${engine === 'mysql' ? ' CHARACTER SET utf8mb4 COLLATE utf8mb4_bin' : ''}`)
  }
  for (const name of Object.values(mapping.totals)) {
    texts.set(name, `${quote(engine, name)} ${engine === 'mysql' ? 'BIGINT' : 'INTEGER'} NOT NULL DEFAULT 0`)
  }
  for (const [name, type] of dataColumnsOf(mapping)) {
    const column = quote(engine, name)
    texts.set(name, `${column} ${COLUMN_TYPES[engine][type](column)}`)
  }
  return texts
}

function createText(
  engine: SqlEngine, { table, key, tenantColumn }: CatalogMapping, others: Map<string, string>,
): string {
  const id = (length: number) =>
    engine === 'mysql' ? `VARCHAR(${length}) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin` : 'TEXT'
  const integer = engine === 'mysql' ? 'BIGINT' : 'INTEGER'
  const primary = [...(tenantColumn ? [tenantColumn] : []), key.column].map((name) => quote(engine, name))
  return `CREATE TABLE IF NOT EXISTS ${quote(engine, table)} (${[
    ...(tenantColumn ? [`${quote(engine, tenantColumn)} ${id(64)} NOT NULL`] : []),
    `${quote(engine, key.column)} ${key.type === 'integer' ? integer : id(key.maxLength)} NOT NULL`,
    ...others.values(),
    `PRIMARY KEY (${primary.join(', ')})`,
  ].join(', ')}) ${TABLE_OPTIONS[engine]}`
}

async function findTable(sql: Sql, engine: SqlEngine, table: string): Promise<FoundTable | undefined> {
  const columns = await query<{ name: string; pk: number }>(sql, engine === 'mysql'
    ? `SELECT column_name AS name, 0 AS pk FROM information_schema.columns
       WHERE table_schema = DATABASE() AND table_name = ?`
    : 'SELECT name, pk FROM pragma_table_info(?)', [table])
  if (columns.length === 0) return undefined
  const parts = await query<{ name: string; part: string }>(sql, engine === 'mysql'
    ? `SELECT index_name AS name, column_name AS part FROM information_schema.statistics
       WHERE table_schema = DATABASE() AND table_name = ? AND non_unique = 0`
    : `SELECT i.name AS name, c.name AS part FROM pragma_index_list(?) i, pragma_index_info(i.name) c
       WHERE i."unique" = 1 AND i.partial = 0`, [table])
  const keys = new Map<string, Set<string>>()
  const primary = columns.filter(({ pk }) => pk > 0).map(({ name }) => name.toLowerCase())
  if (primary.length > 0) keys.set('primary key', new Set(primary)) // a rowid alias is in no index list
  for (const { name, part } of parts) {
    // An expression has no column: such an index is unique over something else.
    keys.set(name, (keys.get(name) ?? new Set()).add((part ?? '(expression)').toLowerCase()))
  }
  return { columns: new Set(columns.map(({ name }) => name.toLowerCase())), uniqueKeys: [...keys.values()] }
}

/** A name of a mapping in quotes; the mapping's schema allows letters, digits and underscores alone. */
export function quote(engine: SqlEngine, name: string): string {
  return engine === 'mysql' ? `\`${name}\`` : `"${name}"`
}
