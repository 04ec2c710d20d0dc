import { catalogsOf, definePack, shardOf, type PackInput } from '@tallyfleet/domain'
import { describeWithServer } from '@tallyfleet/testing'
import { describe, expect, test } from 'vitest'
import { SqlCatalogStore } from './catalog-store.ts'
import { freshMysql, freshSqlite, type FreshDatabase } from './sql-database.fixture.ts'

type MappingInput = NonNullable<PackInput['entityTypes'][string]['catalog']>

const managed: MappingInput = {
  table: 'films', key: { column: 'id' }, tenantColumn: 'tenant', titleColumn: 'title', totals: { view: 'views' },
  columns: { title: { type: 'string' }, tags: { type: 'list' } },
}
const unmanaged: MappingInput = {
  table: 'old', managed: false, key: { column: 'code', maxLength: 8 }, titleColumn: 'name', totals: { view: 'hits' },
  columns: { rating: { type: 'number' } },
}

function catalogs(catalog: MappingInput, domain = 'shop'): ReturnType<typeof catalogsOf> {
  const actions = { view: { title: 'View' }, like: { title: 'Like' } }
  return catalogsOf(new Map([[domain, definePack({
    domain, title: 'Shop', description: 'Shop', actions, entityTypes: { film: { title: 'Film', catalog } },
  })]]))
}

const film = { tenant: 'default', domain: 'shop', entityType: 'film' }

function totalsOf(entityId: string, seq: number, counts: Record<string, number>) {
  return {
    ...film, entityId, seq, shard: shardOf({ ...film, entityId }),
    counts: Object.fromEntries(Object.entries(counts).map(([action, count]) => [action, { count }])),
  }
}

describe('mapped tables on SQLite', () => suite(freshSqlite))

describeWithServer('mysql', 'mapped tables on MySQL', (server) => {
  suite(() => freshMysql(server))

  test('a table that knows no case and no trailing space still tells ids apart', async () => {
    const { url, execute } = await freshMysql(server)
    await execute(
      `CREATE TABLE old (code VARCHAR(20) COLLATE utf8mb4_general_ci PRIMARY KEY, name TEXT, hits INT NOT NULL,
        rating DOUBLE)`,
      `INSERT INTO old VALUES ('a', 'a', 1, 1), ('B ', 'b', 1, 1)`)
    await using store = await SqlCatalogStore.open({ url, catalogs: catalogs(unmanaged) })
    expect(await store.putTotals(['A', 'á', 'B'].map((id) => totalsOf(id, 1, { view: 9 }))))
      .toEqual({ written: 0, stale: 0, orphans: expect.arrayContaining(['A', 'á', 'B']) })
    expect(await store.listRows(film, ['A', 'b', 'B'])).toEqual([])
    expect(await store.putTotals([totalsOf('a', 1, { view: 9 })])).toMatchObject({ written: 1 })
    expect((await store.scanRows(film, undefined, 10)).map(({ id, totals }) => [id, totals.view])).toEqual([['a', 10]])
  })

  test('totals find a row by its key alone, whatever other indexes and needs its table has', async () => {
    const { url, execute } = await freshMysql(server)
    await execute(
      `CREATE TABLE old (code VARBINARY(20) PRIMARY KEY, name TEXT, hits INT UNSIGNED UNIQUE, rating DECIMAL(4,2),
        needed INT NOT NULL, data JSON)`,
      `INSERT INTO old VALUES ('a', 'a', 1, 1.25, 1, '{}'), ('b', 'b', 2, NULL, 1, NULL)`)
    await using store = await SqlCatalogStore.open({ url, catalogs: catalogs(unmanaged) })
    expect(await store.putTotals([totalsOf('a', 1, { view: 4 }), totalsOf('b', 1, { view: 4 })]))
      .toMatchObject({ written: 2 })
    expect((await store.listRows(film, ['a', 'b'])).map(({ totals, columns }) => [totals.view, columns.rating]))
      .toEqual([[5, 1.25], [6, null]])
  })
})

function suite(fresh: () => Promise<FreshDatabase>): void {
  test('a managed table gains the columns that its mapping gains, and keeps its rows', async () => {
    const { url } = await fresh()
    await using before = await SqlCatalogStore.open({ url, catalogs: catalogs(managed) })
    await before.putRows(film, [{ id: 'a', columns: { title: 'A' } }])
    await before.putTotals([totalsOf('a', 3, { view: 2, like: 7 })])
    expect(await before.listUnbound(film, 10)).toEqual([])

    const columns = { ...managed.columns, year: { type: 'integer' as const } }
    await using after = await SqlCatalogStore.open({
      url, catalogs: catalogs({ ...managed, columns, totals: { view: 'views', like: 'likes' } }),
    })
    expect(await after.listUnbound(film, 10)).toEqual(['a'])
    expect(await after.putTotals([totalsOf('a', 3, { view: 2, like: 7 })])).toMatchObject({ written: 1 })
    expect(await after.listUnbound(film, 10)).toEqual([])
    await after.putRows(film, [{ id: 'a', columns: { year: 1999 } }])
    expect((await after.listRows(film, ['a']))[0]).toMatchObject({
      title: 'A', columns: { year: 1999 }, totals: { view: 2, like: 7 }, opening: { view: 0, like: 0 },
    })
    expect((await before.listRows(film, ['a']))[0]).toMatchObject({ title: 'A', totals: { view: 2 } })
  })

  test('a table that stood there before, without a tenant, belongs to default and keeps its numbers', async () => {
    const { url, execute } = await fresh()
    await execute(`CREATE TABLE films (id VARCHAR(20) NOT NULL PRIMARY KEY, title TEXT, views INTEGER)`)
    await execute(`INSERT INTO films VALUES ('a', 'A', 1000)`, `INSERT INTO films (id) VALUES ('b')`)
    await using store = await SqlCatalogStore.open({ url, catalogs: catalogs(managed) })
    expect(await store.listTenants('shop', 'film')).toEqual(['default'])
    expect(await store.putTotals([totalsOf('a', 1, { view: 4 }), totalsOf('b', 1, { view: 4 })])).toMatchObject({ written: 2 })
    expect((await store.listRows(film, ['a', 'b'])).map(({ totals, opening }) => [totals.view, opening.view])).toEqual([[1_004, 1_000], [4, 0]])
    await store.putRows(film, [{ id: 'c', columns: { title: 'C' } }])
    await expect(store.putRows({ ...film, tenant: 'other' }, [{ id: 'd', columns: {} }])).rejects.toMatchObject({ code: 'FIELD_INVALID' })
    await using again = await SqlCatalogStore.open({ url, catalogs: catalogs(managed) })
    expect((await again.scanRows(film, undefined, 10)).map(({ id }) => id)).toEqual(['a', 'b', 'c'])
  })

  test('many stores that open an empty database at once all find it ready', async () => {
    const { url } = await fresh()
    await using stores = new AsyncDisposableStack()
    const opened = await Promise.all(Array.from({ length: 6 }, () =>
      SqlCatalogStore.open({ url, catalogs: catalogs(managed) })))
    for (const store of opened) stores.use(store)
    await Promise.all(opened.map((store, index) => store.putRows(film, [{ id: `f-${index}`, columns: {} }])))
    expect(await opened[0]!.scanRows(film, undefined, 10)).toHaveLength(6)
  })

  test('a managed table takes only JSON in its lists', async () => {
    const { url, execute } = await fresh()
    await using _ = await SqlCatalogStore.open({ url, catalogs: catalogs(managed) })
    await execute(`INSERT INTO films (tenant, id, tags) VALUES ('default', 'a', '["x"]')`)
    await expect(execute(`INSERT INTO films (tenant, id, tags) VALUES ('default', 'b', 'x, y')`)).rejects.toThrow()
  })

  test('all that a user\'s own table lacks is named, and the table is left alone', async () => {
    const { url, execute } = await fresh()
    const open = () => SqlCatalogStore.open({ url, catalogs: catalogs(unmanaged) })
    await expect(open())
      .rejects.toMatchObject({ code: 'STORE_REFUSED', message: expect.stringContaining('no such table') })
    await execute('CREATE TABLE old (code VARCHAR(20) NOT NULL, name TEXT)')
    await expect(open())
      .rejects.toMatchObject({ code: 'STORE_REFUSED', message: expect.stringMatching(/old lacks hits, rating/) })
    await execute(
      'ALTER TABLE old ADD COLUMN hits INTEGER NOT NULL DEFAULT 0', 'ALTER TABLE old ADD COLUMN RATING DOUBLE')
    await expect(open()).rejects.toMatchObject({ message: expect.stringContaining('a unique index on (code)') })
    await execute('CREATE UNIQUE INDEX old_code_name ON old (code, hits)')
    await expect(open()).rejects.toMatchObject({ code: 'STORE_REFUSED' })
    await execute('CREATE UNIQUE INDEX old_code ON old (code)')
    await using store = await open()
    expect(await store.scanRows(film, undefined, 1)).toEqual([])
  })

  test('two packs share a table only with equal mappings', async () => {
    const { url } = await fresh()
    const other = { ...managed, titleColumn: 'name' }
    await expect(SqlCatalogStore.open({ url, catalogs: [...catalogs(managed), ...catalogs(other, 'other')] }))
      .rejects.toMatchObject({ code: 'STORE_REFUSED', message: expect.stringContaining('films otherwise') })
    await using _ = await SqlCatalogStore.open({ url, catalogs: [...catalogs(managed), ...catalogs(managed, 'other')] })
  })

  test('a mapping onto the engine\'s own tables, or twice onto one column, is refused', async () => {
    const { url } = await fresh()
    const open = (change: Partial<MappingInput>) =>
      SqlCatalogStore.open({ url, catalogs: catalogs({ ...managed, ...change }) })
    await expect(open({ table: 'fleet_users' })).rejects.toMatchObject({ code: 'STORE_REFUSED' })
    await expect(open({ totals: { view: 'views', like: 'Views' } })).rejects.toMatchObject({ code: 'STORE_REFUSED' })
    await expect(open({ totals: { view: 'id' } })).rejects.toMatchObject({ code: 'STORE_REFUSED' })
  })

  test('names with quotes in no dialect, but words of SQL in every one, are mapped', async () => {
    const { url } = await fresh()
    const mapping: MappingInput = {
      table: 'order', key: { column: 'key' }, tenantColumn: 'group', titleColumn: 'select', totals: { view: 'values' },
      columns: { from: { type: 'json' }, id: { type: 'string' }, t0: { type: 'integer' }, t: { type: 'number' } },
    }
    await using store = await SqlCatalogStore.open({ url, catalogs: catalogs(mapping) })
    const columns = { from: { a: 1 }, id: 'x', t0: 4, t: 0.5 }
    await store.putRows(film, [{ id: 'a', columns: { ...columns, select: 'T' } }])
    await store.putRows(film, [{ id: 'a', columns: { t0: 5 } }])
    await store.putTotals([totalsOf('a', 1, { view: 3 })])
    expect(await store.listUnbound(film, 1)).toEqual([])
    expect((await store.scanRows(film, undefined, 5))[0])
      .toMatchObject({ id: 'a', title: 'T', columns: { ...columns, t0: 5 }, totals: { view: 3 } })
  })

  test('what a user\'s column refuses is an invalid field of a row, and a refusal to take totals', async () => {
    const { url, execute } = await fresh()
    await execute(`CREATE TABLE old (code VARCHAR(20) NOT NULL PRIMARY KEY, name VARCHAR(9) NOT NULL,
      hits INTEGER NOT NULL CHECK (hits < 100), rating DOUBLE)`, `INSERT INTO old VALUES ('a', 'A', 1, NULL)`)
    await using store = await SqlCatalogStore.open({ url, catalogs: catalogs(unmanaged) })
    await expect(store.putRows(film, [{ id: 'b', columns: { rating: 1 } }]))
      .rejects.toMatchObject({ code: 'FIELD_INVALID' })
    await expect(store.putRows(film, [{ id: 'a', columns: { name: null } }]))
      .rejects.toMatchObject({ code: 'FIELD_INVALID' })
    await expect(store.putTotals([totalsOf('a', 1, { view: 99 })])).rejects.toMatchObject({ code: 'STORE_REFUSED' })
    expect((await store.listRows(film, ['a']))[0])
      .toMatchObject({ title: 'A', totals: { view: 1 }, version: 0, revision: 0 })
    expect(await store.listRevisions()).toEqual(new Map())
  })
}
