import type { EntityTotals, PutTotalsResult } from '@tallyfleet/ports'
import { lockRevisions, putSides, selectSides, type SideRow } from './catalog-side.ts'
import { raiseTotals } from './raise-totals.ts'
import { ROW_COLUMNS } from './catalog-tables.ts'
import type { MappedRow, MappedTable, RowValues } from './mapped-table.ts'
import type { Sql, SqlEngine } from './sql-database.ts'

/**
 * Writes totals inside a transaction: column = opening + total, wherever the row shows older totals or other numbers.
 * A row replaced behind the engine's back shows other numbers for the version that is noted, so it is written again.
 */
export async function putTotalsGroup(
  sql: Sql, engine: SqlEngine, tableOf: (of: EntityTotals) => MappedTable, group: readonly EntityTotals[],
): Promise<PutTotalsResult> {
  const result: PutTotalsResult = { written: 0, stale: 0, orphans: [] }
  const revisions = await lockRevisions(sql, engine, group.map(({ shard }) => shard))
  const catalogs = Map.groupBy(group, ({ tenant, domain, entityType }) => `${tenant} ${domain} ${entityType}`)
  for (const all of catalogs.values()) {
    const of = all[0]!
    const table = tableOf(of)
    const entities = await raiseTotals(sql, engine, table, all, revisions)
    result.written += all.length - entities.length
    if (entities.length === 0) continue
    const rows = await table.select(sql, of.tenant, entities.map(({ entityId }) => entityId), { lock: true })
    const sides = await selectSides(sql, engine, of, [...rows.keys()], { lock: true })
    const changedRows: RowValues[] = []
    const changedSides: (SideRow & { id: string })[] = []
    for (const entity of entities) {
      const { entityId: id, shard, seq } = entity
      const row = rows.get(id)
      if (!row) {
        result.orphans.push(id)
        continue
      }
      const { opening, version, bound, values, differs } = project(table, entity, row, sides.get(id))
      const isStale = seq < version || (seq === version && !differs)
      if (isStale) result.stale++
      else result.written++
      if (seq < version || (isStale && !bound)) continue
      const revision = revisions.next(shard)
      if (table.mapping.managed) changedRows.push({ id, values: [...values, seq, revision, JSON.stringify(opening)] })
      else if (differs) changedRows.push({ id, values })
      changedSides.push({ id, shard, version: seq, revision, opening })
    }
    const totals = table.actions.map((action) => table.mapping.totals[action]!)
    const marks = table.mapping.managed ? [ROW_COLUMNS.version, ROW_COLUMNS.revision, ROW_COLUMNS.opening] : []
    await table.update(sql, of.tenant, [...totals, ...marks], changedRows)
    await putSides(sql, engine, of, changedSides)
  }
  await revisions.save(sql, engine)
  return result
}

/** What a row should show, and whether it does. An action met for the first time is bound to the number that stands. */
function project(table: MappedTable, { counts }: EntityTotals, row: MappedRow, side: SideRow | undefined) {
  const { version } = row
  const opening: Record<string, number> = { ...side?.opening }
  let bound = false
  let differs = false
  const values = table.actions.map((action) => {
    const shown = row.totals[action]!
    if (opening[action] === undefined) {
      opening[action] = table.mapping.opening === 'keep' ? shown : 0
      bound = true
    }
    const value = opening[action]! + (Object.hasOwn(counts, action) ? counts[action]!['count'] ?? 0 : 0)
    if (value !== shown) differs = true
    return value
  })
  return { opening, version: Math.max(version, side?.version ?? 0), bound, values, differs }
}
