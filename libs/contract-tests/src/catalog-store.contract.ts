import { catalogsOf, definePack, shardOf } from '@tallyfleet/domain'
import type { CatalogOf, CatalogRow, CatalogStore, EntityTotals } from '@tallyfleet/ports'
import { describe, expect } from 'vitest'
import { promisesOf, type Opened, type Skips } from './promise.ts'

/** How a suite gets a store: on a fresh database in which `statements` ran before the store was opened. */
export type OpenCatalog = (setup: { catalogs: ReturnType<typeof catalogsOf>; statements: readonly string[] }) =>
  Promise<Opened<CatalogStore> & {
    /** Runs plain SQL behind the store's back. */
    execute: (statement: string) => Promise<void>
  }>

const totals = { view: 'views', download: 'downloads' }
const shop = definePack({
  domain: 'shop',
  title: 'Shop',
  description: 'What the suite maps',
  entityTypes: {
    item: {
      title: 'Item',
      catalog: {
        table: 'shop_items', key: { column: 'id', maxLength: 64 }, tenantColumn: 'tenant', titleColumn: 'title', totals,
        columns: {
          title: { type: 'string' }, text: { type: 'text' }, size: { type: 'integer' }, weight: { type: 'number' },
          sold: { type: 'boolean', dimension: true }, made: { type: 'date' }, seen: { type: 'datetime' },
          tags: { type: 'list', dimension: true }, extra: { type: 'json' },
        },
      },
    },
    part: {
      title: 'Part',
      catalog: {
        table: 'shop_parts', key: { column: 'number', type: 'integer' }, tenantColumn: 'tenant', titleColumn: 'name',
        totals, columns: {},
      },
    },
    film: {
      title: 'A table the user has already',
      catalog: {
        table: 'old_films', managed: false, key: { column: 'code' }, titleColumn: 'name',
        totals: { view: 'hits', download: 'loads' }, columns: { rating: { type: 'number' } },
      },
    },
    clip: {
      title: 'Another, whose numbers do not count',
      catalog: {
        table: 'old_clips', managed: false, key: { column: 'id', type: 'integer' }, titleColumn: 'name',
        opening: 'zero', totals: { view: 'hits' }, columns: {},
      },
    },
  },
  actions: { view: { title: 'View' }, download: { title: 'Download' } },
})

const statements = [
  `CREATE TABLE old_films (code VARCHAR(64) NOT NULL PRIMARY KEY, name VARCHAR(100), hits INT NOT NULL DEFAULT 0,
    loads INT, rating DOUBLE, owner VARCHAR(20) NOT NULL DEFAULT 'me')`,
  `INSERT INTO old_films (code, name, hits, loads, rating, owner) VALUES
    ('f-1', 'One', 100, NULL, 4.5, 'ann'), ('f-2', 'Two', 7, 3, NULL, 'bob')`,
  'CREATE TABLE old_clips (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(100), hits INT NOT NULL)',
  `INSERT INTO old_clips (id, name, hits) VALUES (1, 'One', 50), (2, 'Two', 0)`,
]

/** Every CatalogStore passes this. */
export function catalogStoreContract(adapter: string, open: OpenCatalog, skips: Skips = {}): void {
  describe(`CatalogStore contract: ${adapter}`, () => {
    let execute: (statement: string) => Promise<void>
    const holds = promisesOf(async () => {
      const opened = await open({ catalogs: catalogsOf(new Map([['shop', shop]])), statements })
      execute = opened.execute
      return opened
    }, skips)

    const item: CatalogOf = { tenant: 'default', domain: 'shop', entityType: 'item' }
    const part: CatalogOf = { ...item, entityType: 'part' }
    const film: CatalogOf = { ...item, entityType: 'film' }
    const clip: CatalogOf = { ...item, entityType: 'clip' }
    const get = async (store: CatalogStore, of: CatalogOf, id: string): Promise<CatalogRow> => {
      const rows = await store.listRows(of, [id])
      expect(rows.map((row) => row.id)).toEqual([id])
      return rows[0]!
    }

    holds('a row comes back as it was put, with every type of column', async (store, again) => {
      const columns = {
        title: 'Käse "1" \\ 😀', text: 'x'.repeat(70_000), size: -9_007_199_254_740_991, weight: 0.1, sold: true,
        made: '2024-02-29', seen: '2026-11-21T10:00:00.123Z',
        tags: ['b', 'a', 'ü"'], extra: { deep: [1, null, { a: '' }] },
      }
      expect(await store.putRows(item, [{ id: 'i-1', columns }])).toEqual({ inserted: 1, updated: 0 })
      const row = await get(await again(), item, 'i-1')
      expect(row).toEqual({
        ...item, id: 'i-1', title: columns.title, columns, totals: { view: 0, download: 0 },
        opening: { view: 0, download: 0 },
        version: 0, revision: row.revision, shard: shardOf({ ...item, entityId: 'i-1' }),
      })
      expect(row.revision).toBeGreaterThan(0)
    })

    holds('columns that are absent keep their value, null clears it', async (store) => {
      await store.putRows(item, [{ id: 'i-1', columns: { title: 'One', size: 1, sold: false } }])
      expect(await store.putRows(item, [{ id: 'i-1', columns: { size: 2, sold: null } }, { id: 'i-2', columns: {} }]))
        .toEqual({ inserted: 1, updated: 1 })
      expect((await get(store, item, 'i-1')).columns).toMatchObject({ title: 'One', size: 2, sold: null, tags: null })
      expect((await get(store, item, 'i-2')).title).toBeNull()
      expect(await store.putRows(item, [{ id: 'i-1', columns: {} }])).toEqual({ inserted: 0, updated: 1 })
    })

    holds('an instant with an offset comes back in UTC', async (store) => {
      await store.putRows(item, [{ id: 'i-1', columns: { seen: '2026-11-21T00:30:00+02:00' } }])
      expect((await get(store, item, 'i-1')).columns.seen).toBe('2026-11-20T22:30:00.000Z')
    })

    holds('every fault in the rows is named, and nothing is written', async (store) => {
      const put = store.putRows(item, [
        { id: 'good', columns: { size: 1 } },
        { id: 'i-1', columns: { none: 1, views: 3, tenant: 'x', id: 'y', 'a/b~': 1 } },
        {
          id: 'i-2',
          columns: { made: '2026-02-30', tags: ['a', 1], size: 1.5, sold: 1, seen: 'today', title: 'x'.repeat(256) },
        },
        { id: 'a ', columns: {} },
        { id: 'x'.repeat(65), columns: {} },
      ])
      const error = await put.then(() => undefined, (cause) => cause)
      expect(error).toMatchObject({ code: 'FIELD_INVALID' })
      expect(error.details.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual([
        ...['none', 'views', 'tenant', 'id', 'a~1b~0'].map((name) => `/1/columns/${name}`),
        ...['made', 'tags', 'size', 'sold', 'seen', 'title'].map((name) => `/2/columns/${name}`), '/3/id', '/4/id',
      ])
      expect(await store.scanRows(item, undefined, 10)).toEqual([])
      expect(await store.listRevisions()).toEqual(new Map())
      await expect(store.putRows(part, [{ id: 'abc', columns: {} }])).rejects.toMatchObject({ code: 'FIELD_INVALID' })
      await expect(store.putRows({ ...item, entityType: 'none' }, []))
        .rejects.toMatchObject({ code: 'ENTITY_TYPE_UNKNOWN' })
    })

    holds('columns are listed by key for one tenant, those that are asked for alone', async (store) => {
      await store.putRows(item, [
        { id: 'b', columns: { title: 'Two', tags: ['x', 'y'], size: 3 } }, { id: 'a', columns: { tags: [] } },
      ])
      await store.putRows({ ...item, tenant: 'acme' }, [{ id: 'c', columns: { title: 'acme' } }])
      expect(await store.listColumns(item, ['tags', 'none', 'id'], 10)).toEqual([
        { id: 'a', title: null, columns: { tags: [] } }, { id: 'b', title: 'Two', columns: { tags: ['x', 'y'] } },
      ])
      expect(await store.listColumns(item, [], 1)).toEqual([{ id: 'a', title: null, columns: {} }])
      const many = Array.from({ length: 2_100 }, (_, index) => String(index).padStart(5, '0'))
      await store.putRows({ ...item, tenant: 'many' }, many.map((id) => ({ id, columns: { title: id } })))
      const listed = await store.listColumns({ ...item, tenant: 'many' }, [], 5_000)
      expect(listed.map(({ title }) => title)).toEqual(many)
      await expect(store.listColumns({ ...item, entityType: 'none' }, [], 1))
        .rejects.toMatchObject({ code: 'ENTITY_TYPE_UNKNOWN' })
    })

    holds('totals are written once for each version; the same and an older one change nothing', async (store) => {
      await store.putRows(item, [{ id: 'i-1', columns: { title: 'One' } }])
      expect(await store.putTotals([totalsOf(item, 'i-1', 3, 5, 2)])).toEqual({ written: 1, stale: 0, orphans: [] })
      const row = await get(store, item, 'i-1')
      expect(row).toMatchObject({ totals: { view: 5, download: 2 }, version: 3, title: 'One' })
      const revisions = await store.listRevisions()

      expect(await store.putTotals([totalsOf(item, 'i-1', 3, 5, 2)])).toEqual({ written: 0, stale: 1, orphans: [] })
      expect(await store.putTotals([totalsOf(item, 'i-1', 2, 4, 9)])).toEqual({ written: 0, stale: 1, orphans: [] })
      expect(await get(store, item, 'i-1')).toEqual(row)
      expect(await store.listRevisions()).toEqual(revisions)

      expect(await store.putTotals([totalsOf(item, 'i-1', 4, 6, 2)])).toMatchObject({ written: 1 })
      expect(await get(store, item, 'i-1')).toMatchObject({ totals: { view: 6, download: 2 }, version: 4 })
    })

    holds('of two totals of an entity in one call the newer counts', async (store) => {
      await store.putRows(item, [{ id: 'i-1', columns: {} }])
      expect(await store.putTotals([totalsOf(item, 'i-1', 4, 9), totalsOf(item, 'i-1', 3, 5)]))
        .toEqual({ written: 1, stale: 1, orphans: [] })
      expect(await get(store, item, 'i-1')).toMatchObject({ totals: { view: 9 }, version: 4 })
    })

    holds('put rows leave totals, version and opening alone', async (store) => {
      await store.putTotals([totalsOf(film, 'f-1', 3, 5)])
      const before = await get(store, film, 'f-1')
      await store.putRows(film, [{ id: 'f-1', columns: { name: 'Changed', rating: 1 } }])
      const after = await get(store, film, 'f-1')
      expect(after).toEqual({ ...before, title: 'Changed', columns: { rating: 1 }, revision: after.revision })
      expect(after.revision).toBeGreaterThan(before.revision)
    })

    holds('handles that sync at once end at the newest totals', async (store, again) => {
      const handles = [store, await again()]
      const ids = Array.from({ length: 40 }, (_, index) => `i-${index}`)
      await store.putRows(item, ids.map((id) => ({ id, columns: { title: id } })))
      await Promise.all(Array.from({ length: 12 }, (_, index) => {
        const seq = 1 + ((index * 5) % 12) // every seq once, in no order
        const shuffled = index % 2 === 0 ? ids : ids.toReversed()
        return handles[index % 2]!.putTotals(shuffled.map((id) => totalsOf(item, id, seq, seq * 10, seq)))
      }))
      for (const row of await store.listRows(item, ids)) {
        expect(row).toMatchObject({ totals: { view: 120, download: 12 }, version: 12 })
      }
    })

    holds('handles that put the same new rows at once insert each once', async (store, again) => {
      const handles = [store, await again()]
      const rows = Array.from({ length: 30 }, (_, index) => ({ id: `i-${index}`, columns: { size: index } }))
      const results = await Promise.all(Array.from({ length: 6 }, (_, index) =>
        handles[index % 2]!.putRows(item, rows)))
      expect(results.reduce((sum, { inserted }) => sum + inserted, 0)).toBe(30)
      expect(results.reduce((sum, { updated }) => sum + updated, 0)).toBe(150)
      expect(await store.scanRows(item, undefined, 100)).toHaveLength(30)
    })

    holds('totals without a row, or whose id does not fit the key, are orphans', async (store) => {
      await store.putRows(item, [{ id: 'a', columns: {} }])
      await store.putRows(part, [{ id: '12', columns: {} }])
      const of = (catalog: CatalogOf, ids: string[]) => store.putTotals(ids.map((id) => totalsOf(catalog, id, 1, 1)))
      expect(await of(item, ['none', 'A', 'a ', 'á', 'x'.repeat(65)])).toMatchObject({ written: 0, stale: 0 })
      const unfit = ['abc', '012', '12abc', '12.0', '1e1', '+12', ' 12', '99999999999999999999', '13']
      expect((await of(part, unfit)).orphans.sort()).toEqual(unfit.toSorted())
      expect(await store.putTotals([totalsOf({ ...film, tenant: 'acme' }, 'f-1', 1, 1)]))
        .toMatchObject({ orphans: ['f-1'] })
      expect(await of(part, ['12'])).toEqual({ written: 1, stale: 0, orphans: [] })
      expect(await get(store, item, 'a')).toMatchObject({ totals: { view: 0 }, version: 0 })
      expect(await get(store, film, 'f-1')).toMatchObject({ totals: { view: 100 } })
    })

    holds('totals of an entity type without a catalog are passed over', async (store) => {
      expect(await store.putTotals([totalsOf({ ...item, entityType: 'page' }, 'p', 1, 1)]))
        .toEqual({ written: 0, stale: 0, orphans: [] })
    })

    holds('ids and tenants are equal only when their bytes are', async (store) => {
      await store.putRows(item, ['a', 'A', 'á', 'ä'].map((id) => ({ id, columns: { title: id } })))
      await store.putRows({ ...item, tenant: 'acme' }, [{ id: 'a', columns: { title: 'acme' } }])
      expect((await store.scanRows(item, undefined, 10)).map(({ id }) => id)).toEqual(['A', 'a', 'á', 'ä'])
      expect(await store.listRows(item, ['a ', 'a\u0301', '', 'b'])).toEqual([])
      await store.putTotals([totalsOf(item, 'á', 1, 7), totalsOf({ ...item, tenant: 'acme' }, 'a', 1, 8)])
      expect((await store.listRows(item, ['A', 'a', 'á'])).map((row) => row.totals.view)).toEqual([0, 0, 7])
      expect((await get(store, { ...item, tenant: 'acme' }, 'a')).totals.view).toBe(8)
      expect(await store.listTenants('shop', 'item')).toEqual(['acme', 'default'])
      expect(await store.listTenants('shop', 'film')).toEqual(['default'])
      expect(await store.listTenants('shop', 'part')).toEqual([])
    })

    holds('what a column held before is its opening, kept and added', async (store) => {
      expect(await get(store, film, 'f-1')).toMatchObject({ totals: { view: 100 }, opening: { view: 0 }, revision: 0 })
      expect(await store.putTotals([totalsOf(film, 'f-1', 1, 5, 1), totalsOf(film, 'f-2', 1, 0, 1)]))
        .toMatchObject({ written: 2 })
      expect(await get(store, film, 'f-1')).toMatchObject({
        title: 'One', columns: { rating: 4.5 }, totals: { view: 105, download: 1 }, opening: { view: 100, download: 0 },
      })
      expect(await get(store, film, 'f-2'))
        .toMatchObject({ totals: { view: 7, download: 4 }, opening: { view: 7, download: 3 } })
      await store.putTotals([totalsOf(film, 'f-1', 2, 6, 1)])
      expect(await get(store, film, 'f-1'))
        .toMatchObject({ totals: { view: 106 }, opening: { view: 100, download: 0 } })
    })

    holds('a mapping that starts from zero overwrites what was there', async (store) => {
      await store.putTotals([totalsOf(clip, '1', 0), totalsOf(clip, '2', 4, 3)])
      expect(await get(store, clip, '1')).toMatchObject({ totals: { view: 0 }, opening: { view: 0 } })
      expect(await get(store, clip, '2')).toMatchObject({ totals: { view: 3 }, opening: { view: 0 } })
    })

    holds('rows that totals have not met are listed, and totals of nothing bind them', async (store) => {
      expect(await store.listUnbound(film, 10)).toEqual(['f-1', 'f-2'])
      expect(await store.listUnbound(film, 1)).toEqual(['f-1'])
      expect(await store.putTotals([totalsOf(film, 'f-1', 0)])).toMatchObject({ written: 0, orphans: [] })
      expect(await get(store, film, 'f-1')).toMatchObject({ totals: { view: 100 }, opening: { view: 100 }, version: 0 })
      expect(await store.listUnbound(film, 10)).toEqual(['f-2'])

      await store.putRows(item, [{ id: 'i-1', columns: {} }]) // a crash before its totals leaves it here
      expect(await store.listUnbound(item, 10)).toEqual(['i-1'])
      await store.putTotals([totalsOf(item, 'i-1', 7, 1)])
      expect(await store.listUnbound(item, 10)).toEqual([])
      expect(await store.listUnbound({ ...film, tenant: 'acme' }, 10)).toEqual([])
    })

    holds('a row inserted behind the back is bound by the next totals', async (store) => {
      expect(await store.putTotals([totalsOf(film, 'f-3', 5, 2)])).toMatchObject({ orphans: ['f-3'] })
      await execute(`INSERT INTO old_films (code, name, hits) VALUES ('f-3', 'Three', 40)`)
      expect(await store.listUnbound(film, 10)).toContain('f-3')
      expect(await store.putTotals([totalsOf(film, 'f-3', 5, 2)])).toMatchObject({ written: 1 })
      expect(await get(store, film, 'f-3')).toMatchObject({ totals: { view: 42 }, opening: { view: 40 }, version: 5 })
    })

    holds('a row that was deleted and inserted again shows its totals after the next sync', async (store) => {
      await store.putTotals([totalsOf(film, 'f-1', 5, 2)])
      const { revision } = await get(store, film, 'f-1')
      await execute(`DELETE FROM old_films WHERE code = 'f-1'`)
      expect(await store.putTotals([totalsOf(film, 'f-1', 6, 3)])).toMatchObject({ orphans: ['f-1'] })
      await execute(`INSERT INTO old_films (code, name) VALUES ('f-1', 'New')`)
      expect(await store.putTotals([totalsOf(film, 'f-1', 5, 2)])).toEqual({ written: 1, stale: 0, orphans: [] })
      const row = await get(store, film, 'f-1')
      expect(row).toMatchObject({ totals: { view: 102, download: 0 }, title: 'New' })
      expect(row.revision).toBeGreaterThan(revision)
    })

    holds('rows whose key is no id are neither listed nor unbound', async (store) => {
      await execute(`INSERT INTO old_films (code, name) VALUES (' a', 'a space'), ('..', 'a path')`)
      expect(await store.listUnbound(film, 10)).toEqual(['f-1', 'f-2'])
      expect(await store.listUnbound(film, 1)).toEqual(['f-1'])
      expect((await store.scanRows(film, undefined, 1)).map(({ id }) => id)).toEqual(['f-1'])
    })

    holds('a user\'s own columns and rows stay as they are', async (store) => {
      await store.putRows(film, [
        { id: 'f-1', columns: { name: 'Uno' } }, { id: 'f-9', columns: { name: 'Nine', rating: 2 } },
      ])
      await store.putTotals([totalsOf(film, 'f-1', 1, 1), totalsOf(film, 'f-9', 1, 4)])
      // The table takes these only if its own columns are still there and still hold what they held.
      await execute(`UPDATE old_films SET rating = 3 WHERE owner = 'ann'`)
      expect((await store.listRows(film, ['f-1', 'f-2', 'f-9'])).map((row) => row.columns.rating)).toEqual([3, null, 2])
      expect((await store.listRows(film, ['f-2']))[0]).toMatchObject({ title: 'Two', totals: { view: 7, download: 3 } })
      expect((await store.listRows(film, ['f-9']))[0]).toMatchObject({ totals: { view: 4 }, opening: { view: 0 } })
      await expect(store.putRows({ ...film, tenant: 'acme' }, [{ id: 'f-1', columns: {} }]))
        .rejects.toMatchObject({ code: 'FIELD_INVALID' })
    })

    holds('scan goes through all rows in key order, page by page', async (store) => {
      await store.putRows(part, [30, 4, 100, -5].map((id) => ({ id: String(id), columns: { name: `n${id}` } })))
      const first = await store.scanRows(part, undefined, 3)
      expect(first.map(({ id }) => id)).toEqual(['-5', '4', '30'])
      expect((await store.scanRows(part, '30', 3)).map(({ id, title }) => [id, title])).toEqual([['100', 'n100']])
      expect(await store.scanRows(part, '100', 3)).toEqual([])
      expect(await store.scanRows({ ...part, tenant: 'acme' }, undefined, 3)).toEqual([])
      await expect(store.scanRows(part, 'abc', 3)).rejects.toMatchObject({ code: 'CURSOR_INVALID' })
    })

    holds('changes of a shard are listed by revision, and paging misses none', async (store) => {
      const shard = shardOf({ ...item, entityId: 'i-0' })
      const ids = Array.from({ length: 2_500 }, (_, index) => `i-${index}`)
        .filter((id) => shardOf({ ...item, entityId: id }) === shard)
      await store.putRows(item, ids.map((id) => ({ id, columns: { title: id } })))
      const upTo = (await store.listRevisions()).get(shard)!
      const page = (after: number, upTo: number) => store.listChanged(shard, after, upTo, 2)
      const seen: CatalogRow[] = []
      for (let rows = await page(0, upTo); rows.length > 0; rows = await page(rows.at(-1)!.revision, upTo)) {
        seen.push(...rows)
      }
      expect(seen.map(({ id }) => id).sort()).toEqual([...ids].sort())
      expect(new Set(seen.map(({ revision }) => revision)).size).toBe(ids.length)
      expect(seen.map(({ revision }) => revision)).toEqual(seen.map(({ revision }) => revision).sort((a, b) => a - b))

      await store.putTotals([totalsOf(item, ids[0]!, 1, 3)])
      const now = (await store.listRevisions()).get(shard)!
      expect(await store.listChanged(shard, upTo, now, 10)).toEqual([await get(store, item, ids[0]!)])
      expect((await store.listChanged(shard, 0, upTo, 100)).map(({ id }) => id)).not.toContain(ids[0])
      expect(await store.listChanged(shard, now, now, 10)).toEqual([])
    })

    holds('a change list reaches past rows that were deleted', async (store) => {
      const shard = shardOf({ ...film, entityId: 'f-0' })
      const ids = Array.from({ length: 2_000 }, (_, index) => `f-${index}`)
        .filter((id) => shardOf({ ...film, entityId: id }) === shard).slice(0, 5)
      for (const id of ids) await store.putRows(film, [{ id, columns: {} }])
      await execute(`DELETE FROM old_films WHERE code IN (${ids.slice(0, 4).map((id) => `'${id}'`).join(', ')})`)
      expect((await store.listChanged(shard, 0, 1_000, 2)).map(({ id }) => id)).toEqual([ids[4]])
    })

    holds('a reader that saw a revision has seen everything below it', async (store, again) => {
      const shard = shardOf({ ...item, entityId: 'i-0' })
      const ids = Array.from({ length: 5_000 }, (_, index) => `i-${index}`)
        .filter((id) => shardOf({ ...item, entityId: id }) === shard).slice(0, 12)
      const writer = await again()
      let writing = true
      const writes = Promise.all(ids.map((id, index) =>
        (index % 2 ? store : writer).putRows(item, [{ id, columns: {} }]))).finally(() => { writing = false })
      const reader = await again()
      const seen = new Set<string>()
      let after = 0
      for (let last = false; !last;) {
        last = !writing
        const rows = await reader.listChanged(shard, after, Number.MAX_SAFE_INTEGER, 100)
        for (const { id } of rows) seen.add(id)
        after = rows.at(-1)?.revision ?? after
        await new Promise(setImmediate)
      }
      await writes
      expect([...seen].sort()).toEqual([...ids].sort())
    })

    holds('marks never go down', async (store, again) => {
      expect(await store.listMarks()).toEqual(new Map())
      await store.putMarks(new Map([[0, 5], [255, 7]]))
      await (await again()).putMarks(new Map([[0, 3], [255, 8], [7, 1]]))
      await store.putMarks(new Map())
      expect(await store.listMarks()).toEqual(new Map([[0, 5], [7, 1], [255, 8]]))
    })

    holds('a catalog of 1,682 rows is put, synced and read in seconds', async (store) => {
      const ids = Array.from({ length: 1_682 }, (_, index) => String(index + 1))
      const from = performance.now()
      const rowOf = (id: string) => ({ id, columns: { title: `T ${id}`, tags: ['a', 'b'], made: '1995-01-01' } })
      expect(await store.putRows(item, ids.map(rowOf))).toEqual({ inserted: 1_682, updated: 0 })
      expect(await store.putTotals(ids.map((id) => totalsOf(item, id, 1, Number(id)))))
        .toMatchObject({ written: 1_682 })
      expect(await store.listUnbound(item, 10)).toEqual([])
      const rows = await store.listRows(item, ids)
      expect(performance.now() - from).toBeLessThan(15_000)
      expect(rows.map(({ id }) => id)).toEqual(ids)
      expect(rows.every(({ id, totals }) => totals.view === Number(id))).toBe(true)
    })

    holds('a closed store rejects with STORE_UNAVAILABLE', async (store) => {
      await store[Symbol.asyncDispose]()
      const closed = { code: 'STORE_UNAVAILABLE' }
      await expect(store.listMarks()).rejects.toMatchObject(closed)
      await expect(store.listRows(item, ['a'])).rejects.toMatchObject(closed)
      await expect(store.putTotals([totalsOf(item, 'a', 1, 1)])).rejects.toMatchObject(closed)
      await expect(store.putRows(item, [{ id: 'a', columns: {} }])).rejects.toMatchObject(closed)
    })
  })
}

function totalsOf(of: CatalogOf, entityId: string, seq: number, views = 0, downloads = 0): EntityTotals {
  const counts: EntityTotals['counts'] = {}
  if (views) counts.view = { count: views, seconds: 999 }
  if (downloads) counts.download = { count: downloads }
  const { tenant, domain, entityType } = of
  return { tenant, domain, entityType, entityId, shard: shardOf({ tenant, domain, entityType, entityId }), seq, counts }
}
