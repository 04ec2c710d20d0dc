import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { SqliteRollupStore } from './sqlite-rollup-store.ts'

const MOVIES = { tenant: 'default', domain: 'jav', entityType: 'movie' }
const ALL = { interval: 'total', bucket: 'all' } as const
const idOf = (n: number) => `m-${String(n).padStart(4, '0')}`
const FILMS = 1_700

let folder: string
let path: string
let store: SqliteRollupStore
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'recount-'))
  path = join(folder, 'rollups.sqlite')
  store = await SqliteRollupStore.open({ path, actions: ['view'] })
  await store.putCopies(Array.from({ length: FILMS }, (_, n) => ({
    id: `d-${n}`, of: 'entity', ...MOVIES, entityId: idOf(n), ...ALL, shard: n % 256, seq: 1, counts: { view: { count: 1 + n } },
  })))
})
afterEach(async () => {
  await store[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const faults = async () => (await Array.fromAsync(store.scanListFaults()))
  .map(({ list, entityId, expected, actual }) => [list, entityId, expected, actual])

test('entries of every page are counted again, and those that are right stay', async () => {
  const list = "(SELECT list FROM lists WHERE action = 'view')"
  {
    using database = new DatabaseSync(path)
    for (const [n, stray] of [[3, 'm-0003x'], [900, 'm-0900x'], [FILMS - 1, 'z']] as const) {
      database.exec(`UPDATE tops SET count = count + 5 WHERE list = ${list} AND entity_id = '${idOf(n)}'`)
      database.exec(`INSERT INTO tops (list, entity_id, count) VALUES (${list}, '${stray}', 7)`)
    }
    database.exec('DELETE FROM entity_counts')
  }
  expect(await faults()).toEqual([
    ['top', idOf(3), 4, 9], ['top', idOf(900), 901, 906], ['top', idOf(FILMS - 1), FILMS, FILMS + 5],
    ['top', 'm-0003x', 0, 7], ['top', 'm-0900x', 0, 7], ['top', 'z', 0, 7],
    ['entities', null, FILMS, 0],
  ])
  expect(await store.repairLists()).toBe(7)
  expect(await faults()).toEqual([])
  const top = await store.listTop(MOVIES, 'view', ALL, 1_000)
  expect(top.map(({ count }) => count)).toEqual(Array.from({ length: 1_000 }, (_, at) => FILMS - at))
  expect(await store.countEntities(MOVIES, ['view'], [ALL])).toBe(FILMS)
})
