import type { StatementSync } from 'node:sqlite'
import { setImmediate as breathe } from 'node:timers/promises'
import { AppError, daysBetween, type Counts, type Delta, type DocumentDelta, type Interval } from '@tallyfleet/domain'
import type {
  ApplyResult, BucketOf, EntityOf, EntityTotals, ListFault, Manifest, RollupDocument, RollupStore, TopAfter, TopEntry,
} from '@tallyfleet/ports'
import { SqliteConnection } from './sqlite-connection.ts'
import { SqliteManifests } from './sqlite-manifests.ts'
import { recount } from './sqlite-recount.ts'
import { SqliteTops } from './sqlite-tops.ts'
import {
  activeDayQuery, CHANGED_TOTALS_QUERY, COUNT_ALL_ENTITIES_QUERY, COUNT_BEFORE_QUERY, COUNT_ENTITIES_QUERY, SCAN_QUERY,
  seriesQuery, SUM_SERIES_QUERY, SUMS_QUERY, sumsOfQuery, TOP_BETWEEN_QUERY, topQuery, TOTALS_QUERY,
} from './sqlite-rollup-queries.ts'
import { checkAction, ROLLUP_SCHEMA } from './sqlite-rollup-schema.ts'

/** One transaction takes this many documents or this long, whichever comes first: others wait for its lock. */
const MAX_DOCUMENTS = 2_000
const MAX_TRANSACTION_MS = 40
const SCAN_PAGE = 500
const MAX_DAYS = 400

const FIND = 'SELECT row, seq, counts FROM documents WHERE id = ?'
const INSERT = `
  INSERT INTO documents (id, of, tenant, domain, entity_type, entity_id, interval, bucket, shard, seq, counts)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
const PUT_COPY = `${INSERT}
  ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, counts = excluded.counts`
const COPIES_AT_ONCE = 500
/** The fence stands in the statement itself, although the row was read under the same lock. */
const UPDATE = 'UPDATE documents SET counts = ?, seq = ? WHERE row = ? AND seq < ?'

type Statements = [StatementSync, StatementSync, StatementSync]

type TotalsRow = {
  id?: string; tenant: string; domain: string; entity_type: string; entity_id: string; shard: number; seq: number
  counts: string
}

type Row = Omit<TotalsRow, 'entity_id'> & {
  row: number; id: string; of: 'entity' | 'shard'; entity_id: string | null; interval: Interval; bucket: string
}

/** Rollups in a SQLite file that several processes share: the embedded edition. */
export class SqliteRollupStore implements RollupStore {
  readonly #connection: SqliteConnection
  readonly #manifests: SqliteManifests
  readonly #tops: SqliteTops

  private constructor(connection: SqliteConnection) {
    this.#connection = connection
    this.#manifests = new SqliteManifests(connection)
    this.#tops = new SqliteTops(connection)
    connection.onRollback(() => this.#tops.forget())
  }

  /**
   * Opens the file, making it and its folder when they are not there.
   * @param actions every action of the packs: refused when one is no name. Lists of others are as quick
   * @param readOnly writes reject; only a missing schema is still made
   */
  static async open({ path, actions, readOnly = false }: {
    path: string; actions: readonly string[]; readOnly?: boolean
  }): Promise<SqliteRollupStore> {
    actions.forEach(checkAction)
    return new SqliteRollupStore(await SqliteConnection.open({ path, readOnly, schema: ROLLUP_SCHEMA }))
  }

  appendManifest(manifest: Manifest, deltas: readonly Delta[]): Promise<Manifest> {
    return this.#manifests.append(manifest, deltas)
  }

  findManifest(shard: number, n: number): Promise<Manifest | undefined> {
    return this.#manifests.find(shard, n)
  }

  listLatestManifests(): Promise<Manifest[]> {
    return this.#manifests.listLatest()
  }

  listManifests(shard: number, afterN: number, limit: number): Promise<Manifest[]> {
    return this.#manifests.list(shard, afterN, limit)
  }

  findDeltas(shard: number, n: number): Promise<Delta[] | undefined> {
    return this.#manifests.findDeltas(shard, n)
  }

  finishManifest(shard: number, n: number, doneAt: Date): Promise<void> {
    return this.#manifests.finish(shard, n, doneAt)
  }

  blankDeltas(before: Date): Promise<number> {
    return this.#manifests.blank(before)
  }

  appendDead(shard: number, n: number, dead: { delta: Delta; reason: string }[]): Promise<boolean> {
    return this.#manifests.appendDead(shard, n, dead)
  }

  scanDead(): AsyncIterable<{ shard: number; n: number; dead: { delta: Delta; reason: string }[] }> {
    return this.#manifests.scanDead()
  }

  putManifestCopy(manifest: Manifest, deltas: readonly Delta[] | undefined): Promise<void> {
    return this.#manifests.putCopy(manifest, deltas)
  }

  async putCopies(documents: readonly RollupDocument[]): Promise<void> {
    for (let from = 0; from < documents.length; from += COPIES_AT_ONCE) {
      await this.#connection.write(() => {
        const [find, put] = [FIND, PUT_COPY].map((sql) => this.#connection.statement(sql)) as [StatementSync, StatementSync]
        for (const document of documents.slice(from, from + COPIES_AT_ONCE)) {
          const { id, of, tenant, domain, entityType, entityId, interval, bucket, shard, seq, counts } = document
          const before = JSON.parse((find.get(id)?.['counts'] ?? '{}') as string) as Counts
          put.run(id, of, tenant, domain, entityType, entityId, interval, bucket, shard, seq, JSON.stringify(counts))
          this.#tops.put(document, counts, Object.keys({ ...before, ...counts }))
        }
      })
      await breathe()
    }
  }

  listDead(): Promise<{ shard: number; tenant: string; events: number }[]> {
    return this.#manifests.listDead()
  }

  /** Also rejects with `RECORD_UNKNOWN` when the batch has no manifest: its counts could never be proved. */
  async apply(shard: number, n: number, documents: readonly DocumentDelta[]): Promise<ApplyResult> {
    const result = { applied: 0, skipped: 0 }
    for (let from = 0; from < documents.length; from = result.applied + result.skipped) {
      if (from > 0) await breathe()
      const part = await this.#connection.write(() => this.#applySome(shard, n, documents, from))
      result.applied += part.applied
      result.skipped += part.skipped
    }
    return result
  }

  #applySome(shard: number, n: number, documents: readonly DocumentDelta[], from: number): ApplyResult {
    const state = this.#manifests.stateOf(shard, n)
    if (!state) throw new AppError('RECORD_UNKNOWN', `batch ${shard}/${n} has no manifest`)
    if (state === 'done') return { applied: 0, skipped: documents.length - from }

    // Reading a row and writing the sum was as fast as adding inside SQL, and no name reaches the text of a statement.
    const [find, insert, update] = [FIND, INSERT, UPDATE].map((sql) => this.#connection.statement(sql)) as Statements
    const until = performance.now() + MAX_TRANSACTION_MS
    const result = { applied: 0, skipped: 0 }
    for (let at = from; at < documents.length && at < from + MAX_DOCUMENTS; at += 1) {
      const { id, of, tenant, domain, entityType, entityId, interval, bucket, counts } = documents[at]!
      const stored = find.get(id) as { row: number; seq: number; counts: string } | undefined
      if (stored && stored.seq >= n) {
        result.skipped += 1
      } else {
        const sums = stored ? addCounts(JSON.parse(stored.counts), counts) : counts
        const text = JSON.stringify(sums)
        if (stored) update.run(text, n, stored.row, n)
        else insert.run(id, of, tenant, domain, entityType, entityId, interval, bucket, shard, n, text)
        this.#tops.put(documents[at]!, sums, Object.keys(counts))
        result.applied += 1
      }
      if (at % 64 === 63 && performance.now() > until) break
    }
    return result
  }

  listTop(
    of: EntityOf, action: string, { interval, bucket }: BucketOf, limit: number, after?: TopAfter,
  ): Promise<TopEntry[]> {
    return this.#connection.read(() => {
      const where = { ...entityOf(of), action: checkAction(action), interval, bucket }
      if (!after) return this.#connection.statement(topQuery('all')).all({ ...where, limit }) as TopEntry[]
      const { count, entityId } = after
      const tied = this.#connection.statement(topQuery('tied')).all({ ...where, count, entityId, limit })
      const below = this.#connection.statement(topQuery('below'))
        .all({ ...where, count, limit: limit - tied.length })
      return [...tied, ...below] as TopEntry[]
    })
  }

  async listTopBetween(
    of: EntityOf, action: string, from: string, to: string, limit: number, after?: TopAfter,
  ): Promise<TopEntry[]> {
    if (daysBetween(from, to) > MAX_DAYS) {
      throw new AppError('RANGE_INVALID', `${from} to ${to} is more than ${MAX_DAYS} days`)
    }
    const { count, entityId } = after ?? { count: Infinity, entityId: '' }
    const rows = await this.#connection.read(() => this.#connection.statement(TOP_BETWEEN_QUERY)
      .all({ ...entityOf(of), action: checkAction(action), from, to, count, entityId, limit }))
    return rows.map((row) => ({ entityId: row['entityId'] as string, count: row['sum'] as number }))
  }

  listSeries(
    of: EntityOf, entityId: string | null, action: string, interval: Interval, from: string, to: string,
  ): Promise<{ bucket: string; count: number }[]> {
    const where = { ...entityOf(of), interval, from, to }
    return this.#connection.read(() => {
      const rows = entityId === null
        ? this.#connection.statement(SUM_SERIES_QUERY).all({ ...where, action: checkAction(action) })
        : this.#connection.statement(seriesQuery(action)).all({ ...where, entityId })
      return rows as { bucket: string; count: number }[]
    })
  }

  listSums(
    of: EntityOf, action: string, buckets: readonly BucketOf[], limit: number, entityIds?: readonly string[],
  ): Promise<TopEntry[]> {
    const where = { ...entityOf(of), buckets: listOf(buckets), limit }
    return this.#connection.read(() => {
      const rows = entityIds
        ? this.#connection.statement(sumsOfQuery(action))
          .all({ ...where, entityIds: JSON.stringify([...new Set(entityIds)]) })
        : this.#connection.statement(SUMS_QUERY).all({ ...where, action: checkAction(action) })
      return rows as TopEntry[]
    })
  }

  async countEntities(of: EntityOf, actions: readonly string[], buckets: readonly BucketOf[]): Promise<number> {
    if (actions.length === 0) return 0
    const where = { ...entityOf(of), actions: JSON.stringify(actions.map(checkAction)) }
    const isEverything = buckets.length === 1 && buckets[0]!.interval === 'total'
    const row = await this.#connection.read(() => isEverything
      ? this.#connection.statement(COUNT_ALL_ENTITIES_QUERY).get(where)
      : this.#connection.statement(COUNT_ENTITIES_QUERY).get({ ...where, buckets: listOf(buckets) }))
    return row!.count as number
  }

  async countBefore(
    of: EntityOf, action: string, { interval, bucket }: BucketOf, { count, entityId }: TopAfter,
  ): Promise<number> {
    const row = await this.#connection.read(() => this.#connection
      .statement(COUNT_BEFORE_QUERY).get({ ...entityOf(of), action: checkAction(action), interval, bucket, count, entityId }))
    return row!.count as number
  }

  listTotals(of: EntityOf, entityIds: readonly string[]): Promise<EntityTotals[]> {
    return this.#connection.read(() => this.#connection.statement(TOTALS_QUERY)
      .all({ ...entityOf(of), entityIds: JSON.stringify(entityIds) }).map((row) => totalsOf(row as TotalsRow)))
  }

  findActiveDays(of: EntityOf, entityId: string): Promise<{ first: string; last: string } | undefined> {
    return this.#connection.read(() => {
      const [first, last] = (['ASC', 'DESC'] as const).map((direction) => this.#connection
        .statement(activeDayQuery(direction)).get({ ...entityOf(of), entityId })?.bucket as string | undefined)
      return first === undefined || last === undefined ? undefined : { first, last }
    })
  }

  async listChangedTotals(
    shard: number, afterSeq: number, upToSeq: number, limit: number, cursor?: string,
  ): Promise<{ totals: EntityTotals[]; cursor: string | undefined }> {
    const { seq, id } = cursor === undefined ? { seq: afterSeq + 1, id: '' } : placeOf(cursor)
    const rows = await this.#connection.read(() => this.#connection.statement(CHANGED_TOTALS_QUERY)
      .all({ shard, seq, id, upTo: upToSeq, limit }) as TotalsRow[])
    const last = rows.length === limit ? rows.at(-1) : undefined
    return { totals: rows.map(totalsOf), cursor: last && `${last.seq}:${last.id}` }
  }

  async *scan(shard: number): AsyncGenerator<RollupDocument, void, void> {
    for (let row = 0; ;) {
      const rows = await this.#connection.read(() =>
        this.#connection.statement(SCAN_QUERY).all({ shard, row, limit: SCAN_PAGE }) as Row[])
      for (const found of rows) {
        const { id, of, interval, bucket } = found
        yield { id, of, interval, bucket, ...totalsOf(found) }
      }
      if (rows.length < SCAN_PAGE) return
      row = rows.at(-1)!.row
      await breathe()
    }
  }

  scanListFaults(): AsyncIterable<ListFault> {
    return recount(this.#connection)
  }

  async repairLists(): Promise<number> {
    let repaired = 0
    for await (const fault of recount(this.#connection, this.#tops)) {
      void fault
      repaired += 1
    }
    return repaired
  }

  hasCounts(tenant: string): Promise<boolean> {
    return this.#connection.read(() =>
      this.#connection.statement('SELECT 1 FROM documents WHERE tenant = ? LIMIT 1').get(tenant) !== undefined)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.close()
  }
}

/** Parameters that every read of entities binds: nothing else of `of` may reach a statement. */
function entityOf({ tenant, domain, entityType }: EntityOf): EntityOf {
  return { tenant, domain, entityType }
}

/** Buckets as the queries take them. */
function listOf(buckets: readonly BucketOf[]): string {
  return JSON.stringify(buckets.map(({ interval, bucket }) => [interval, bucket]))
}

function totalsOf<Id extends string | null>(row: Omit<TotalsRow, 'entity_id'> & { entity_id: Id }) {
  const { tenant, domain, entity_type: entityType, entity_id: entityId, shard, seq } = row
  return { tenant, domain, entityType, entityId, shard, seq, counts: JSON.parse(row.counts) as Counts }
}

function placeOf(cursor: string): { seq: number; id: string } {
  const match = /^(\d{1,16}):(.+)$/s.exec(cursor)
  if (!match) throw new AppError('CURSOR_INVALID', `no place ${JSON.stringify(cursor)} among changed totals`)
  return { seq: Number(match[1]), id: match[2]! }
}

/** Adds `more` to `counts`, in place. */
function addCounts(counts: Counts, more: Counts): Counts {
  for (const [action, measures] of Object.entries(more)) {
    const sums = (counts[action] ??= {})
    for (const [measure, value] of Object.entries(measures)) sums[measure] = (sums[measure] ?? 0) + value
  }
  return counts
}
