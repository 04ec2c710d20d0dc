import { createHash } from 'node:crypto'
import type { Client, estypes } from '@elastic/elasticsearch'
import {
  ALL_SHARDS, AppError, SEPARATOR, type EntityKey, type SegmentCondition, type SegmentValue,
} from '@tallyfleet/domain'
import type { SegmentDocument, SegmentEntry, SegmentFilter, SegmentOf, SegmentStore, TopAfter } from '@tallyfleet/ports'
import { codeOfStatus, connectSearch, searchError, type SearchOptions } from './search-connection.ts'
import { aliasOf, ensureIndex } from './segment-index.ts'
import { compareValues, termOf, termPrefixOf, termRangeOf, termsOf, valueOfTerm } from './segment-term.ts'

const OPEN_TIMEOUT_MS = 6_000
const MAX_BULK_BYTES = 5 * 1_048_576
const MAX_BULK_ITEMS = 1_000
/** Values that one page of an aggregation covers. */
const PAGE = 1_000

/** The stored form; `terms` and `actions` are derived from the rest, for the index alone. */
type Source = {
  tenant: string
  domain: string
  entity_type: string
  entity_id: string
  title: string | null
  dimensions: SegmentDocument['dimensions']
  totals: Record<string, number>
  version: number
  shard: number
}

type Write = { id: string; version: number; source: object }
type Bucket = { value: SegmentValue; documents: number; totals: Record<string, number> }
type PageOfBuckets = {
  after_key?: { term: string }
  buckets: ({ key: { term: string }; doc_count: number } & Stats)[]
}
type Stats = Record<string, { count: number; sum: number }>

/**
 * Segments in Elasticsearch or OpenSearch, in one index for all packs and tenants. Whole documents are indexed with
 * the server's external versions, so that an older write, however late, is refused by the server itself. Sums are
 * doubles: exact up to 2^53. The marks live in the documents' own index: who loses one, loses both, and the projection
 * begins again.
 */
export class SearchSegmentStore implements SegmentStore {
  readonly #client: Client
  readonly #alias: string
  #closed = false

  private constructor(client: Client, alias: string) {
    this.#client = client
    this.#alias = alias
  }

  /**
   * Connects, and creates the index `<prefix>-segments-v2` with its alias `<prefix>-segments` where they are missing.
   * Rejects within 10 seconds: `STORE_UNAVAILABLE`; `CONFIG_INVALID` for a bad URL or prefix; `STORE_REFUSED` for an
   * index that this release must not touch.
   */
  static async open(options: SearchOptions & { prefix?: string }): Promise<SearchSegmentStore> {
    const alias = aliasOf(options.prefix ?? 'tallyfleet')
    const client = connectSearch(options)
    try {
      await ensureIndex(client, alias, { signal: AbortSignal.timeout(OPEN_TIMEOUT_MS), maxRetries: 0 })
    } catch (error) {
      await client.close()
      throw searchError(error)
    }
    return new SearchSegmentStore(client, alias)
  }

  async putDocuments(documents: readonly SegmentDocument[]): Promise<{ written: number; stale: number }> {
    return this.#write(documents.map((document) => ({
      id: idOf(document), version: document.version, source: sourceOf(document),
    })))
  }

  async scanDocuments(of: SegmentOf, after: string | undefined, limit: number): Promise<SegmentDocument[]> {
    return this.#call(async (client) => {
      await client.indices.refresh({ index: this.#alias })
      const found = await client.search<Source>({
        index: this.#alias, size: limit, track_total_hits: false, query: queryOf(of, []),
        sort: [{ entity_id: 'asc' }], ...(after !== undefined && { search_after: [after] }),
      })
      return found.hits.hits.map((hit) => documentOf(hit._source!))
    })
  }

  async count(of: SegmentOf, filter: SegmentFilter): Promise<number> {
    return this.#call(async (client) => {
      await client.indices.refresh({ index: this.#alias })
      return (await client.count({ index: this.#alias, query: queryOf(of, filter) })).count
    })
  }

  async sumTotals(of: SegmentOf, filter: SegmentFilter): Promise<{ documents: number; totals: Record<string, number> }> {
    return this.#call(async (client) => {
      await client.indices.refresh({ index: this.#alias })
      const query = queryOf(of, filter)
      const actions = await this.#listActions(query)
      const { hits, aggregations } = await client.search<unknown, Stats>({
        index: this.#alias, size: 0, track_total_hits: true, query, aggs: statsOf(actions),
      })
      return { documents: (hits.total as estypes.SearchTotalHits).value, totals: totalsOf(actions, aggregations ?? {}) }
    })
  }

  async listTop(
    of: SegmentOf, action: string, filter: SegmentFilter, limit: number, after?: TopAfter,
  ): Promise<SegmentEntry[]> {
    return this.#call(async (client) => {
      await client.indices.refresh({ index: this.#alias })
      const { hits } = await client.search<Source>({
        index: this.#alias, size: limit, track_total_hits: false, query: queryOf(of, filter),
        sort: [
          { [`totals.${action}`]: { order: 'desc', missing: 0, unmapped_type: 'double' } }, { entity_id: 'asc' },
        ],
        ...(after && { search_after: [after.count, after.entityId] }),
      })
      return hits.hits.map(({ _source }) =>
        ({ entityId: _source!.entity_id, title: _source!.title, totals: _source!.totals }))
    })
  }

  async listRepeated(
    of: SegmentOf, dimension: string, filter: SegmentFilter, limit: number,
  ): Promise<{ value: SegmentValue; documents: number }[]> {
    return this.#call(async (client) => {
      await client.indices.refresh({ index: this.#alias })
      const query = queryOf(of, filter)
      const prefix = termPrefixOf(dimension)
      // Exact as long as the index has one shard, which is how it is made.
      const { aggregations } = await client.search<unknown, { terms: { buckets: { key: string; doc_count: number }[] } }>({
        index: this.#alias, size: 0, track_total_hits: false, query,
        aggs: { terms: { terms: {
          field: 'terms', size: limit, min_doc_count: 2, include: `${regexOf(prefix)}.*`,
          order: [{ _count: 'desc' }, { _key: 'asc' }],
        } } },
      })
      const found: { value: SegmentValue; documents: number }[] = []
      for (const { key, doc_count: documents } of aggregations!.terms.buckets) {
        found.push({ value: valueOfTerm(dimension, key) ?? await this.#getLongText(query, dimension, key), documents })
      }
      return found.sort((a, b) => b.documents - a.documents || compareValues(a.value, b.value))
    })
  }

  async listBuckets(of: SegmentOf, dimension: string, filter: SegmentFilter, limit: number): Promise<Bucket[]> {
    return this.#call(async (client) => {
      await client.indices.refresh({ index: this.#alias })
      const query = queryOf(of, filter)
      const actions = await this.#listActions(query)
      const buckets: Bucket[] = []
      for await (const { key, doc_count: documents, ...stats } of this.#scanTerms(dimension, query, actions)) {
        const value = valueOfTerm(dimension, key.term) ?? await this.#getLongText(query, dimension, key.term)
        buckets.push({ value, documents, totals: totalsOf(actions, stats) })
      }
      buckets.sort((a, b) => b.documents - a.documents || compareValues(a.value, b.value))
      return buckets.slice(0, limit)
    })
  }

  async listMarks(): Promise<Map<number, number>> {
    return this.#call(async (client) => {
      // By id, because a search sees a write only after a refresh.
      const { docs } = await client.mget<{ mark: number }>({ index: this.#alias, ids: ALL_SHARDS.map(markIdOf) })
      const marks = new Map<number, number>()
      docs.forEach((found, shard) => {
        if ('error' in found) throw new AppError('STORE_UNAVAILABLE', `a mark cannot be read: ${found.error.reason}`)
        if (found.found) marks.set(shard, found._source!.mark)
      })
      return marks
    })
  }

  async putMarks(marks: ReadonlyMap<number, number>): Promise<void> {
    await this.#write([...marks].map(([shard, mark]) => ({ id: markIdOf(shard), version: mark, source: { mark } })))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#client.close()
  }

  async #call<T>(body: (client: Client) => Promise<T>): Promise<T> {
    if (this.#closed) throw new AppError('STORE_UNAVAILABLE', 'the segment store is closed')
    try {
      return await body(this.#client)
    } catch (error) {
      throw searchError(error)
    }
  }

  /** Indexes each document whose version is above the stored one. A repeat, also the client's own, finds it stale. */
  async #write(writes: readonly Write[]): Promise<{ written: number; stale: number }> {
    const result = { written: 0, stale: 0 }
    for (const operations of bulksOf(writes)) {
      await this.#call(async (client) => {
        // require_alias: a bulk must not bring a deleted index back with a guessed mapping.
        const { items } = await client.bulk({ index: this.#alias, require_alias: true, operations })
        for (const { index: item } of items) {
          if (!item) continue
          if (item.status < 300) result.written += 1
          else if (item.status === 409) result.stale += 1
          else {
            const message = `the search server refused ${item._id}: ${item.error?.type}: ${item.error?.reason}`
            throw new AppError(codeOfStatus(item.status), message, { details: { status: item.status } })
          }
        }
      })
    }
    return result
  }

  /** The actions that any of the documents has a total of, sorted. */
  async #listActions(query: estypes.QueryDslQueryContainer): Promise<string[]> {
    const { aggregations } = await this.#client.search<unknown, { actions: { buckets: { key: string }[] } }>({
      index: this.#alias, size: 0, track_total_hits: false, query,
      aggs: { actions: { terms: { field: 'actions', size: PAGE } } },
    })
    return (aggregations?.actions.buckets ?? []).map(({ key }) => key).sort()
  }

  /** Every term of a dimension among the documents, in term order: pages start at its prefix and end with it. */
  async *#scanTerms(
    dimension: string, query: estypes.QueryDslQueryContainer, actions: readonly string[],
  ): AsyncGenerator<PageOfBuckets['buckets'][number]> {
    const prefix = termPrefixOf(dimension)
    const aggs = statsOf(actions)
    let after: { term: string } | undefined = { term: prefix }
    while (after) {
      const { aggregations }: { aggregations?: { terms: PageOfBuckets } } = await this.#client.search<
        unknown, { terms: PageOfBuckets }
      >({
        index: this.#alias, size: 0, track_total_hits: false, query,
        aggs: { terms: {
          composite: { size: PAGE, sources: [{ term: { terms: { field: 'terms' } } }], after }, aggs,
        } },
      })
      for (const bucket of aggregations!.terms.buckets) {
        if (!bucket.key.term.startsWith(prefix)) return
        yield bucket
      }
      after = aggregations!.terms.after_key
    }
  }

  /** The text behind a term that holds its hash alone, from a document that has it. */
  async #getLongText(query: estypes.QueryDslQueryContainer, dimension: string, term: string): Promise<string> {
    const { hits } = await this.#client.search<Source>({
      index: this.#alias, size: 1, track_total_hits: false,
      query: { bool: { filter: [query, { term: { terms: term } }] } },
    })
    const held = hits.hits[0]?._source?.dimensions[dimension]
    const text = [held].flat().find((value) => typeof value === 'string' && termOf(dimension, value) === term)
    // Written over between the two requests: the next attempt sees one state.
    if (typeof text !== 'string') throw new AppError('STORE_UNAVAILABLE', `a value of ${dimension} changed while it was read`)
    return text
  }
}

/** 43 characters, however long the entity's id: the server allows 512 bytes. */
function idOf({ tenant, domain, entityType, entityId }: EntityKey): string {
  return createHash('sha256').update([tenant, domain, entityType, entityId].join(SEPARATOR)).digest('base64url')
}

function markIdOf(shard: number): string {
  return `mark-${shard}`
}

function sourceOf(document: SegmentDocument): Source & { terms: string[]; actions: string[] } {
  const { tenant, domain, entityType, entityId, title, dimensions, totals, version, shard } = document
  return {
    tenant, domain, entity_type: entityType, entity_id: entityId, title, dimensions, totals, version, shard,
    terms: termsOf(dimensions), actions: Object.keys(totals),
  }
}

function documentOf(source: Source): SegmentDocument {
  const { tenant, domain, entity_type: entityType, entity_id: entityId, title, dimensions, totals, version, shard } = source
  return { tenant, domain, entityType, entityId, title, dimensions, totals, version, shard }
}

function queryOf({ tenant, domain, entityType }: SegmentOf, filter: SegmentFilter): estypes.QueryDslQueryContainer {
  return { bool: { filter: [
    { term: { tenant } }, { term: { domain } }, { term: { entity_type: entityType } }, ...filter.map(clauseOf),
  ] } }
}

function clauseOf(condition: SegmentCondition): estypes.QueryDslQueryContainer {
  if ('all' in condition) return { bool: { filter: condition.all.map(clauseOf) } }
  if ('any' in condition) {
    return { bool: { should: condition.any.map(clauseOf), minimum_should_match: 1 } }
  }
  if ('not' in condition) return { bool: { must_not: [clauseOf(condition.not)] } }
  if ('total' in condition) return { range: { [`totals.${condition.total}`]: edgesOf(condition) } }
  const { dimension } = condition
  if ('exists' in condition) {
    const some = { prefix: { terms: termPrefixOf(dimension) } }
    return condition.exists ? some : { bool: { must_not: [some] } }
  }
  if ('in' in condition) return { terms: { terms: condition.in.map((value) => termOf(dimension, value)) } }
  return { range: { terms: termRangeOf(dimension, condition) } }
}

function edgesOf({ gte, lt }: { gte?: number | undefined; lt?: number | undefined }): { gte?: number; lt?: number } {
  return { ...(gte !== undefined && { gte }), ...(lt !== undefined && { lt }) }
}

function statsOf(actions: readonly string[]): Record<string, estypes.AggregationsAggregationContainer> {
  return Object.fromEntries(actions.map((action, at) => [`total${at}`, { stats: { field: `totals.${action}` } }]))
}

function totalsOf(actions: readonly string[], stats: Stats): Record<string, number> {
  return Object.fromEntries(actions.flatMap((action, at) => {
    const { count, sum } = stats[`total${at}`] ?? { count: 0, sum: 0 }
    return count > 0 ? [[action, sum]] : []
  }))
}

/** A text as a Lucene regular expression takes it. */
function regexOf(text: string): string {
  return text.replace(/[.?+*|{}[\]()"\\#@&<>~^$-]/g, '\\$&')
}

/** The lines of bulk requests of at most 5 MiB each; a larger document travels alone. */
function* bulksOf(writes: readonly Write[]): Generator<string[]> {
  let lines: string[] = []
  let bytes = 0
  for (const { id, version, source } of writes) {
    const action = JSON.stringify({ index: { _id: id, version, version_type: 'external' } })
    const body = JSON.stringify(source)
    const size = Buffer.byteLength(action) + Buffer.byteLength(body) + 2
    if (lines.length > 0 && (bytes + size > MAX_BULK_BYTES || lines.length >= 2 * MAX_BULK_ITEMS)) {
      yield lines
      lines = []
      bytes = 0
    }
    lines.push(action, body)
    bytes += size
  }
  if (lines.length > 0) yield lines
}
