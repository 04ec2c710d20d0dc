import type { CatalogOf, EntityTotals } from '@tallyfleet/ports'
import { query, tuples, type Sql, type SqlValue } from './sql-database.ts'

/** A row that took a change number; the row itself tells whether it was its last. */
export type Change = CatalogOf & { id: string; revision: number }

/** Change numbers of a shard that stay listed. A reader that is further behind looks at every row of the shard. */
const KEPT = 1_000
const ENTRIES_AT_ONCE = 50

/**
 * Lists rows of one catalog as changed, inside the transaction that gave them their numbers: one entry for a shard
 * and not an index that every row is moved in. Numbers of a shard are those of one transaction, without a gap.
 */
export async function appendChanges(
  sql: Sql, { tenant, domain, entityType }: CatalogOf, changed: readonly { entity: EntityTotals; revision: number }[],
): Promise<void> {
  const entries: SqlValue[] = []
  const floors: { shard: number; revision: number }[] = []
  for (const [shard, rows] of Map.groupBy(changed, ({ entity }) => entity.shard)) {
    const first = rows[0]!.revision
    const last = rows.at(-1)!.revision
    entries.push(shard, last, domain, entityType, tenant, JSON.stringify(rows.map(({ entity }) => entity.entityId)))
    if (Math.floor(first / KEPT) < Math.floor((last + 1) / KEPT)) floors.push({ shard, revision: last - KEPT })
  }
  if (entries.length === 0) return
  await query(sql, `INSERT INTO catalog_changes (shard, revision, domain, entity_type, tenant, ids) VALUES ${tuples(entries.length / 6, 6)}`, entries)
  for (const { shard, revision } of floors) {
    if (revision <= 0) continue
    await query(sql, 'DELETE FROM catalog_changes WHERE shard = ? AND revision <= ?', [shard, revision])
    await query(sql, `INSERT INTO catalog_changes (shard, revision, domain, entity_type, tenant, ids) VALUES (?, ?, '', '', '', '[]')`, [shard, revision])
  }
}

/**
 * Changes of a shard in (after, upTo], as far as `through`; 'gone' when some of them are no longer listed. Entries and
 * what is gone are read by one statement, so none can go in between.
 */
export async function listListedChanges(
  sql: Sql, shard: number, after: number, upTo: number,
): Promise<{ changes: Change[]; through: number } | 'gone'> {
  const entries = await query<{ revision: number; domain: unknown; entity_type: unknown; tenant: unknown; ids: string }>(sql,
    `SELECT revision, domain, entity_type, tenant, ids FROM catalog_changes
     WHERE shard = ? AND revision > ? ORDER BY revision LIMIT ${ENTRIES_AT_ONCE}`, [shard, after])
  if (entries.some(({ domain }) => textOf(domain) === '')) return 'gone'
  const changes = entries.flatMap(({ revision, domain, entity_type, tenant, ids }) => {
    const list = JSON.parse(ids) as string[]
    const of = { domain: textOf(domain), entityType: textOf(entity_type), tenant: textOf(tenant) }
    return list.map((id, at): Change => ({ ...of, id, revision: revision - list.length + 1 + at }))
  })
  const through = entries.length < ENTRIES_AT_ONCE ? upTo : Math.min(upTo, entries.at(-1)!.revision)
  return { changes: changes.filter(({ revision }) => revision > after && revision <= through), through }
}

function textOf(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString() : String(value)
}
