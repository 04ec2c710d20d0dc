import { afterEach, beforeEach, expect, test } from 'vitest'
import { checksumOf, eventsByTenant, type Delta } from '@tallyfleet/domain'
import type { Manifest } from '@tallyfleet/ports'
import { describeWithServer, freshName } from '@tallyfleet/testing'
import type { Collection, Document } from 'mongodb'
import { MongoRollupStore } from './mongo-rollup-store.ts'
import { openTestDatabase, type TestDatabase } from './test-database.ts'

describeWithServer('mongo', 'manifests in MongoDB', (serverUrl) => {
  let database: TestDatabase
  let store: MongoRollupStore
  let parts: Collection<Document>
  let headers: Collection<Document>

  beforeEach(async () => {
    database = await openTestDatabase(serverUrl, freshName('mongo'))
    store = await MongoRollupStore.open({ url: database.url, actions: ['view'] })
    parts = database.client.db().collection('manifest_parts')
    headers = database.client.db().collection('manifests')
  })
  afterEach(async () => {
    await store[Symbol.asyncDispose]()
    await database[Symbol.asyncDispose]()
  })

  test('a writer that dies before the header leaves a number that is still free', async () => {
    const deltas = deltasOf(1, 10)
    await store.appendManifest(manifestOf(1, deltas), deltas)
    await headers.deleteMany({})

    expect(await store.findDeltas(7, 1)).toBeUndefined()
    expect(await store.listLatestManifests()).toEqual([])
    const other = deltasOf(1, 20)
    expect(await store.appendManifest(manifestOf(1, other), other)).toEqual(manifestOf(1, other))
    expect(await store.findDeltas(7, 1)).toHaveLength(20)
    // And the same content again finds the parts that the dead writer left.
    await headers.deleteMany({})
    await store.appendManifest(manifestOf(1, deltas), deltas)
    expect(checksumOf((await store.findDeltas(7, 1))!)).toBe(checksumOf(deltas))
  })

  test('the latest manifest of a shard is found after a release that kept no heads', async () => {
    const heads = database.client.db().collection('manifest_heads')
    for (const n of [1, 2, 3]) await store.appendManifest(manifestOf(n, []), [])
    await store.appendManifest({ ...manifestOf(1, []), shard: 9 }, [])
    const latest = async () => (await store.listLatestManifests()).map(({ shard, n }) => `${shard}/${n}`).sort()
    expect(await heads.find().sort({ _id: 1 }).toArray()).toEqual([{ _id: 7, n: 3 }, { _id: 9, n: 1 }])
    expect(await latest()).toEqual(['7/3', '9/1'])
    await heads.updateOne({ n: 3 }, { $set: { n: 2 } }) // the other release wrote number 3
    expect(await latest()).toEqual(['7/3', '9/1'])
    await heads.deleteMany({})
    expect(await latest()).toEqual(['7/3', '9/1'])
    await store.appendManifest(manifestOf(4, []), [])
    expect(await latest()).toEqual(['7/4', '9/1'])
  })

  test('of two writers with other deltas, the parts of the one without a header are deleted', async () => {
    await Promise.all(Array.from({ length: 6 }, (_, index) => {
      const deltas = deltasOf(index + 1, 100)
      return store.appendManifest(manifestOf(1, deltas), deltas)
    }))
    expect(await parts.countDocuments()).toBe(1)
    expect(checksumOf((await store.findDeltas(7, 1))!)).toBe((await store.findManifest(7, 1))!.checksum)
  })

  test('blanking that was cut short is finished by the next one', async () => {
    const deltas = deltasOf(1, 10)
    for (const n of [1, 2]) {
      await store.appendManifest(manifestOf(n, deltas), deltas)
      await store.finishManifest(7, n, new Date('2026-11-21T10:01:00Z'))
    }
    await headers.updateOne({ n: 1 }, { $set: { blanked: true } }) // and there the process ended
    expect(await store.findDeltas(7, 1)).toBeUndefined()

    expect(await store.blankDeltas(new Date('2027-01-01T00:00:00Z'))).toBe(2)
    expect(await parts.countDocuments()).toBe(0)
    expect(await store.blankDeltas(new Date('2027-01-01T00:00:00Z'))).toBe(0)
  })

  test('a lost part is an error, never a smaller batch', async () => {
    const deltas = deltasOf(1, 10)
    await store.appendManifest(manifestOf(1, deltas), deltas)
    await parts.deleteMany({})
    await expect(store.findDeltas(7, 1)).rejects.toMatchObject({ code: 'BUG' })
  })

  test('a tenant of any name keeps its sums', async () => {
    const sums = { 'a.b': 1, $set: 2, '': 3, ['__proto__']: 4, big: Number.MAX_SAFE_INTEGER }
    const manifest = { ...manifestOf(1, []), events: sums, running: sums }
    await store.appendManifest(manifest, [])
    expect(Object.entries((await store.findManifest(7, 1))!.running)).toEqual(Object.entries(sums))
  })
})

function deltasOf(value: number, count: number): Delta[] {
  return Array.from({ length: count }, (_, index) => ({
    tenant: 'default', domain: 'jav', entityType: 'movie', entityId: `m-${index}`, action: 'view', measure: 'count',
    bucket: '2026-11-21', value,
  }))
}

function manifestOf(n: number, deltas: readonly Delta[]): Manifest {
  const events = { ...eventsByTenant(deltas) }
  return {
    shard: 7, n, kind: 'flush', name: `batch-${n}`, checksum: checksumOf(deltas), events, running: events, deltaCount: deltas.length,
    state: 'open', createdAt: new Date('2026-11-21T10:00:00Z'), doneAt: undefined, jobId: `job-${n}`,
  }
}
