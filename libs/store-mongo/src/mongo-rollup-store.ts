import { AppError, type Delta, type DocumentDelta, type Interval } from '@tallyfleet/domain'
import type {
  ApplyResult, BucketOf, EntityOf, EntityTotals, Manifest, RollupDocument, RollupStore, TopAfter, TopEntry,
} from '@tallyfleet/ports'
import type { Collection } from 'mongodb'
import { applyFenced } from './fenced-apply.ts'
import { MongoConnection } from './mongo-connection.ts'
import { MongoDeadDeltas, type DeadDelta } from './mongo-dead-deltas.ts'
import { translate, translated } from './mongo-errors.ts'
import { batchKeyOf, MongoManifests } from './mongo-manifests.ts'
import { MongoRollupReads } from './mongo-rollup-reads.ts'
import { ensureRollupIndexes } from './rollup-indexes.ts'
import { recordOf, type RollupRecord } from './rollup-record.ts'

const COPIES_AT_ONCE = 1_000

/**
 * Rollups in MongoDB: a replica set, or a cluster sharded on `_id`. Collections: `documents`, `manifests`,
 * `manifest_heads`, `manifest_parts`, `dead`, `dead_parts`. No write spans two documents, so it needs no transactions.
 */
export class MongoRollupStore implements RollupStore {
  readonly #connection: MongoConnection
  readonly #documents: Collection<RollupRecord>
  readonly #manifests: MongoManifests
  readonly #dead: MongoDeadDeltas
  readonly #reads: MongoRollupReads

  private constructor(connection: MongoConnection) {
    this.#connection = connection
    this.#documents = connection.collection('documents')
    this.#manifests = new MongoManifests(connection)
    this.#dead = new MongoDeadDeltas(connection)
    this.#reads = new MongoRollupReads(this.#documents)
  }

  /**
   * Opens the store and creates the indexes that are missing; any number of processes may do so at once.
   * @param url see {@link MongoConnection.open}
   * @param actions whose top lists are wanted fast; of more than 50 the first 50 get an index
   */
  static async open({ url, actions }: { url: string; actions: readonly string[] }): Promise<MongoRollupStore> {
    const connection = await MongoConnection.open({ url })
    try {
      const store = new MongoRollupStore(connection)
      await translated(async () => {
        await store.#manifests.ensureIndexes()
        await ensureRollupIndexes(store.#documents, actions)
      })
      return store
    } catch (error) {
      await connection[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Whether {@link open} has made a store there before; makes none. Rejects as it does. */
  static async exists({ url }: { url: string }): Promise<boolean> {
    await using connection = await MongoConnection.open({ url })
    return await translated(() => connection.hasCollection('documents'))
  }

  appendManifest(manifest: Manifest, deltas: readonly Delta[]): Promise<Manifest> {
    return translated(() => this.#manifests.append(manifest, deltas))
  }

  findManifest(shard: number, n: number): Promise<Manifest | undefined> {
    return translated(() => this.#manifests.find(shard, n))
  }

  listLatestManifests(): Promise<Manifest[]> {
    return translated(() => this.#manifests.listLatest())
  }

  listManifests(shard: number, afterN: number, limit: number): Promise<Manifest[]> {
    return translated(() => this.#manifests.list(shard, afterN, limit))
  }

  findDeltas(shard: number, n: number): Promise<Delta[] | undefined> {
    return translated(() => this.#manifests.findDeltas(shard, n))
  }

  finishManifest(shard: number, n: number, doneAt: Date): Promise<void> {
    return translated(() => this.#manifests.finish(shard, n, doneAt))
  }

  blankDeltas(before: Date): Promise<number> {
    return translated(() => this.#manifests.blankDeltas(before))
  }

  /** Rejects with RECORD_UNKNOWN when the batch has no manifest: what it holds could never be explained or proven. */
  apply(shard: number, n: number, documents: readonly DocumentDelta[]): Promise<ApplyResult> {
    return translated(async () => {
      const state = await this.#manifests.findState(shard, n)
      if (state === undefined) throw new AppError('RECORD_UNKNOWN', `no manifest ${batchKeyOf(shard, n)}`)
      if (state === 'done') return { applied: 0, skipped: documents.length }
      return applyFenced(this.#documents, n, documents)
    })
  }

  listTop(of: EntityOf, action: string, bucket: BucketOf, limit: number, after?: TopAfter): Promise<TopEntry[]> {
    return translated(() => this.#reads.listTop(of, action, bucket, limit, after))
  }

  listTopBetween(
    of: EntityOf, action: string, from: string, to: string, limit: number, after?: TopAfter,
  ): Promise<TopEntry[]> {
    return translated(() => this.#reads.listTopBetween(of, action, from, to, limit, after))
  }

  listSeries(
    of: EntityOf, entityId: string | null, action: string, interval: Interval, from: string, to: string,
  ): Promise<{ bucket: string; count: number }[]> {
    return translated(() => this.#reads.listSeries(of, entityId, action, interval, from, to))
  }

  listSums(
    of: EntityOf, action: string, buckets: readonly BucketOf[], limit: number, entityIds?: readonly string[],
  ): Promise<TopEntry[]> {
    return translated(() => this.#reads.listSums(of, action, buckets, limit, entityIds))
  }

  countEntities(of: EntityOf, actions: readonly string[], buckets: readonly BucketOf[]): Promise<number> {
    return translated(() => this.#reads.countEntities(of, actions, buckets))
  }

  countBefore(of: EntityOf, action: string, bucket: BucketOf, place: TopAfter): Promise<number> {
    return translated(() => this.#reads.countBefore(of, action, bucket, place))
  }

  listTotals(of: EntityOf, entityIds: readonly string[]): Promise<EntityTotals[]> {
    return translated(() => this.#reads.listTotals(of, entityIds))
  }

  findActiveDays(of: EntityOf, entityId: string): Promise<{ first: string; last: string } | undefined> {
    return translated(() => this.#reads.findActiveDays(of, entityId))
  }

  listChangedTotals(
    shard: number, afterSeq: number, upToSeq: number, limit: number, cursor?: string,
  ): Promise<{ totals: EntityTotals[]; cursor: string | undefined }> {
    return translated(() => this.#reads.listChangedTotals(shard, afterSeq, upToSeq, limit, cursor))
  }

  async *scan(shard: number): AsyncGenerator<RollupDocument> {
    try {
      yield* this.#reads.scan(shard)
    } catch (error) {
      throw translate(error)
    }
  }

  /** Every answer comes from the documents and their indexes: there are no lists. */
  async *scanListFaults(): AsyncGenerator<never> {}

  async repairLists(): Promise<number> {
    return 0
  }

  hasCounts(tenant: string): Promise<boolean> {
    return translated(() => this.#reads.hasCounts(tenant))
  }

  appendDead(shard: number, n: number, dead: DeadDelta[]): Promise<boolean> {
    return translated(() => this.#dead.append(shard, n, dead))
  }

  async *scanDead(): AsyncGenerator<{ shard: number; n: number; dead: DeadDelta[] }> {
    try {
      yield* this.#dead.scan()
    } catch (error) {
      throw translate(error)
    }
  }

  putManifestCopy(manifest: Manifest, deltas: readonly Delta[] | undefined): Promise<void> {
    return translated(() => this.#manifests.putCopy(manifest, deltas))
  }

  putCopies(documents: readonly RollupDocument[]): Promise<void> {
    return translated(async () => {
      for (let from = 0; from < documents.length; from += COPIES_AT_ONCE) {
        await this.#documents.bulkWrite(documents.slice(from, from + COPIES_AT_ONCE).map((document) => ({
          replaceOne: { filter: { _id: document.id }, replacement: recordOf(document), upsert: true },
        })), { ordered: false })
      }
    })
  }

  listDead(): Promise<{ shard: number; tenant: string; events: number }[]> {
    return translated(() => this.#dead.list())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection[Symbol.asyncDispose]()
  }
}
