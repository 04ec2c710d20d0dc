import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
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
