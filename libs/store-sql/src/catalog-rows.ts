import { AppError, entityIdFault, shardOf, type Fault } from '@tallyfleet/domain'
import type { CatalogOf, CatalogRowInput } from '@tallyfleet/ports'
import { lockRevisions, putSides } from './catalog-side.ts'
import { ROW_COLUMNS } from './catalog-tables.ts'
import { toSqlValue } from './catalog-value.ts'
import type { MappedTable } from './mapped-table.ts'
import type { Sql, SqlEngine, SqlValue } from './sql-database.ts'

/** A checked row: its values by column, as the database takes them. */
export type CheckedRow = { id: string; shard: number; columns: Map<string, SqlValue> }

const MOST_FAULTS = 100

/**
 * Checks rows against the mapping; rows with the same id become one, later columns win. Throws `FIELD_INVALID` with a
 * fault for each wrong id and column; pointers start at the list of rows.
 */
export function readRowInputs(
  engine: SqlEngine, table: MappedTable, of: CatalogOf, inputs: readonly CatalogRowInput[],
): CheckedRow[] {
  const faults: Fault[] = []
  const rows = new Map<string, CheckedRow>()
  for (const [index, input] of inputs.entries()) {
    const id = typeof input.id === 'string' ? input.id.normalize('NFC') : ''
    const fault = idFault(table, id)
    if (fault) faults.push({ pointer: `/${index}/id`, code: 'FIELD_INVALID', detail: fault })
    let row = rows.get(id)
    if (!row) rows.set(id, (row = { id, shard: shardOf({ ...of, entityId: id }), columns: new Map() }))
    for (const [name, value] of Object.entries(input.columns)) {
      const type = table.dataColumns.get(name)
      const read = type
        ? toSqlValue(type, value, engine)
        : { fault: `is no column of ${table.mapping.table} that can be written` }
      if ('value' in read) row.columns.set(name, read.value)
      else faults.push({ pointer: `/${index}/columns/${escape(name)}`, code: 'FIELD_INVALID', detail: read.fault })
    }
  }
  if (faults.length > 0) {
    const { pointer, detail } = faults[0]!
    throw new AppError('FIELD_INVALID', `${faults.length} faults in the rows; the first: ${pointer} ${detail}`, {
      details: { errors: faults.slice(0, MOST_FAULTS) },
    })
  }
  return [...rows.values()]
}

/** Inserts or updates rows inside a transaction. Totals columns are not touched, and no row is bound. */
export async function putRowGroup(
  sql: Sql, engine: SqlEngine, table: MappedTable, of: CatalogOf, group: readonly CheckedRow[],
): Promise<{ inserted: number; updated: number }> {
  const revisions = await lockRevisions(sql, engine, group.map(({ shard }) => shard))
  const known = await table.select(sql, of.tenant, group.map(({ id }) => id), { lock: true })
  // Rows of one statement name the same columns, so that those absent from a row keep their value.
  const alike = Map.groupBy(group, ({ id, columns }) => `${known.has(id)} ${[...columns.keys()].sort().join(' ')}`)
  const taken = new Map(group.map(({ id, shard }) => [id, revisions.next(shard)]))
  for (const rows of alike.values()) {
    const names = [...rows[0]!.columns.keys()].sort()
    const values = rows.map(({ id, columns }) => ({ id, values: names.map((name) => columns.get(name)!) }))
    if (table.mapping.managed) {
      names.push(ROW_COLUMNS.revision)
      for (const row of values) row.values.push(taken.get(row.id)!)
    }
    if (known.has(rows[0]!.id)) await table.update(sql, of.tenant, names, values)
    else await table.insert(sql, of.tenant, names, values)
  }
  await putSides(sql, engine, of, group.map(({ id, shard }) =>
    ({ id, shard, version: 0, revision: taken.get(id)!, opening: undefined })), { revisionOnly: true })
  await revisions.save(sql, engine)
  return { inserted: group.length - known.size, updated: known.size }
}

function idFault(table: MappedTable, id: string): string | undefined {
  const { type, maxLength } = table.mapping.key
  return entityIdFault(id) ?? (table.keyOf(id) === undefined
    ? type === 'integer' ? 'is no whole number' : `is longer than ${maxLength} characters`
    : undefined)
}

function escape(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}
