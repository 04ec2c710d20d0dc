import { setImmediate as breathe } from 'node:timers/promises'
import { ALL_SHARDS, TOTAL_BUCKET, type Counts, type Interval } from '@tallyfleet/domain'
import type { ListFault } from '@tallyfleet/ports'
import type { SqliteConnection } from './sqlite-connection.ts'
import { actionsIn } from './sqlite-rollup-schema.ts'
import type { SqliteTops } from './sqlite-tops.ts'

const PAGE = 500
/** Entities are counted while nothing is written: so often, then the next run does it. */
const QUIET_TRIES = 5

const CELL = 'of, tenant, domain, entity_type AS entityType, interval, bucket, action'
const LAST_ROW = 'SELECT COALESCE(max(row), 0) AS row FROM documents'
/** Counts of documents that their list tells otherwise. */
const WRONG = `
  SELECT row, ${CELL}, cell.entity_id AS entityId, shard, counts, expected, COALESCE(tops.count, 0) AS actual
  FROM (
    SELECT documents.*, each.key AS action, COALESCE(each.value ->> '$.count', 0) AS expected
    FROM documents, json_each(counts) AS each WHERE row > :row AND row <= :upTo
  ) AS cell
  LEFT JOIN lists USING (of, tenant, domain, entity_type, action, interval, bucket)
  LEFT JOIN tops ON tops.list = lists.list AND tops.entity_id = CAST(COALESCE(cell.entity_id, shard) AS TEXT)
  WHERE expected <> actual`

const NEXT_LIST = `SELECT list, ${CELL} FROM lists WHERE list > ? ORDER BY list LIMIT 1`
const IS_COUNTED = `tenant = :tenant AND domain = :domain AND entity_type = :entityType AND of = :of
  AND interval = :interval AND bucket = :bucket AND counts -> ('$.' || :action) IS NOT NULL`
const ENTRIES = 'FROM tops WHERE list = :list AND entity_id > :after ORDER BY entity_id LIMIT'
/** Entries of a list without a document: a page of entities, by the index of one entity's buckets; shards at once. */
const STRAYS = {
  entity: `
    SELECT whose, count FROM (SELECT entity_id AS whose, count ${ENTRIES} ${PAGE})
    WHERE count <> 0 AND NOT EXISTS (
      SELECT 1 FROM documents INDEXED BY documents_series WHERE entity_id = whose AND ${IS_COUNTED})`,
  shard: `
    SELECT entity_id AS whose, count FROM tops
    WHERE list = :list AND entity_id > :after AND count <> 0 AND entity_id NOT IN (
      SELECT CAST(shard AS TEXT) FROM documents INDEXED BY documents_series WHERE entity_id IS NULL AND ${IS_COUNTED})`,
}
const PAGE_END = `SELECT entity_id AS whose ${ENTRIES} 1 OFFSET ${PAGE - 1}`
const DELETE_STRAY = 'DELETE FROM tops WHERE list = ? AND entity_id = ?'

const ENTITIES = `
  SELECT tenant, domain, entity_type AS entityType, actions, count(*) AS entities FROM (
    SELECT tenant, domain, entity_type, ${actionsIn('documents')} AS actions FROM documents INDEXED BY documents_changed
    WHERE shard = ? AND interval = 'total' AND of = 'entity')
  WHERE actions IS NOT NULL GROUP BY tenant, domain, entity_type, actions`
const SHOWN_ENTITIES = `
  SELECT tenant, domain, entity_type AS entityType, actions, entities FROM entity_counts WHERE entities <> 0`
const PUT_ENTITIES = `
  INSERT INTO entity_counts (tenant, domain, entity_type, actions, entities) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET entities = excluded.entities`
/** Changes with every commit of another handle, and with every write of this one. */
const STATE = 'SELECT data_version || \' \' || total_changes() AS state FROM pragma_data_version'

type Cell = {
  of: 'entity' | 'shard'; tenant: string; domain: string; entityType: string; interval: Interval; bucket: string
  action: string
}
type List = Cell & { list: number }
type Stray = { whose: string; count: number }
type Wrong = Cell & {
  row: number; entityId: string | null; shard: number; counts: string; expected: number; actual: number
}
type Group = { tenant: string; domain: string; entityType: string; actions: string; entities: number }

/**
 * Counts again, from the documents, what stands beside them: the top lists, and how many entities have which actions.
 * Yields what differs; with `tops`, puts it right in the same step. A page at a time, in one statement or transaction:
 * documents and lists are written together, so a flush meanwhile makes no difference.
 */
export async function* recount(connection: SqliteConnection, tops?: SqliteTops): AsyncGenerator<ListFault, void, void> {
  const step = <Result>(work: () => Result) => (tops ? connection.write(work) : connection.read(work))

  const last = await connection.read(() => connection.statement(LAST_ROW).get()!['row'] as number)
  for (let row = 0; row < last; row += PAGE) {
    yield* await step(() => {
      const wrong = connection.statement(WRONG).all({ row, upTo: row + PAGE }) as Wrong[]
      for (const { action, counts, ...document } of wrong) tops?.put(document, JSON.parse(counts) as Counts, [action])
      return wrong.map(({ row: _, counts: __, ...fault }) => ({ ...fault, list: 'top' as const }))
    })
    await breathe()
  }

  let next: List | undefined
  for (let list = 0; (next = await connection.read(() => nextList(list))); list = next.list) {
    const { list: _, ...cell } = next
    for (let after: string | undefined = ''; after !== undefined;) {
      const where: { list: number; after: string } = { list: next.list, after }
      const [strays, end] = await step(() => {
        const found = connection.statement(STRAYS[cell.of]).all({ ...where, ...cell }) as Stray[]
        const last = cell.of === 'entity' ? connection.statement(PAGE_END).get(where) : undefined
        if (tops) for (const { whose } of found) connection.statement(DELETE_STRAY).run(where.list, whose)
        return [found, last?.['whose'] as string | undefined] as const
      })
      for (const { whose, count } of strays) {
        const [entityId, shard] = cell.of === 'entity' ? [whose, undefined] : [null, Number(whose)]
        yield { list: 'top', ...cell, entityId, shard, expected: 0, actual: count }
      }
      after = end
      await breathe()
    }
  }
  yield* await recountEntities(connection, tops !== undefined)

  function nextList(list: number): List | undefined {
    const found = connection.statement(NEXT_LIST).get(list)
    return found && { ...found } as List
  }
}

async function recountEntities(connection: SqliteConnection, repair: boolean): Promise<ListFault[]> {
  const stateOf = () => connection.statement(STATE).get()!['state']
  const keyOf = ({ tenant, domain, entityType, actions }: Group) =>
    JSON.stringify([tenant, domain, entityType, actions])
  for (let tries = 0; tries < QUIET_TRIES; tries++) {
    const before = await connection.read(stateOf)
    const groups = new Map<string, Group & { shown: number }>()
    for (const shard of ALL_SHARDS) {
      for (const found of await connection.read(() => connection.statement(ENTITIES).all(shard) as Group[])) {
        const known = groups.get(keyOf(found)) ?? { ...found, entities: 0, shown: 0 }
        groups.set(keyOf(found), { ...known, entities: known.entities + found.entities })
      }
      await breathe()
    }
    const wrong = await (repair ? connection.write(compare) : connection.read(compare))
    if (wrong) return wrong

    function compare(): ListFault[] | undefined {
      if (stateOf() !== before) return undefined
      for (const found of connection.statement(SHOWN_ENTITIES).all() as Group[]) {
        groups.set(keyOf(found), { ...found, entities: groups.get(keyOf(found))?.entities ?? 0, shown: found.entities })
      }
      const differing = [...groups.values()].filter(({ entities, shown }) => entities !== shown)
      return differing.map(({ tenant, domain, entityType, actions, entities, shown }) => {
        if (repair) connection.statement(PUT_ENTITIES).run(tenant, domain, entityType, actions, entities)
        return {
          list: 'entities', of: 'entity', tenant, domain, entityType, entityId: null, interval: 'total',
          bucket: TOTAL_BUCKET, action: actions.trim(), shard: undefined, expected: entities, actual: shown,
        }
      })
    }
  }
  return []
}
