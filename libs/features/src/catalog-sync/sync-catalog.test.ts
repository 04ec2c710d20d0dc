import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { CatalogStore, EntityTotals, RollupStore } from '@tallyfleet/ports'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { checkParity } from '../parity/check-parity.ts'
import { openSpine, type Spine } from '../spine.fixture.ts'
import { syncCatalog } from './sync-catalog.ts'

const films = { tenant: 'default', domain: 'jav', entityType: 'movie' }

let spine: Spine
beforeEach(async () => { spine = await openSpine() })
afterEach(async () => { await spine[Symbol.asyncDispose]() })

/** As the table's owner does it, who knows nothing of the engine. */
function insert(id: string, views: number, downloads: number): void {
  using database = new DatabaseSync(join(spine.home, 'catalog.sqlite'))
  database.prepare('INSERT INTO jav (tenant, id, title, views, downloads) VALUES (?, ?, ?, ?, ?)')
    .run('default', id, id, views, downloads)
}
const rowOf = async (id: string) => (await spine.needs.catalog.listRows(films, [id]))[0]

test('rows of the table\'s owner keep their numbers as openings, counted or not, before and after the counts', async () => {
  insert('before', 1_000, 7)
  await spine.send(['before', 'after', 'after'])
  await spine.flush('one')
  await spine.sync()
  insert('after', 50, 0)
  insert('uncounted', 5, 6)
  expect(await checkParity(spine.needs)).toMatchObject({ equal: true })

  await spine.sync()
  expect(await rowOf('before')).toMatchObject({ totals: { view: 1_001, download: 7 }, opening: { view: 1_000, download: 7 } })
  expect(await rowOf('after')).toMatchObject({ totals: { view: 52, download: 0 }, opening: { view: 50, download: 0 } })
  expect(await rowOf('uncounted')).toMatchObject({ totals: { view: 5, download: 6 }, opening: { view: 5, download: 6 } })
  expect(await spine.needs.segments.count(films, [])).toBe(3)
  expect(await checkParity(spine.needs)).toMatchObject({ equal: true, stores: { catalog: { compared: 6 }, segments: { compared: 6 } } })

  expect(await syncCatalog(spine.needs)).toMatchObject({ bound: 0, written: 0 })
})

test('a sync that cannot read on ends after what it was writing, and moves no mark beyond that', async () => {
  const of = { tenant: 'default', domain: 'jav', entityType: 'movie', seq: 1, counts: {} }
  const totals = Array.from({ length: 33_000 }, (_, n): EntityTotals => ({ ...of, entityId: `f-${n}`, shard: 0 }))
  const steps: string[] = []
  const taken = Promise.withResolvers<void>()
  const rollups = {
    listLatestManifests: async () => [0, 1].map((shard) => ({ shard, n: 1, state: 'done' })),
    async listChangedTotals(shard: number, _after: number, _upTo: number, limit: number, cursor = '0') {
      if (shard === 1) {
        setTimeout(() => taken.resolve(), 50)
        throw new Error('cannot read')
      }
      const page = totals.slice(Number(cursor), Number(cursor) + limit)
      return { totals: page, cursor: page.length === limit ? String(Number(cursor) + limit) : undefined }
    },
  } as Partial<RollupStore> as RollupStore
  const catalog = {
    listMarks: async () => new Map(),
    putMarks: async (marks: ReadonlyMap<number, number>) => { steps.push(`marks of ${[...marks.keys()]}`) },
    async putTotals(some: readonly EntityTotals[]) {
      await taken.promise
      steps.push(`wrote ${some.length}`)
      return { written: some.length, stale: 0, orphans: [] }
    },
  } as Partial<CatalogStore> as CatalogStore
  await expect(syncCatalog({ rollups, catalog, packs: spine.needs.packs })).rejects.toThrow('cannot read')
  expect(steps).toEqual(['wrote 32000'])
})
