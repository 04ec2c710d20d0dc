import { open, readFile, unlink, writeFile, type FileHandle } from 'node:fs/promises'
import { AppError, SHARD_COUNT } from '@tallyfleet/domain'
import type { IngestRequest, LogPlace } from '@tallyfleet/ports'
import { encodeRecord, type LogRecord } from './record.ts'
import { emptySegment, listBases, logIdOf, noteRecord, readSegments, segmentPath, syncFolder, type Segment } from './segments.ts'

const SEGMENT_BYTES = 32 * 1_048_576
const MAX_WAITING_EVENTS = 50_000

type Waiting = { request: IngestRequest; durable: (place: LogPlace) => void; failed: (error: unknown) => void }

/**
 * One process's log: numbered records in segment files. Requests in flight together share one write and one fsync.
 * Numbers have no gaps: those of a write that failed are given again, in a new segment.
 */
export class IngestLog {
  readonly id: string
  readonly folder: string
  readonly #segmentBytes: number
  #segments: Segment[]
  #lastOf: number[]
  #next: number
  #file: { handle: FileHandle; bytes: number } | undefined
  #waiting: Waiting[] = []
  #waitingEvents = 0
  #writing: Promise<void> | undefined
  #fault: string | undefined

  private constructor(id: string, folder: string, segments: Segment[], segmentBytes: number) {
    this.id = id
    this.folder = folder
    this.#segmentBytes = segmentBytes
    this.#segments = segments
    this.#lastOf = Array.from({ length: SHARD_COUNT }, (_, shard) => Math.max(0, ...segments.map(({ lastOf }) => lastOf[shard]!)))
    this.#next = (segments.at(-1)?.last ?? 0) + 1
  }

  /**
   * Opens the log of a folder that is this process's alone. What a crash left at its end is made durable before anyone
   * acts on it. Rejects with `STORE_REFUSED` when the log is damaged.
   */
  static async open(folder: string, { segmentBytes = SEGMENT_BYTES } = {}): Promise<IngestLog> {
    const id = (await logIdOf(folder, { create: true }))!
    const bases = await listBases(folder)
    const known = new Map<number, Segment>()
    for (const base of bases.slice(0, -1)) {
      const summary = await readIndex(segmentPath(folder, base))
      if (summary) known.set(base, summary)
    }
    for await (const { segment } of readSegments(folder, (base) => !known.has(base))) {
      known.set(segment.base, segment)
      if (segment.base !== bases.at(-1)) await writeIndex(segment)
    }
    const newest = bases.at(-1)
    if (newest !== undefined) {
      const handle = await open(segmentPath(folder, newest), 'r+')
      await handle.sync().finally(() => handle.close())
    }
    return new IngestLog(id, folder, bases.map((base) => known.get(base)!), segmentBytes)
  }

  /** Why the last write failed; undefined while all is well. */
  get fault(): string | undefined {
    return this.#fault
  }

  /** Number of the last record; 0 = none ever. */
  get last(): number {
    return this.#next - 1
  }

  /** The last record that touches each shard, as far as kept; 0 = none. */
  get lastOf(): readonly number[] {
    return this.#lastOf
  }

  get segments(): readonly Segment[] {
    return this.#segments
  }

  /** Whether there is room for a request. Throws `OVERLOADED`. */
  admit({ events }: IngestRequest): void {
    if (this.#waitingEvents + events.length > MAX_WAITING_EVENTS) {
      throw new AppError('OVERLOADED', 'too many events wait for the ingest log', { details: { retryAfterSeconds: 1 } })
    }
  }

  /**
   * Logs a request. Calls `durable` once it is on disk, in the order of the records and before it returns to anything
   * else; or `failed` with `STORE_UNAVAILABLE`, when nothing of it will ever be replayed.
   */
  append(request: IngestRequest, durable: Waiting['durable'], failed: Waiting['failed']): void {
    this.#waiting.push({ request, durable, failed })
    this.#waitingEvents += request.events.length
    this.#writing ??= this.#writeAll()
  }

  /** The records after these positions, by shard; those that nobody needs are not read. */
  async* read(after: readonly number[]): AsyncGenerator<LogRecord> {
    const needed = new Set(this.#segments.filter(({ lastOf }) => lastOf.some((seq, shard) => seq > after[shard]!)).map(({ base }) => base))
    const end = this.last
    for await (const { records } of readSegments(this.folder, (base) => needed.has(base))) {
      for (const record of records) if (record.seq <= end) yield record
    }
  }

  /** Deletes the oldest segments, as long as `isDone` says so; the one that is written to stays. */
  async prune(isDone: (segment: Segment) => boolean): Promise<number> {
    let pruned = 0
    while (this.#segments.length > 1 && isDone(this.#segments[0]!)) {
      const { path } = this.#segments.shift()!
      await unlink(path)
      await unlink(indexPath(path)).catch(() => {})
      pruned++
    }
    return pruned
  }

  async close(): Promise<void> {
    while (this.#writing) await this.#writing
    await this.#file?.handle.close()
    this.#file = undefined
  }

  async #writeAll(): Promise<void> {
    await new Promise(setImmediate) // what arrives in this turn shares the write
    while (this.#waiting.length > 0) {
      const group = this.#waiting
      this.#waiting = []
      this.#waitingEvents = 0
      try {
        await this.#write(group)
      } catch (cause) {
        this.#fault = cause instanceof Error ? cause.message : String(cause)
        // Nobody knows what of it reached the disk: the next segment begins with its first number and makes it void.
        await this.#file?.handle.close().catch(() => {})
        this.#file = undefined
        const error = new AppError('STORE_UNAVAILABLE', `the ingest log cannot be written: ${this.#fault}`, {
          cause, details: { retryAfterSeconds: 5 },
        })
        for (const { failed } of group) failed(error)
      }
    }
    this.#writing = undefined
  }

  async #write(group: readonly Waiting[]): Promise<void> {
    const at = new Date()
    const parts = group.map(({ request }, index) => encodeRecord(this.#next + index, at, request))
    const file = this.#file ??= await this.#begin()
    const bytes = Buffer.concat(parts)
    for (let written = 0; written < bytes.length;) written += (await file.handle.write(bytes, written)).bytesWritten
    await file.handle.datasync()
    this.#fault = undefined
    file.bytes += bytes.length
    for (const { request, durable } of group) {
      const seq = this.#next++
      const previous = new Map<number, number>()
      for (const { shard } of request.events) if (!previous.has(shard)) previous.set(shard, this.#lastOf[shard]!)
      noteRecord(this.#segments.at(-1)!, seq, at, previous.keys())
      for (const shard of previous.keys()) this.#lastOf[shard] = seq
      durable({ id: this.id, seq, previous })
    }
    if (file.bytes < this.#segmentBytes) return
    this.#file = undefined
    await file.handle.close().catch(() => {})
    await writeIndex(this.#segments.at(-1)!).catch(() => {}) // only spares a reading
  }

  async #begin(): Promise<{ handle: FileHandle; bytes: number }> {
    const path = segmentPath(this.folder, this.#next)
    const handle = await open(path, 'w', 0o600)
    try {
      await syncFolder(this.folder)
    } catch (error) {
      await handle.close()
      throw error
    }
    // One that failed before its first record has the same name.
    if (this.#segments.at(-1)?.base === this.#next) this.#segments.pop()
    this.#segments.push(emptySegment(path, this.#next))
    return { handle, bytes: 0 }
  }
}

function indexPath(path: string): string {
  return path.replace(/\.log$/, '.json')
}

async function writeIndex(segment: Segment): Promise<void> {
  await writeFile(indexPath(segment.path), JSON.stringify(segment))
}

/** A summary written beside a full segment; undefined when it is not whole or does not fit. */
async function readIndex(path: string): Promise<Segment | undefined> {
  try {
    const { base, last, firstAt, lastAt, lastOf } = JSON.parse(await readFile(indexPath(path), 'utf8')) as Segment
    if (segmentPath('', base) !== segmentPath('', Number(path.slice(-20, -4))) || lastOf.length !== SHARD_COUNT) return undefined
    return { path, base, last, firstAt: firstAt && new Date(firstAt), lastAt: lastAt && new Date(lastAt), lastOf }
  } catch {
    return undefined
  }
}
