import { afterEach, beforeEach, expect, test } from 'vitest'
import { describeWithServer, freshName } from '@tallyfleet/testing'
import type { Document } from 'mongodb'
import { MongoRollupStore } from './mongo-rollup-store.ts'
import { MAX_TOP_INDEXES, rollupIndexes } from './rollup-indexes.ts'
import { openTestDatabase, type TestDatabase } from './test-database.ts'

const many = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}_${index}`)

test('indexes stay below the 64 of a collection however many actions there are', () => {
  const names = rollupIndexes(many('action', 200)).map(({ name }) => name)
  expect(names).toHaveLength(MAX_TOP_INDEXES + 3)
  expect(names).toContain('top_action_49')
  expect(names).not.toContain('top_action_50')
})

describeWithServer('mongo', 'indexes in MongoDB', (serverUrl) => {
  let database: TestDatabase
  beforeEach(async () => { database = await openTestDatabase(serverUrl, freshName('mongo')) })
  afterEach(async () => { await database[Symbol.asyncDispose]() })

  const open = (actions: readonly string[]) => MongoRollupStore.open({ url: database.url, actions })
  const documents = () => database.client.db().collection('documents')
  const names = async () => (await documents().listIndexes().toArray()).map(({ name }) => name as string)

  test('any number of processes create them at once', async () => {
    const stores = await Promise.all(Array.from({ length: 8 }, () => open(['download', 'view'])))
    for (const store of stores) await store[Symbol.asyncDispose]()
    expect((await names()).sort()).toEqual(['_id_', 'changed', 'series', 'shard', 'top_download', 'top_view'])
  })

  test('an action that comes later gets its index, and one that went keeps it', async () => {
    for (const actions of [['view'], ['like', 'view'], ['like']]) await (await open(actions))[Symbol.asyncDispose]()
    expect(await names()).toEqual(expect.arrayContaining(['top_view', 'top_like']))
  })

  test('indexes of dropped actions make room for new ones', async () => {
    await (await open(many('old', 50)))[Symbol.asyncDispose]()
    await (await open([...many('new', 20), 'old_7']))[Symbol.asyncDispose]()
    const left = await names()
    expect(left.filter((name) => name.startsWith('top_')).sort()).toEqual([...many('top_new', 20), 'top_old_7'].sort())
  })

  test('top lists, series, changes and scans each use their index', async () => {
    await (await open(['view']))[Symbol.asyncDispose]()
    const movies = { tenant: 'default', domain: 'jav', entity_type: 'movie' }
    await documents().insertMany(Array.from({ length: 5_000 }, (_, index) => ({
      ...movies, of: 'entity', entity_id: `m-${index % 1_000}`, interval: index < 1_000 ? 'total' : 'day',
      bucket: index < 1_000 ? 'all' : `2026-11-0${Math.floor(index / 1_000)}`, shard: index % 256, seq: index % 9,
      counts: { view: { count: index } },
    })))
    const plan = async (filter: Document, sort: Record<string, 1 | -1> = {}) =>
      JSON.stringify(await documents().find({ ...filter, of: 'entity' }).sort(sort).limit(10).explain())
    const all = { ...movies, interval: 'total', bucket: 'all' }
    const days = { ...movies, interval: 'day', bucket: { $gte: '2026-11-02', $lt: '2026-11-03' } }
    const path = 'counts.view.count'
    expect(await plan({ ...all, [path]: { $gt: 0 } }, { [path]: -1, entity_id: 1 })).toContain('"top_view"')
    expect(await plan({ ...all, [path]: { $gt: 0, $lt: 9 } }, { [path]: -1, entity_id: 1 })).toContain('"top_view"')
    expect(await plan({ ...days, [path]: { $gt: 0 } })).toContain('"top_view"')
    expect(await plan({ ...days, entity_id: 'm-3' })).toContain('"series"')
    const seq = { $gt: 1, $lte: 5 }
    expect(await plan({ shard: 3, interval: 'total', seq }, { seq: 1, _id: 1 })).toContain('"changed"')
    expect(await plan({ shard: 3 })).toContain('"shard"')
  })
})
