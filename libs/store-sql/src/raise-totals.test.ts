import { catalogsOf, definePack, shardOf } from '@tallyfleet/domain'
import { describeWithServer } from '@tallyfleet/testing'
import { describe, expect, test } from 'vitest'
import { SqlCatalogStore } from './catalog-store.ts'
import { freshMysql, freshSqlite, type FreshDatabase } from './sql-database.fixture.ts'

const catalogs = catalogsOf(new Map([['shop', definePack({
  domain: 'shop', title: 'Shop', description: 'Shop', actions: { view: { title: 'View' }, like: { title: 'Like' } },
  entityTypes: {
    film: {
      title: 'Film',
      catalog: {
        table: 'films', key: { column: 'id' }, tenantColumn: 'tenant', titleColumn: 'title', totals: { view: 'views', like: 'likes' },
        columns: { title: { type: 'string' } },
      },
    },
  },
})]]))
const film = { tenant: 'default', domain: 'shop', entityType: 'film' }
const totalsOf = (entityId: string, seq: number, view: number, like = 0) =>
  ({ ...film, entityId, seq, shard: shardOf({ ...film, entityId }), counts: { view: { count: view }, like: { count: like } } })
const rowsOf = (ids: readonly string[]) => ids.map((id) => ({ id, columns: { title: id } }))

async function shownBy(store: SqlCatalogStore): Promise<Record<string, [view: number, like: number, version: number]>> {
  const rows = await store.scanRows(film, undefined, 100)
  return Object.fromEntries(rows.map(({ id, totals, version }) => [id, [totals['view']!, totals['like']!, version]]))
}

function suite(fresh: () => Promise<FreshDatabase>): void {
  test('of totals that come together those that fit rise, and the others make no row, lower nothing and find their opening', async () => {
    const { url, execute } = await fresh()
    await using store = await SqlCatalogStore.open({ url, catalogs })
    await store.putRows(film, rowsOf(['a', 'b', 'c']))
    await store.putTotals([totalsOf('a', 1, 10), totalsOf('b', 5, 50), totalsOf('c', 1, 30)])
    for (let seq = 2; seq < 5; seq++) { // after one that does not fit the rows are looked at first
      await execute(`INSERT INTO films (tenant, id, title, views) VALUES ('default', 'new-${seq}', 'behind our back', 1000)`)
      const result = await store.putTotals([
        totalsOf('a', seq, 10 * seq, 1), totalsOf('b', seq, 1), totalsOf('missing', seq, 7), totalsOf(`new-${seq}`, seq, 5),
      ])
      expect(result).toEqual({ written: 2, stale: 1, orphans: ['missing'] })
      expect(await shownBy(store)).toMatchObject({ a: [10 * seq, 1, seq], b: [50, 0, 5], [`new-${seq}`]: [1_005, 0, seq] })
    }
    expect(Object.keys(await shownBy(store))).toEqual(['a', 'b', 'c', 'new-2', 'new-3', 'new-4'])

    expect(await store.putTotals([totalsOf('a', 9, 11), totalsOf('c', 9, 33, 3), totalsOf('new-2', 9, 6)])).toMatchObject({ written: 3 })
    expect(await store.putTotals([totalsOf('a', 10, 12), totalsOf('c', 10, 34, 4), totalsOf('new-2', 10, 7)])).toMatchObject({ written: 3 })
    expect(await shownBy(store)).toMatchObject({ a: [12, 0, 10], c: [34, 4, 10], 'new-2': [1_007, 0, 10] })
  })

  test('a row that is deleted between two totals is an orphan, not a new row', async () => {
    const { url, execute } = await fresh()
    await using store = await SqlCatalogStore.open({ url, catalogs })
    await store.putRows(film, rowsOf(['a', 'b']))
    await store.putTotals([totalsOf('a', 1, 1), totalsOf('b', 1, 1)])
    await store.putTotals([totalsOf('a', 2, 2), totalsOf('b', 2, 2)])
    await execute(`DELETE FROM films WHERE id = 'b'`)
    expect(await store.putTotals([totalsOf('a', 3, 3), totalsOf('b', 3, 3)])).toEqual({ written: 1, stale: 0, orphans: ['b'] })
    expect(await shownBy(store)).toEqual({ a: [3, 0, 3] })
  })
}

describe('on SQLite', () => suite(freshSqlite))

describeWithServer('mysql', 'on MySQL', (server) => {
  suite(() => freshMysql(server))

  test.each([
    ['has a unique index of its own', 'code VARCHAR(8) NOT NULL DEFAULT \'x\', UNIQUE (code, id)', []],
    ['asks for a column', 'code VARCHAR(8) NOT NULL', []],
    ['has a trigger', 'code VARCHAR(8)', ['CREATE TRIGGER refuse BEFORE INSERT ON films FOR EACH ROW SET NEW.id = IF(NEW.views > 0, \'other\', NEW.id)']],
  ])('totals rise also in a table that was there before us and %s', async (_, column, more) => {
    const { url, execute } = await freshMysql(server)
    await execute(`CREATE TABLE films (tenant VARCHAR(64) NOT NULL, id VARCHAR(64) NOT NULL, title VARCHAR(99), ${column}, PRIMARY KEY (tenant, id))`)
    await using store = await SqlCatalogStore.open({ url, catalogs })
    await execute(...more)
    await using again = await SqlCatalogStore.open({ url, catalogs })
    for (const id of ['a', 'b']) await execute(`INSERT INTO films (tenant, id, title, code) VALUES ('default', '${id}', 'Film', '${id}')`)
    for (let seq = 1; seq < 4; seq++) {
      expect(await again.putTotals([totalsOf('a', seq, seq), totalsOf('b', seq, 2 * seq)])).toMatchObject({ written: 2 })
    }
    expect(await shownBy(store)).toEqual({ a: [3, 0, 3], b: [6, 0, 3] })
  })
})
