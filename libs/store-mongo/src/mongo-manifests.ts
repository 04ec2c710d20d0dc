import { ALL_SHARDS, AppError, type Delta } from '@tallyfleet/domain'
import type { Manifest } from '@tallyfleet/ports'
import { Binary, type Collection } from 'mongodb'
import { packDeltas, unpackDeltas } from './delta-parts.ts'
import type { MongoConnection } from './mongo-connection.ts'
import { isDuplicate } from './mongo-errors.ts'

type TenantEvents = { tenant: string; events: number }

/**
 * The header of a batch. It is inserted after all its parts, so whoever sees it finds them. Sums by tenant are lists,
 * because a tenant's name may not be a field name.
 */
type Header = {
  /** See {@link batchKeyOf}: shard and number, so that a shard's headers are a range. */
  _id: string
  shard: number
  n: number
  kind: Manifest['kind']
  name: string
  checksum: string
  events: TenantEvents[]
  running: TenantEvents[]
  delta_count: number
  state: Manifest['state']
  created_at: Date
  done_at: Date | null
  job_id: string
  /** Names the parts of this writer: two writers of one number with other deltas do not mix. */
  content: string
  /** How many parts there are; 0 once retention has deleted them. */
  parts: number
  /** Retention has begun to delete the parts. */
  blanked: boolean
}

type Part = { _id: string; data: Binary }

/** The number of a shard's latest batch, raised before its header is inserted: the header may be missing, no later one. */
type Head = { _id: number; n: number }

const SHARDS_AT_ONCE = 32
const BLANKED_AT_ONCE = 500

/** Headers in `manifests`, compressed deltas in `manifest_parts`, the latest number of each shard in `manifest_heads`. */
export class MongoManifests {
  readonly #headers: Collection<Header>
  readonly #parts: Collection<Part>
  readonly #heads: Collection<Head>

  constructor(connection: MongoConnection) {
    this.#headers = connection.collection('manifests')
    this.#parts = connection.collection('manifest_parts')
    this.#heads = connection.collection('manifest_heads')
  }

  async ensureIndexes(): Promise<void> {
    // What retention still has to do. All other look-ups go by `_id`.
    await this.#headers.createIndex({ created_at: 1 }, { name: 'kept', partialFilterExpression: { parts: { $gt: 0 } } })
  }

  async append(manifest: Manifest, deltas: readonly Delta[]): Promise<Manifest> {
    const { shard, n } = manifest
    const existing = await this.find(shard, n)
    if (existing) return existing

    const { content, parts } = await packDeltas(deltas)
    await this.#raiseHead(shard, n)
    for (const [index, part] of parts.entries()) {
      const _id = partKeyOf(shard, n, content, index)
      await insertUnlessThere(this.#parts, { _id, data: new Binary(part) })
    }
    const header = headerOf(manifest, content, parts.length)
    if (await insertUnlessThere(this.#headers, header)) return manifestOf(header)

    const winner = await this.#headers.findOne({ _id: header._id })
    if (!winner) throw new AppError('STORE_UNAVAILABLE', `manifest ${header._id} is there but not readable yet`)
    // Nobody reads our parts now: the header that could have named them was refused.
    if (winner.blanked || winner.content !== content) await this.#deleteParts([{ ...header, parts: parts.length }])
    return manifestOf(winner)
  }

  async putCopy(manifest: Manifest, deltas: readonly Delta[] | undefined): Promise<void> {
    await this.append(manifest, deltas ?? [])
    const { shard, n, state, doneAt } = manifest
    const header = await this.#headers.findOne({ _id: batchKeyOf(shard, n) })
    if (!deltas && header) await this.#deleteParts([header])
    await this.#headers.updateOne({ _id: batchKeyOf(shard, n) }, {
      $set: { state, done_at: doneAt ?? null, ...(deltas ? {} : { blanked: true, parts: 0 }) },
    })
  }

  async find(shard: number, n: number): Promise<Manifest | undefined> {
    const header = await this.#headers.findOne({ _id: batchKeyOf(shard, n) })
    return header ? manifestOf(header) : undefined
  }

  async findState(shard: number, n: number): Promise<Manifest['state'] | undefined> {
    return (await this.#headers.findOne({ _id: batchKeyOf(shard, n) }, { projection: { state: 1 } }))?.state
  }

  /**
   * Two queries: a grouping would read every header there ever was. What a release without heads has written shows as a
   * header after the head, or as the first one of a shard without a head: such shards are looked up one by one.
   */
  async listLatest(): Promise<Manifest[]> {
    const heads = new Map((await this.#heads.find().toArray()).map(({ _id, n }) => [_id, Number(n)]))
    const keyOf = (shard: number, ahead: 0 | 1) => batchKeyOf(shard, (heads.get(shard) ?? 0) + ahead)
    const keys = ALL_SHARDS.flatMap((shard) => heads.has(shard) ? [keyOf(shard, 0), keyOf(shard, 1)] : [keyOf(shard, 1)])
    const found = new Map((await this.#headers.find({ _id: { $in: keys } }).toArray()).map((header) => [header._id, header]))
    const latest = ALL_SHARDS.flatMap((shard) => found.get(keyOf(shard, 0)) ?? [])
    const odd = ALL_SHARDS.filter((shard) => found.has(keyOf(shard, 1)) || (heads.has(shard) && !found.has(keyOf(shard, 0))))
    if (odd.length === 0) return latest.map(manifestOf)
    return [...latest.filter(({ shard }) => !odd.includes(shard)), ...await this.#lookUpLatest(odd)].map(manifestOf)
  }

  async #lookUpLatest(shards: readonly number[]): Promise<Header[]> {
    const latest: Header[] = []
    for (let first = 0; first < shards.length; first += SHARDS_AT_ONCE) {
      const found = await Promise.all(shards.slice(first, first + SHARDS_AT_ONCE).map((shard) =>
        this.#headers.find({ _id: rangeOf(shard, 0) }).sort({ _id: -1 }).limit(1).toArray()))
      latest.push(...found.flat())
    }
    return latest
  }

  async list(shard: number, afterN: number, limit: number): Promise<Manifest[]> {
    if (limit <= 0) return []
    const headers = await this.#headers.find({ _id: rangeOf(shard, afterN) }).sort({ _id: 1 }).limit(limit).toArray()
    return headers.map(manifestOf)
  }

  async findDeltas(shard: number, n: number): Promise<Delta[] | undefined> {
    const header = await this.#headers.findOne({ _id: batchKeyOf(shard, n) })
    if (!header || header.blanked) return undefined
    const parts = await this.#parts.find({ _id: { $in: partKeysOf(header) } }).sort({ _id: 1 }).toArray()
    if (parts.length === header.parts) return unpackDeltas(parts.map(({ data }) => data.value()))
    const now = await this.#headers.findOne({ _id: header._id }, { projection: { blanked: 1 } })
    if (now?.blanked) return undefined // while we read
    throw new AppError('BUG', `manifest ${header._id} has ${parts.length} of its ${header.parts} parts`)
  }

  async finish(shard: number, n: number, doneAt: Date): Promise<void> {
    await this.#headers.updateOne(
      { _id: batchKeyOf(shard, n), state: 'open' }, { $set: { state: 'done', done_at: doneAt } })
  }

  /** Marks before it deletes, and forgets the parts last: whatever a crash leaves is found again. */
  async blankDeltas(before: Date): Promise<number> {
    let blanked = 0
    for (;;) {
      const headers = await this.#headers.find({ parts: { $gt: 0 }, created_at: { $lt: before }, state: 'done' })
        .sort({ created_at: 1 }).limit(BLANKED_AT_ONCE).toArray()
      if (headers.length === 0) return blanked
      const chosen = { _id: { $in: headers.map(({ _id }) => _id) } }
      await this.#headers.updateMany(chosen, { $set: { blanked: true } })
      await this.#deleteParts(headers)
      const { modifiedCount } = await this.#headers.updateMany({ ...chosen, parts: { $gt: 0 } }, { $set: { parts: 0 } })
      blanked += modifiedCount
    }
  }

  async #raiseHead(shard: number, n: number): Promise<void> {
    try {
      await this.#heads.updateOne({ _id: shard, n: { $lt: n } }, { $set: { n } }, { upsert: true })
    } catch (error) {
      if (!isDuplicate(error)) throw error // it is there, and not below n
    }
  }

  async #deleteParts(headers: readonly Header[]): Promise<void> {
    await this.#parts.deleteMany({ _id: { $in: headers.flatMap(partKeysOf) } })
  }
}

/** `007:0000000000000042`: sorts by shard, then by number. */
export function batchKeyOf(shard: number, n: number): string {
  return `${String(shard).padStart(3, '0')}:${String(n).padStart(16, '0')}`
}

/** True when this call inserted the record. */
export async function insertUnlessThere<Record extends { _id: string }>(
  collection: Collection<Record>, record: Record,
): Promise<boolean> {
  try {
    await collection.insertOne(record as Parameters<typeof collection.insertOne>[0])
    return true
  } catch (error) {
    if (isDuplicate(error)) return false
    throw error
  }
}

/** The batches of a shard above `afterN`. */
function rangeOf(shard: number, afterN: number): { $gt: string; $lt: string } {
  return { $gt: batchKeyOf(shard, afterN), $lt: `${String(shard).padStart(3, '0')};` } // `;` follows `:`
}

function partKeyOf(shard: number, n: number, content: string, index: number): string {
  return `${batchKeyOf(shard, n)}:${content}:${String(index).padStart(6, '0')}`
}

function partKeysOf({ shard, n, content, parts }: Header): string[] {
  return Array.from({ length: parts }, (_, index) => partKeyOf(shard, n, content, index))
}

function headerOf(manifest: Manifest, content: string, parts: number): Header {
  const { shard, n, kind, name, checksum, state } = manifest
  return {
    _id: batchKeyOf(shard, n), shard, n, kind, name, checksum, events: listOf(manifest.events),
    running: listOf(manifest.running), delta_count: manifest.deltaCount, state, created_at: manifest.createdAt,
    done_at: manifest.doneAt ?? null, job_id: manifest.jobId, content, parts, blanked: false,
  }
}

function manifestOf(header: Header): Manifest {
  const { shard, n, kind, name, checksum, state } = header
  return {
    shard, n, kind, name, checksum, events: sumsOf(header.events), running: sumsOf(header.running),
    deltaCount: header.delta_count, state, createdAt: header.created_at, doneAt: header.done_at ?? undefined,
    jobId: header.job_id,
  }
}

function listOf(sums: Readonly<Record<string, number>>): TenantEvents[] {
  return Object.entries(sums).map(([tenant, events]) => ({ tenant, events }))
}

function sumsOf(list: readonly TenantEvents[]): Record<string, number> {
  return Object.fromEntries(list.map(({ tenant, events }) => [tenant, events]))
}
