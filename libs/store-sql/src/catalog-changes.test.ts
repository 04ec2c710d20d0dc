import { catalogsOf, definePack, shardOf } from '@tallyfleet/domain'
import type { CatalogRow, CatalogStore } from '@tallyfleet/ports'
import { describeWithServer } from '@tallyfleet/testing'
import { describe, expect, test } from 'vitest'
import { SqlCatalogStore } from './catalog-store.ts'
import { openSqlDatabase, query } from './sql-database.ts'
import { freshMysql, freshSqlite, type FreshDatabase } from './sql-database.fixture.ts'

const catalogs = catalogsOf(new Map([['shop', definePack({
  domain: 'shop', title: 'Shop', description: 'Shop', actions: { view: { title: 'View' } },
  entityTypes: {
    film: {
      title: 'Film',
      catalog: {
        table: 'films', key: { column: 'id' }, tenantColumn: 'tenant', titleColumn: 'title', totals: { view: 'views' },
        columns: { title: { type: 'string' } },
      },
    },
  },
})]]))
const film = { tenant: 'default', domain: 'shop', entityType: 'film' }
const shardOfId = (entityId: string) => shardOf({ ...film, entityId })
const totalsOf = (entityId: string, seq: number, count: number) =>
  ({ ...film, entityId, seq, shard: shardOfId(entityId), counts: { view: { count } } })

/** Ids of one shard. */
function idsOf(shard: number, count: number): string[] {
  const ids: string[] = []
  for (let at = 0; ids.length < count; at++) if (shardOfId(`f-${at}`) === shard) ids.push(`f-${at}`)
  return ids
}

async function changesOf(store: CatalogStore, shard: number, after: number, limit: number): Promise<CatalogRow[]> {
  const upTo = (await store.listRevisions()).get(shard)!
  const seen: CatalogRow[] = []
  for (let page = await store.listChanged(shard, after, upTo, limit); page.length > 0;) {
    expect(page.length).toBeLessThanOrEqual(limit)
    seen.push(...page)
    page = await store.listChanged(shard, page.at(-1)!.revision, upTo, limit)
  }
  return seen
}

function suite(fresh: () => Promise<FreshDatabase>): void {
  test('rows as an earlier release left them keep opening, version and place among the changes', async () => {
    const { url, execute } = await fresh()
    const [id = '', other = ''] = idsOf(7, 2)
    {
      await using store = await SqlCatalogStore.open({ url, catalogs })
      await store.putRows(film, [{ id, columns: { title: 'One' } }, { id: other, columns: { title: 'Two' } }])
      await execute(`UPDATE films SET views = 100 WHERE id = '${id}'`)
      await store.putTotals([totalsOf(id, 5, 3), totalsOf(other, 5, 4)])
    }
    // That release knew neither the columns nor the table.
    for (const name of ['version', 'revision', 'opening']) await execute(`ALTER TABLE films DROP COLUMN fleet_${name}`)
    await execute('DROP TABLE catalog_changes', `DELETE FROM fleet_migrations WHERE name = '0011-catalog-changes'`)

    await using store = await SqlCatalogStore.open({ url, catalogs })
    const [before] = await store.listRows(film, [id])
    expect(before).toMatchObject({ totals: { view: 103 }, opening: { view: 100 }, version: 5 })
    expect((await changesOf(store, 7, 0, 1)).map(({ id }) => id).sort()).toEqual([id, other].sort())
    expect(await store.putTotals([totalsOf(id, 4, 1)])).toMatchObject({ written: 0, stale: 1 })
    for (const seq of [6, 7]) expect(await store.putTotals([totalsOf(id, seq, seq)])).toMatchObject({ written: 1 })
    expect((await store.listRows(film, [id]))[0]).toMatchObject({ totals: { view: 107 }, opening: { view: 100 }, version: 7 })
    expect((await changesOf(store, 7, before!.revision, 1)).map(({ id, version }) => [id, version])).toContainEqual([id, 7])
  })

  test('a reader sees each changed row once, by its last change, even when old changes are no longer listed', async () => {
    const { url } = await fresh()
    await using store = await SqlCatalogStore.open({ url, catalogs })
    const ids = idsOf(7, 300)
    await store.putRows(film, ids.map((id) => ({ id, columns: { title: id } })))
    const rounds = 10
    let revision = 0
    for (let round = 1; round <= rounds; round++) {
      if (round === rounds) revision = (await store.listRevisions()).get(7)!
      // A third of the rows changes for the last time where no entry tells of it any more.
      const changed = round <= 2 ? ids : ids.slice(round === rounds ? 190 : 0, 200)
      await store.putTotals(changed.map((id) => totalsOf(id, round, round)))
    }
    await using database = await openSqlDatabase(url)
    const listed = await database.run((sql) => query<{ ids: string; revision: number }>(sql, 'SELECT ids, revision FROM catalog_changes WHERE shard = 7'))
    expect(listed.reduce((sum, { ids }) => sum + JSON.parse(ids).length, 0)).toBeLessThan(7 * 200)
    expect(listed.some(({ ids }) => ids === '[]')).toBe(true)

    expect((await changesOf(store, 7, revision, 3)).map(({ id }) => id).sort()).toEqual(ids.slice(190, 200).sort())
    const all = await changesOf(store, 7, 0, 250)
    expect(all.map(({ id }) => id).sort()).toEqual(ids.toSorted())
    expect(all.map(({ revision }) => revision)).toEqual(all.map(({ revision }) => revision).sort((a, b) => a - b))
    expect(all.at(-1)!.totals).toEqual({ view: rounds })
  })

  test('an edit and a total take numbers of one row in turn', async () => {
    const { url } = await fresh()
    await using store = await SqlCatalogStore.open({ url, catalogs })
    const id = 'f-1'
    await store.putRows(film, [{ id, columns: { title: 'One' } }])
    const revisions: number[] = []
    for (let seq = 1; seq <= 3; seq++) {
      await store.putTotals([totalsOf(id, seq, seq)])
      await store.putRows(film, [{ id, columns: { title: `Title ${seq}` } }])
      const [row] = await store.listRows(film, [id])
      expect(row).toMatchObject({ title: `Title ${seq}`, totals: { view: seq }, version: seq })
      expect((await changesOf(store, shardOfId(id), revisions.at(-1) ?? 0, 10)).map(({ revision }) => revision)).toEqual([row!.revision])
      revisions.push(row!.revision)
    }
    expect(revisions).toEqual([...new Set(revisions)].sort((a, b) => a - b))
  })
}

describe('changes on SQLite', () => suite(freshSqlite))
describeWithServer('mysql', 'changes on MySQL', (server) => suite(() => freshMysql(server)))
