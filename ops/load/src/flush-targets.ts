import { DatabaseSync } from 'node:sqlite'
import { actionsOf, type DocumentDelta } from '@tallyfleet/domain'
import { packs } from '@tallyfleet/packs'
import type { RollupStore } from '@tallyfleet/ports'
import { MongoRollupStore } from '@tallyfleet/store-mongo'
import { SqliteRollupStore } from '@tallyfleet/store-sql'
import { Long, MongoClient, type AnyBulkWriteOperation } from 'mongodb'

/** The shard of every document here. */
export const SHARD = 7

/** A store that batches are flushed into. */
export type Target = AsyncDisposable & {
  /** What comes before the documents and is no part of the comparison. */
  prepare: (n: number) => Promise<void>
  /** Applies the documents of batch n. */
  apply: (n: number, documents: readonly DocumentDelta[]) => Promise<void>
  /** How many events the totals of all entities show. */
  countEvents: () => Promise<number>
}

type Engine = { open: (url: string) => Promise<Target>; openBare: (url: string) => Promise<Target> }

const actions = actionsOf(packs)
const INCREMENT = (action: string) => `'$.${action}.count', json_extract(excluded.counts, '$.${action}.count') + json_extract(documents.counts, '$.${action}.count')`
/** Adds the counts where the fence allows; every document here has both actions. */
const UPSERT = `
  INSERT INTO documents (id, of, tenant, domain, entity_type, entity_id, interval, bucket, shard, seq, counts)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, counts = json_set(documents.counts, ${INCREMENT('view')}, ${INCREMENT('download')})
  WHERE documents.seq < excluded.seq`

const INSERT_LIST = `
  INSERT INTO lists (of, tenant, domain, entity_type, action, interval, bucket) VALUES (?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET list = list RETURNING list`
const RAISE_TOP = `
  INSERT INTO tops (list, entity_id, count) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count`

/** Each engine behind our store, and its driver alone with the writes that our store would do. */
export const targets: Readonly<Record<'SQLite' | 'MongoDB', Engine>> = {
  SQLite: {
    async open(path) {
      return targetOf(await SqliteRollupStore.open({ path, actions }))
    },
    async openBare(path) {
      await (await SqliteRollupStore.open({ path, actions }))[Symbol.asyncDispose]() // makes the same tables and indexes
      const database = new DatabaseSync(path, { enableForeignKeyConstraints: true })
      database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536')
      const [upsert, insertList, raiseTop] = [database.prepare(UPSERT), database.prepare(INSERT_LIST), database.prepare(RAISE_TOP)]
      const lists = new Map<string, number>()
      return {
        prepare: async () => {},
        async apply(n, documents) {
          database.exec('BEGIN IMMEDIATE')
          for (const { id, of, tenant, domain, entityType, entityId, interval, bucket, shard, counts } of documents) {
            upsert.run(id, of, tenant, domain, entityType, entityId, interval, bucket, shard, n, JSON.stringify(counts))
            for (const [action, { count }] of Object.entries(counts)) {
              const name = `${of} ${tenant} ${domain} ${entityType} ${action} ${interval} ${bucket}`
              let list = lists.get(name)
              if (list === undefined) {
                list = insertList.get(of, tenant, domain, entityType, action, interval, bucket)!['list'] as number
                lists.set(name, list)
              }
              raiseTop.run(list, entityId ?? String(shard), count!)
            }
          }
          database.exec('COMMIT')
        },
        async countEvents() {
          const sum = actions.map((action) => `COALESCE(json_extract(counts, '$.${action}.count'), 0)`).join(' + ')
          return Number(database.prepare(`SELECT SUM(${sum}) AS events FROM documents WHERE of = 'entity' AND interval = 'total'`).get()!['events'])
        },
        async [Symbol.asyncDispose]() { database.close() },
      }
    },
  },
  MongoDB: {
    async open(url) {
      return targetOf(await MongoRollupStore.open({ url, actions }))
    },
    async openBare(url) {
      await (await MongoRollupStore.open({ url, actions }))[Symbol.asyncDispose]()
      const client = await new MongoClient(url).connect()
      const documents = client.db(new URL(url).pathname.slice(1), { writeConcern: { w: 'majority', journal: true } })
        .collection<{ _id: string; counts: Record<string, { count: number }> }>('documents')
      return {
        prepare: async () => {},
        async apply(n, batch) {
          await documents.bulkWrite(batch.map((document) => updateOf(n, document)), { ordered: false })
        },
        async countEvents() {
          let events = 0
          for await (const { counts } of documents.find({ of: 'entity', interval: 'total' } as object)) {
            for (const { count } of Object.values(counts)) events += count
          }
          return events
        },
        async [Symbol.asyncDispose]() { await client.close() },
      }
    },
  },
}

function updateOf(n: number, { id, counts, of, tenant, domain, entityType, entityId, interval, bucket, shard }: DocumentDelta) {
  const $inc = Object.fromEntries(Object.entries(counts).flatMap(([action, measures]) =>
    Object.entries(measures).map(([measure, value]) => [`counts.${action}.${measure}`, Long.fromNumber(value)])))
  const seq = Long.fromNumber(n)
  return {
    updateOne: {
      filter: { _id: id, seq: { $lt: seq } }, upsert: true,
      update: { $inc, $set: { seq }, $setOnInsert: { of, tenant, domain, entity_type: entityType, entity_id: entityId, interval, bucket, shard } },
    },
  } as AnyBulkWriteOperation<any>
}

function targetOf(store: RollupStore): Target {
  return {
    async prepare(n) {
      await store.appendManifest({
        shard: SHARD, n, kind: 'flush', name: `batch-${n}`, checksum: String(n), events: {}, running: {}, deltaCount: 0, state: 'open',
        createdAt: new Date(), doneAt: undefined, jobId: 'bench',
      }, [])
    },
    async apply(n, documents) {
      await store.apply(SHARD, n, documents)
    },
    async countEvents() {
      let events = 0
      for await (const { of, interval, counts } of store.scan(SHARD)) {
        if (of !== 'entity' || interval !== 'total') continue
        for (const measures of Object.values(counts)) events += measures['count'] ?? 0
      }
      return events
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  }
}
