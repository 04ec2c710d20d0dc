import { AppError } from '@tallyfleet/domain'
import type { Journal, JournalRange, JournalRecord } from '@tallyfleet/ports'
import type { Collection } from 'mongodb'
import { canonicalJson } from './canonical-json.ts'
import { MongoConnection } from './mongo-connection.ts'
import { isDuplicate, translated } from './mongo-errors.ts'

/** `_id` is kind, U+001F, id: one index gives uniqueness and byte order. `body` is canonical JSON, equal when equal. */
type Entry = { _id: string; body: string }

const MAX_BODY_BYTES = 1_048_576
const SEPARATOR = '\u001f'
/** Sorts right after every id of the kind that it ends. */
const AFTER_SEPARATOR = '\u0020'
/** Upserts of one id at the same time can collide; whoever loses finds the record there at the next try. */
const MAX_PUT_TRIES = 5

/** The journal in the collection `journal`. */
export class MongoJournal implements Journal {
  readonly #connection: MongoConnection
  readonly #entries: Collection<Entry>

  private constructor(connection: MongoConnection) {
    this.#connection = connection
    this.#entries = connection.collection('journal')
  }

  /** Rejects with STORE_UNAVAILABLE when no primary answers, CONFIG_INVALID for a malformed URL. */
  static async open({ url }: { url: string }): Promise<MongoJournal> {
    return new MongoJournal(await MongoConnection.open({ url }))
  }

  async claim(kind: string, id: string, body: unknown): Promise<boolean> {
    const entry = { _id: keyOf(kind, id), body: bodyOf(body) }
    return translated(async () => {
      try {
        await this.#entries.insertOne(entry)
        return true
      } catch (error) {
        if (isDuplicate(error)) return false
        throw error
      }
    })
  }

  async put(kind: string, id: string, body: unknown): Promise<void> {
    const json = bodyOf(body)
    await translated(async () => {
      for (let tries = 1; ; tries++) {
        try {
          await this.#entries.updateOne({ _id: keyOf(kind, id) }, { $set: { body: json } }, { upsert: true })
          return
        } catch (error) {
          if (!isDuplicate(error) || tries === MAX_PUT_TRIES) throw error
        }
      }
    })
  }

  async swap(kind: string, id: string, expected: unknown, body: unknown): Promise<boolean> {
    const filter = { _id: keyOf(kind, id), body: canonicalJson(expected) }
    const json = bodyOf(body)
    const { matchedCount } = await translated(() => this.#entries.updateOne(filter, { $set: { body: json } }))
    return matchedCount === 1
  }

  async find(kind: string, id: string): Promise<unknown> {
    const entry = await translated(() => this.#entries.findOne({ _id: keyOf(kind, id) }))
    return entry ? JSON.parse(entry.body) : undefined
  }

  async list(kind: string, { from = '', to, limit, descending = false }: JournalRange): Promise<JournalRecord[]> {
    if (limit <= 0) return []
    const $lt = to === undefined ? kind + AFTER_SEPARATOR : keyOf(kind, to)
    const entries = await translated(() => this.#entries.find({ _id: { $gte: keyOf(kind, from), $lt } })
      .sort({ _id: descending ? -1 : 1 }).limit(limit).toArray())
    return entries.map(({ _id, body }) => ({ id: _id.slice(kind.length + SEPARATOR.length), body: JSON.parse(body) }))
  }

  /** One look-up a kind: the kinds are few, the records are not. */
  async listKinds(): Promise<string[]> {
    const kinds: string[] = []
    for (let after = ''; ;) {
      const [entry] = await translated(() => this.#entries.find({ _id: { $gte: after } }).sort({ _id: 1 }).limit(1).toArray())
      if (!entry) return kinds
      const kind = entry._id.slice(0, entry._id.indexOf(SEPARATOR))
      kinds.push(kind)
      after = kind + AFTER_SEPARATOR
    }
  }

  async deleteBefore(kind: string, before: string, from = ''): Promise<number> {
    const range = { $gte: keyOf(kind, from), $lt: keyOf(kind, before) }
    const { deletedCount } = await translated(() => this.#entries.deleteMany({ _id: range }))
    return deletedCount
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection[Symbol.asyncDispose]()
  }
}

function keyOf(kind: string, id: string): string {
  return kind + SEPARATOR + id
}

function bodyOf(body: unknown): string {
  const json = canonicalJson(body)
  const bytes = Buffer.byteLength(json)
  if (bytes > MAX_BODY_BYTES) {
    throw new AppError('FIELD_INVALID', `a journal body of ${bytes} bytes is larger than ${MAX_BODY_BYTES}`)
  }
  return json
}
