import type { EntityTotals } from '@tallyfleet/ports'
import { appendChanges } from './catalog-changes.ts'
import { selectSides, type Revisions } from './catalog-side.ts'
import { quote, ROW_COLUMNS } from './catalog-tables.ts'
import type { MappedTable } from './mapped-table.ts'
import { change, changeEach, query, queryEach, tuples, type Sql, type SqlEngine, type SqlValue } from './sql-database.ts'

const { version: VERSION, revision: REVISION, opening: OPENING } = ROW_COLUMNS

/** For each row that an upsert changed; 1 is a row that it made, or left as it was. */
const COUNTED_AS_CHANGED = 2

type Raised = { entity: EntityTotals; key: SqlValue; revision: number }

/**
 * The usual case of putTotals inside a transaction, without a row on its way to us and back: wherever a row is bound
 * and shows older totals, it shows opening + total from now on, with the version and the next revision of its shard.
 * @returns the entities that this does not fit: those without a row, not bound, or with this version already
 */
export async function raiseTotals(
  sql: Sql, engine: SqlEngine, table: MappedTable, entities: readonly EntityTotals[], revisions: Revisions,
): Promise<readonly EntityTotals[]> {
  const { tenant } = entities[0]!
  const { type } = table.mapping.key
  const fits = table.actions.length > 0 && table.holds(tenant)
    && (engine === 'sqlite' || type === 'integer' || table.names.keyCollation !== undefined)
  if (!fits) return entities
  const takeBack = revisions.mark()
  const raised: Raised[] = []
  for (const entity of entities) {
    const key = table.keyOf(entity.entityId)
    if (key !== undefined) raised.push({ entity, key, revision: revisions.next(entity.shard) })
  }
  const { managed } = table.mapping
  const raise = managed
    ? engine === 'sqlite' ? raiseRowsInSqlite : table.upserts ? upsertRowsInMysql : raiseRowsInMysql
    : engine === 'mysql' ? raiseInMysql : raiseInSqlite
  const written = await raise(sql, table, tenant, raised)
  if (written === 0) takeBack()
  else if (managed) await appendChanges(sql, entities[0]!, raised)
  if (written === 0 || written === entities.length) return written === 0 ? entities : []
  const ids = raised.map(({ entity }) => entity.entityId)
  const found = managed ? await table.select(sql, tenant, ids, { lock: true }) : await selectSides(sql, engine, entities[0]!, ids)
  const done = new Set(raised.filter(({ entity, revision }) => found.get(entity.entityId)?.revision === revision)
    .map(({ entity }) => entity))
  return entities.filter((entity) => !done.has(entity))
}

/**
 * An upsert: MariaDB changes rows that it finds by a join in a second pass, which takes twice as long. A total without a row,
 * or whose row is not bound or has this version already, shows in what the statement counts: then it is undone, and the join
 * does what it can. Where the totals before these did not all fit, the rows are looked at first.
 */
async function upsertRowsInMysql(sql: Sql, table: MappedTable, tenant: string, raised: readonly Raised[]): Promise<number> {
  const fitting = table.lastFitted ? raised : await listFitting(sql, table, tenant, raised)
  table.lastFitted = fitting.length === raised.length
  if (fitting.length === 0) return 0
  const { table: name, key, tenant: tenantColumn } = table.names
  const isNone = `${OPENING} = '${openingOfNone(table)}'`
  const totals = table.actions.map((action) => quote('mysql', table.mapping.totals[action]!))
  const columns = [...(tenantColumn ? [tenantColumn] : []), key, ...totals, REVISION, VERSION]
  // Assigned from left to right: the version is the last, because all the others ask for the old one.
  const ifFits = (column: string, value: string) => `${column} = IF(${VERSION} < VALUES(${VERSION}) AND ${isBound(table, OPENING)}, ${value}, ${column})`
  const sets = totals.map((column, at) =>
    ifFits(column, `VALUES(${column}) + IF(${isNone}, 0, CAST(JSON_EXTRACT(${OPENING}, '$.${table.actions[at]!}') AS SIGNED))`))
  await query(sql, 'SAVEPOINT before_upsert')
  const counted = await change(sql, `
    INSERT INTO ${name} (${columns.join(', ')}) VALUES ${tuples(fitting.length, columns.length)}
    ON DUPLICATE KEY UPDATE ${[...sets, ifFits(REVISION, `VALUES(${REVISION})`), ifFits(VERSION, `VALUES(${VERSION})`)].join(', ')}`,
  fitting.flatMap(({ entity, key: id, revision }) =>
    [...(tenantColumn ? [tenant] : []), id, ...table.actions.map((action) => countOf(entity, action)), revision, entity.seq]))
  if (counted === COUNTED_AS_CHANGED * fitting.length) return fitting.length
  table.lastFitted = false
  await query(sql, 'ROLLBACK TO SAVEPOINT before_upsert')
  return await raiseRowsInMysql(sql, table, tenant, raised)
}

/** Those whose row is there, and bound. */
async function listFitting(sql: Sql, table: MappedTable, tenant: string, raised: readonly Raised[]): Promise<readonly Raised[]> {
  if (raised.length === 0) return raised
  const { table: name, key, tenant: tenantColumn } = table.names
  const rows = await query<{ id: unknown }>(sql, `
    SELECT ${key} AS id FROM ${name}
    WHERE ${tenantColumn ? `${tenantColumn} = ? AND` : ''} ${key} IN ${tuples(1, raised.length)} AND ${isBound(table, OPENING)}`,
  [...(tenantColumn ? [tenant] : []), ...raised.map((one) => one.key)])
  const there = new Set(rows.map(({ id }) => String(id)))
  return raised.filter(({ entity }) => there.has(entity.entityId))
}

/** One row and one statement for each total; those of JSON lead. */
async function raiseRowsInMysql(sql: Sql, table: MappedTable, tenant: string, raised: readonly Raised[]): Promise<number> {
  const { table: name, key, tenant: tenantColumn } = table.names
  const isText = table.mapping.key.type === 'string'
  const sets = table.actions.map((action, at) =>
    `t.${quote('mysql', table.mapping.totals[action]!)} = CAST(JSON_EXTRACT(t.${OPENING}, '$.${action}') AS SIGNED) + n.v${at}`)
  return change(sql, `
    UPDATE ${newTotals(table)} AS n
      STRAIGHT_JOIN ${name} AS t ON ${tenantColumn ? `t.${tenantColumn} = ? AND` : ''}
        t.${key} = ${isText ? 'n.id' : 'CAST(n.id AS SIGNED)'} ${isText ? `AND CAST(t.${key} AS BINARY) = CAST(n.id AS BINARY)` : ''}
    SET ${sets.join(', ')}, t.${VERSION} = n.seq, t.${REVISION} = n.revision
    WHERE t.${VERSION} < n.seq AND ${isBound(table, `t.${OPENING}`)}`,
  [newTotalsText(table, raised), ...(tenantColumn ? [tenant] : [])])
}

/** Parameters: the totals, seq, revision, key and, where there is a column for it, tenant. */
async function raiseRowsInSqlite(sql: Sql, table: MappedTable, tenant: string, raised: readonly Raised[]): Promise<number> {
  const { table: name, key, tenant: tenantColumn } = table.names
  const count = table.actions.length
  const [seq, revision, id, tenantAt] = [1, 2, 3, 4].map((at) => `?${count + at}`)
  const none = `${OPENING} = '${openingOfNone(table)}'`
  const sets = table.actions.map((action, at) =>
    `${quote('sqlite', table.mapping.totals[action]!)} = CASE WHEN ${none} THEN 0 ELSE ${OPENING} ->> '${action}' END + ?${at + 1}`)
  return changeEach(sql, `
    UPDATE ${name} AS t SET ${sets.join(', ')}, ${VERSION} = ${seq}, ${REVISION} = ${revision}
    WHERE ${tenantColumn ? `t.${tenantColumn} = ${tenantAt} AND` : ''} t.${key} = ${id}
      ${table.mapping.key.type === 'string' ? `AND t.${key} = ${id} COLLATE BINARY` : ''} AND ${VERSION} < ${seq} AND ${isBound(table, OPENING)}`,
  raised.map(({ entity, key, revision }) => {
    const values: SqlValue[] = []
    for (const action of table.actions) values.push(countOf(entity, action))
    values.push(entity.seq, revision, key)
    if (tenantColumn) values.push(tenant)
    return values
  }))
}

/** Both tables in one statement: rows are found once, and those of JSON lead. */
async function raiseInMysql(sql: Sql, table: MappedTable, tenant: string, raised: readonly Raised[]): Promise<number> {
  const { table: name, key, tenant: tenantColumn } = table.names
  const isText = table.mapping.key.type === 'string'
  const sets = table.actions.map((action, at) =>
    `t.${quote('mysql', table.mapping.totals[action]!)} = CAST(JSON_EXTRACT(s.opening, '$.${action}') AS SIGNED) + n.v${at}`)
  // A collation may find `A` for `a`: bytes are compared as well.
  const found = await change(sql, `
    UPDATE ${newTotals(table)} AS n
      STRAIGHT_JOIN ${name} AS t ON ${tenantColumn ? `t.${tenantColumn} = ? AND` : ''}
        t.${key} = ${isText ? 'n.id' : 'CAST(n.id AS SIGNED)'} ${isText ? `AND CAST(t.${key} AS BINARY) = CAST(n.id AS BINARY)` : ''}
      STRAIGHT_JOIN catalog_rows AS s ON s.domain = ? AND s.entity_type = ? AND s.tenant = ? AND s.entity_id = CAST(n.id AS BINARY)
    SET ${sets.join(', ')}, s.version = n.seq, s.revision = n.revision
    WHERE s.version < n.seq AND ${isBound(table)}`,
  [newTotalsText(table, raised), ...(tenantColumn ? [tenant] : []), table.domain, table.entityType, tenant])
  return found / 2
}

/** A prepared statement for each table: values need no text, and SQLite is a function call away. */
async function raiseInSqlite(sql: Sql, table: MappedTable, tenant: string, raised: readonly Raised[]): Promise<number> {
  const { table: name, key, tenant: tenantColumn } = table.names
  const isText = table.mapping.key.type === 'string'
  const row = `${tenantColumn ? `t.${tenantColumn} = ? AND` : ''} t.${key} = ?`
  const rowOf = ({ key }: Raised) => [...(tenantColumn ? [tenant] : []), key]
  const found = await queryEach<{ opening: string }>(sql, `
    UPDATE catalog_rows AS s SET version = ?, revision = ?
    WHERE s.domain = ? AND s.entity_type = ? AND s.tenant = ? AND s.entity_id = ? AND s.version < ? AND ${isBound(table)}
      AND EXISTS (SELECT 1 FROM ${name} AS t WHERE ${row} ${isText ? `AND t.${key} = s.entity_id COLLATE BINARY` : ''})
    RETURNING opening`,
  raised.map((one) => {
    const { entityId, seq } = one.entity
    return [seq, one.revision, table.domain, table.entityType, tenant, entityId, seq, ...rowOf(one)]
  }))
  const openings = new Map<string, Record<string, number>>()
  const values = found.flatMap((side, at): SqlValue[][] => {
    if (!side) return []
    let opening = openings.get(side.opening)
    if (!opening) openings.set(side.opening, (opening = JSON.parse(side.opening) as Record<string, number>))
    const one = raised[at]!
    return [[...table.actions.map((action) => opening[action]! + countOf(one.entity, action)), ...rowOf(one)]]
  })
  const sets = table.actions.map((action) => `${quote('sqlite', table.mapping.totals[action]!)} = ?`)
  await queryEach(sql, `UPDATE ${name} AS t SET ${sets.join(', ')} WHERE ${row}`, values)
  return values.length
}

/** Totals as rows of (id, seq, revision, v0, v1, …); the parameter is their text. */
function newTotals({ actions, mapping, names }: MappedTable): string {
  const columns = ['seq', 'revision', ...actions.map((_, at) => `v${at}`)].map((column, at) => `${column} BIGINT PATH '$[${at + 1}]'`)
  return `JSON_TABLE(?, '$[*]' COLUMNS (
    id VARCHAR(256) ${mapping.key.type === 'string' ? `COLLATE ${names.keyCollation}` : ''} PATH '$[0]', ${columns.join(', ')}))`
}

function newTotalsText(table: MappedTable, raised: readonly Raised[]): string {
  return JSON.stringify(raised.map(({ entity, revision }) =>
    [entity.entityId, entity.seq, revision, ...table.actions.map((action) => countOf(entity, action))]))
}

function countOf({ counts }: EntityTotals, action: string): number {
  return Object.hasOwn(counts, action) ? counts[action]!['count'] ?? 0 : 0
}

/** The opening of a row that showed nothing, as it is written: most rows have it, and to compare it is to read no JSON. */
function openingOfNone({ actions }: MappedTable): string {
  return JSON.stringify(Object.fromEntries(actions.map((action) => [action, 0])))
}

/**
 * Every totals column has its opening; most rows show it at a glance. An action is letters, digits and underscores, so it
 * stands in the JSON as it is.
 */
function isBound(table: MappedTable, opening = 's.opening'): string {
  const parts = [`${opening} IS NOT NULL`, ...table.actions.map((action) => `INSTR(${opening}, '"${action}":') > 0`)]
  return `(${opening} = '${openingOfNone(table)}' OR ${parts.join(' AND ')})`
}
