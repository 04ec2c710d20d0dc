import { DatabaseSync } from 'node:sqlite'
import { catalogsOf, shardOf } from '@tallyfleet/domain'
import { syncCatalog } from '@tallyfleet/features'
import { packs } from '@tallyfleet/packs'
import type { EntityTotals, Manifest, RollupStore } from '@tallyfleet/ports'
import { SqlCatalogStore } from '@tallyfleet/store-sql'
import { createConnection, type ResultSetHeader, type RowDataPacket } from 'mysql2/promise'

const OF = { tenant: 'default', domain: 'jav', entityType: 'movie' }
const TABLE = packs.get(OF.domain)!.entityTypes[OF.entityType]!.catalog!.table
/** Rows of one statement by hand, and of one transaction. */
const ROWS_AT_ONCE = 1_000

/** A catalog whose rows show the totals of round n after `write(n)`. */
export type Catalog = AsyncDisposable & {
  write: (round: number) => Promise<void>
  /** Views and downloads of all rows. */
  sum: () => Promise<number>
}

/** What a row shows in a round: a view more than in the last one. */
export function viewsOf(row: number, round: number): number {
  return row % 100 + round
}

const onePack = new Map([...packs].filter(([domain]) => domain === OF.domain))

/** Our sync; its rollups answer from memory, so that the clock sees what is written and not what is read. */
export async function openOurs(url: string, ids: readonly string[], sum: () => Promise<number>): Promise<Catalog> {
  const catalog = await SqlCatalogStore.open({ url, catalogs: catalogsOf(onePack) })
  const byShard = Map.groupBy(ids.map((entityId, row) => ({ ...OF, entityId, row, shard: shardOf({ ...OF, entityId }) })), ({ shard }) => shard)
  return {
    async write(round) {
      const rollups: Pick<RollupStore, 'listLatestManifests' | 'listChangedTotals' | 'listTotals'> = {
        listLatestManifests: async () => [...byShard.keys()].map((shard) => ({ shard, n: round, state: 'done' } as Manifest)),
        listTotals: async () => [],
        async listChangedTotals(shard, _after, _upTo, limit, cursor) {
          const from = Number(cursor ?? 0)
          const page = byShard.get(shard)!.slice(from, from + limit)
          const totals = page.map(({ row, ...of }): EntityTotals =>
            ({ ...of, seq: round, counts: { view: { count: viewsOf(row, round) }, download: { count: 1 } } }))
          return { totals, cursor: page.length === limit ? String(from + limit) : undefined }
        },
      }
      await syncCatalog({ rollups: rollups as RollupStore, catalog, packs: onePack })
    },
    sum,
    [Symbol.asyncDispose]: () => catalog[Symbol.asyncDispose](),
  }
}

/** The statement that one would write by hand, a thousand rows at a time; each row with title before the first round. */
export const byHand: Readonly<Record<'MariaDB' | 'SQLite', (url: string, ids: readonly string[]) => Promise<Catalog>>> = {
  async MariaDB(url, ids) {
    await (await SqlCatalogStore.open({ url, catalogs: catalogsOf(onePack) }))[Symbol.asyncDispose]()
    const connection = await createConnection(url)
    await eachPage(ids, (page) => connection.query<ResultSetHeader>(
      `INSERT INTO ${TABLE} (tenant, id, title) VALUES ?`, [page.map(({ id }) => [OF.tenant, id, `Title of ${id}`])]))
    return {
      write: (round) => eachPage(ids, (page) => connection.query<ResultSetHeader>(
        `INSERT INTO ${TABLE} (tenant, id, views, downloads) VALUES ?
         ON DUPLICATE KEY UPDATE views = VALUES(views), downloads = VALUES(downloads)`,
        [page.map(({ id, row }) => [OF.tenant, id, viewsOf(row, round), 1])])),
      async sum() {
        const [[found]] = await connection.query<RowDataPacket[]>(`SELECT SUM(views + downloads) AS sum FROM ${TABLE}`)
        return Number(found!['sum'])
      },
      [Symbol.asyncDispose]: () => connection.end(),
    }
  },
  async SQLite(url, ids) {
    await (await SqlCatalogStore.open({ url, catalogs: catalogsOf(onePack) }))[Symbol.asyncDispose]()
    const database = new DatabaseSync(url.slice('sqlite:'.length))
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
    const insert = database.prepare(`INSERT INTO ${TABLE} (tenant, id, title) VALUES (?, ?, ?)`)
    const upsert = database.prepare(`INSERT INTO ${TABLE} (tenant, id, views, downloads) VALUES (?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET views = excluded.views, downloads = excluded.downloads`)
    const transact = (write: () => void) => {
      database.exec('BEGIN IMMEDIATE')
      write()
      database.exec('COMMIT')
    }
    await eachPage(ids, async (page) => transact(() => {
      for (const { id } of page) insert.run(OF.tenant, id, `Title of ${id}`)
    }))
    return {
      write: (round) => eachPage(ids, async (page) => transact(() => {
        for (const { id, row } of page) upsert.run(OF.tenant, id, viewsOf(row, round), 1)
      })),
      sum: async () => Number(database.prepare(`SELECT SUM(views + downloads) AS sum FROM ${TABLE}`).get()!['sum']),
      async [Symbol.asyncDispose]() { database.close() },
    }
  },
}

async function eachPage(ids: readonly string[], work: (page: { id: string; row: number }[]) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < ids.length; from += ROWS_AT_ONCE) {
    await work(ids.slice(from, from + ROWS_AT_ONCE).map((id, at) => ({ id, row: from + at })))
  }
}
