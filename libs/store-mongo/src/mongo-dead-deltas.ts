import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { deflate, inflate } from 'node:zlib'
import { AppError, eventsByTenant, type Delta } from '@tallyfleet/domain'
import { Binary, type Collection } from 'mongodb'
import type { MongoConnection } from './mongo-connection.ts'
import { batchKeyOf, insertUnlessThere } from './mongo-manifests.ts'

export type DeadDelta = { delta: Delta; reason: string }

/** What died in one batch: the sums, and how many parts hold the deltas under this name. */
type DeadBatch = {
  _id: string
  shard: number
  n: number
  events: { tenant: string; events: number }[]
  content: string
  parts: number
}

/** Compressed JSON of some of a batch's dead deltas, each with its reason. */
type DeadPart = { _id: string; data: Binary }

/** With the longest ids, a part stays below the 16 MiB of a document even when nothing in it can be compressed. */
const DELTAS_A_PART = 4_000

const compress = promisify(deflate)
const decompress = promisify(inflate)

/** Deltas that could never be applied: sums in `dead`, the deltas in `dead_parts`, for a person to look at. */
export class MongoDeadDeltas {
  readonly #batches: Collection<DeadBatch>
  readonly #parts: Collection<DeadPart>

  constructor(connection: MongoConnection) {
    this.#batches = connection.collection('dead')
    this.#parts = connection.collection('dead_parts')
  }

  async append(shard: number, n: number, dead: readonly DeadDelta[]): Promise<boolean> {
    const _id = batchKeyOf(shard, n)
    if (await this.#batches.findOne({ _id }, { projection: { _id: 1 } })) return false

    const content = createHash('sha256').update(JSON.stringify(dead)).digest('hex').slice(0, 32)
    let parts = 0
    for (; parts * DELTAS_A_PART < dead.length; parts++) {
      const part = dead.slice(parts * DELTAS_A_PART, (parts + 1) * DELTAS_A_PART)
      const data = new Binary(await compress(JSON.stringify(part)))
      await insertUnlessThere(this.#parts, { _id: `${_id}:${content}:${String(parts).padStart(6, '0')}`, data })
    }
    const sums = eventsByTenant(dead.map(({ delta }) => delta))
    const events = Object.entries(sums).map(([tenant, count]) => ({ tenant, events: count }))
    return insertUnlessThere(this.#batches, { _id, shard, n, events, content, parts })
  }

  async *scan(): AsyncGenerator<{ shard: number; n: number; dead: DeadDelta[] }> {
    for await (const { _id, shard, n, content, parts } of this.#batches.find().sort({ _id: 1 })) {
      const dead: DeadDelta[] = []
      for (let at = 0; at < parts; at++) {
        const part = await this.#parts.findOne({ _id: `${_id}:${content}:${String(at).padStart(6, '0')}` })
        if (!part) throw new AppError('BUG', `dead batch ${_id} has lost its part ${at}`)
        dead.push(...JSON.parse((await decompress(part.data.value())).toString()) as DeadDelta[])
      }
      yield { shard, n, dead }
    }
  }

  async list(): Promise<{ shard: number; tenant: string; events: number }[]> {
    const sums = new Map<string, { shard: number; tenant: string; events: number }>()
    for await (const { shard, events } of this.#batches.find({}, { projection: { shard: 1, events: 1 } })) {
      for (const { tenant, events: more } of events) {
        const key = `${shard}:${tenant}`
        const sum = sums.get(key)
        if (sum) sum.events += more
        else sums.set(key, { shard, tenant, events: more })
      }
    }
    return [...sums.values()]
  }
}
