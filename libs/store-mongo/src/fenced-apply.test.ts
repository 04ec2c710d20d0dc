import { once } from 'node:events'
import { createServer, connect, type AddressInfo, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { checksumOf, eventsByTenant, groupDeltas, type Delta, type DocumentDelta } from '@tallyfleet/domain'
import { describeWithServer, freshName } from '@tallyfleet/testing'
import { applyFenced } from './fenced-apply.ts'
import { MongoRollupStore } from './mongo-rollup-store.ts'
import type { RollupRecord } from './rollup-record.ts'
import { openTestDatabase, type TestDatabase } from './test-database.ts'

const SHARD = 3
const MOVIES = { tenant: 'default', domain: 'jav', entityType: 'movie' }
/** More than one bulk holds: five documents an entity. */
const IDS = Array.from({ length: 250 }, (_, index) => `m-${index}`)

describeWithServer('mongo', 'applying a batch', (serverUrl) => {
  let database: TestDatabase
  let handles: AsyncDisposableStack
  const open = async (url = database.url) => handles.use(await MongoRollupStore.open({ url, actions: ['view'] }))

  beforeEach(async () => {
    handles = new AsyncDisposableStack()
    database = await openTestDatabase(serverUrl, freshName('mongo'))
  })
  afterEach(async () => {
    await handles.disposeAsync()
    await database[Symbol.asyncDispose]()
  })

  test('a bulk that the server applied in part is completed, and counts once', async () => {
    const store = await open()
    await append(store, 1, 1)
    await store.apply(SHARD, 1, documentsOf(1))
    await append(store, 2, 10)
    const documents = documentsOf(10)
    // What a MongoDB that dies within a bulk leaves behind: any part of its updates, old documents and new ones alike.
    const half = documents.filter((_, index) => index % 5 < 2)
    await applyPastTheStore(database, 2, half)

    expect(await store.apply(SHARD, 2, documents))
      .toEqual({ applied: documents.length - half.length, skipped: half.length })
    await expectCounts(store, 11, 2)
  })

  test('a bulk of new documents that the server applied in part is completed, and counts once', async () => {
    const store = await open()
    await append(store, 1, 7)
    const documents = documentsOf(7)
    const half = documents.filter((_, index) => index % 2 === 1)
    await applyPastTheStore(database, 1, half)

    expect(await store.apply(SHARD, 1, documents))
      .toEqual({ applied: documents.length - half.length, skipped: half.length })
    await expectCounts(store, 7, 1)
  })

  test('a batch whose connection breaks after a bulk was sent counts once when it is repeated', async () => {
    await using proxy = await startProxy(serverUrl)
    const throughProxy = await open(databaseUrlAt(database.url, proxy.port))
    await append(throughProxy, 1, 5)
    proxy.cutAfterUpdates(2) // the answer to the second bulk is lost: nobody knows whether it was applied
    await expect(throughProxy.apply(SHARD, 1, documentsOf(5))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    expect(proxy.updates).toBe(2)

    const { applied, skipped } = await throughProxy.apply(SHARD, 1, documentsOf(5))
    expect(skipped).toBeGreaterThanOrEqual(1_000) // the first bulk was answered
    expect(applied + skipped).toBe(documentsOf(5).length)
    await expectCounts(throughProxy, 5, 1)
  })

  test('a batch is applied in full while a late worker creates the same documents for an older one', async () => {
    const [late, current] = [await open(), await open()]
    for (const n of [1, 2]) await append(current, n, n)
    const applies = [late.apply(SHARD, 1, documentsOf(1)), current.apply(SHARD, 2, documentsOf(2))]
    const [, result] = await Promise.all(applies)
    expect(result).toEqual({ applied: documentsOf(2).length, skipped: 0 })
    for await (const { seq } of current.scan(SHARD)) expect(seq).toBe(2)
  })

  test('a refused document that turns out to be older than the batch is tried again', async () => {
    const documents = database.client.db().collection<RollupRecord>('documents')
    const [first, second] = documentsOf(4)
    await documents.insertOne({ ...recordOf(first!, 1), counts: { view: { count: 100 } } })
    // Two upserts of one new document can meet: one is refused, and what it finds then is the other's, of any batch.
    let refusals = 0
    const contended = new Proxy(documents, {
      get(target, name) {
        if (name !== 'bulkWrite') return Reflect.get(target, name, target).bind(target)
        return async (...args: Parameters<typeof target.bulkWrite>) => {
          if (refusals++ > 2) return target.bulkWrite(...args)
          await target.updateOne({ _id: first!.id }, { $set: { seq: 9 } })
          try {
            return await target.bulkWrite(...args)
          } finally {
            await target.updateOne({ _id: first!.id }, { $set: { seq: 1 } })
          }
        }
      },
    })
    expect(await applyFenced(contended, 2, [first!, second!])).toEqual({ applied: 2, skipped: 0 })
    expect(refusals).toBe(4)
    expect(await documents.findOne({ _id: first!.id })).toMatchObject({ seq: 2, counts: { view: { count: 104 } } })
    expect(await documents.findOne({ _id: second!.id })).toMatchObject({ seq: 2, counts: { view: { count: 4 } } })
  })

  test('a batch without a manifest is refused, and nothing is written', async () => {
    const store = await open()
    await expect(store.apply(SHARD, 1, documentsOf(1))).rejects.toMatchObject({ code: 'RECORD_UNKNOWN' })
    expect(await store.hasCounts('default')).toBe(false)
  })

  test('a finished batch is not applied again even where its documents are gone', async () => {
    const store = await open()
    await append(store, 1, 1)
    await store.finishManifest(SHARD, 1, new Date('2026-11-21T10:01:00Z'))
    expect(await store.apply(SHARD, 1, documentsOf(1))).toEqual({ applied: 0, skipped: documentsOf(1).length })
    expect(await store.hasCounts('default')).toBe(false)
  })

  test('a name that would reach another field is refused, and nothing is written', async () => {
    const store = await open()
    await append(store, 1, 1)
    const [first] = documentsOf(1)
    for (const action of ['view.count', '$where', '']) {
      await expect(store.apply(SHARD, 1, [{ ...first!, counts: { [action]: { count: 1 } } }]))
        .rejects.toMatchObject({ code: 'ACTION_UNKNOWN' })
    }
    expect(await store.hasCounts('default')).toBe(false)
  })
})

function deltasOf(value: number): Delta[] {
  return IDS.map((entityId) => ({ ...MOVIES, entityId, action: 'view', measure: 'count', bucket: '2026-11-21', value }))
}

function documentsOf(value: number): DocumentDelta[] {
  return groupDeltas('secret', SHARD, deltasOf(value), () => 'day')
}

async function append(store: MongoRollupStore, n: number, value: number): Promise<void> {
  const deltas = deltasOf(value)
  const events = eventsByTenant(deltas)
  await store.appendManifest({
    shard: SHARD, n, kind: 'flush', name: `batch-${n}`, checksum: checksumOf(deltas), events, running: events, deltaCount: deltas.length,
    state: 'open', createdAt: new Date('2026-11-21T10:00:00Z'), doneAt: undefined, jobId: `job-${n}`,
  }, deltas)
}

/** Writes what the batch would leave in these documents, without the code under test. */
async function applyPastTheStore(
  database: TestDatabase, n: number, documents: readonly DocumentDelta[],
): Promise<void> {
  await database.client.db().collection<RollupRecord>('documents').bulkWrite(documents.map((document) => {
    const { _id, ...$set } = recordOf(document, n)
    const update = { $inc: { 'counts.view.count': document.counts['view']!['count']! }, $set }
    return { updateOne: { filter: { _id }, update: update as object, upsert: true } }
  }))
}

function recordOf(document: DocumentDelta, seq: number): Omit<RollupRecord, 'counts'> {
  const { id, of, tenant, domain, entityType, entityId, interval, bucket, shard } = document
  return { _id: id, of, tenant, domain, entity_type: entityType, entity_id: entityId, interval, bucket, shard, seq }
}

/** Every entity and the shard's sum hold `count` views an entity, in every interval, as of batch `seq`. */
async function expectCounts(store: MongoRollupStore, count: number, seq: number): Promise<void> {
  const seen = { entity: 0, shard: 0 }
  for await (const document of store.scan(SHARD)) {
    seen[document.of] += 1
    const expected = document.of === 'entity' ? count : count * IDS.length
    expect(document).toMatchObject({ seq, counts: { view: { count: expected } } })
  }
  expect(seen).toEqual({ entity: 5 * IDS.length, shard: 5 })
}

function databaseUrlAt(url: string, port: number): string {
  const moved = new URL(url)
  moved.host = `127.0.0.1:${port}`
  return moved.href
}

/** A wire that breaks once, right after a chosen bulk has passed to the server and before its answer comes back. */
async function startProxy(serverUrl: string) {
  const { hostname, port } = new URL(serverUrl)
  const sockets = new Set<Socket>()
  let cutAt = 0
  const proxy = {
    port: 0,
    updates: 0,
    cutAfterUpdates(updates: number) { cutAt = updates },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    let cut = false
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {}).on('close', () => { client.destroy(); upstream.destroy() })
    }
    client.on('data', (chunk) => {
      if (chunk.includes('\x02update\0') && ++proxy.updates === cutAt) cut = true
      upstream.write(chunk)
    })
    upstream.on('data', (chunk) => {
      if (cut) client.destroy()
      else client.write(chunk)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  proxy.port = (server.address() as AddressInfo).port
  return proxy
}
