import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { AppError, readEvent, toAppError, type Packs } from '@tallyfleet/domain'
import type { Clock, HotStore, IngestEvent, Journal } from '@tallyfleet/ports'
import { ingestEventOf } from '../ingest/record-events.ts'
import { csvRecords } from './csv-records.ts'
import type { ImportFormat } from './import-format.ts'
import { readRecords, type ReadRecordsOptions } from './read-records.ts'

const CHUNK = 1_000
const SAVE_EVERY_CHUNKS = 20
const CHUNKS_AT_ONCE = 3
const PATIENCE_MS = 60_000

export type ImportFileNeeds = { hot: HotStore; journal: Journal; packs: Packs; secret: string; clock: Clock }

export type ImportSource = {
  path: string
  format: ImportFormat
  tenant: string
  zone: string
  options: Pick<ReadRecordsOptions, 'domain' | 'map'>
}

export type ImportCounts = {
  read: number
  accepted: number
  duplicates: number
  rejected: number
  /** Rejected records by reason. */
  reasons: Record<string, number>
}

/**
 * A stretch of bytes of a file that is, or is being, imported. `prefix` is SHA-256 over the file from its first byte
 * to `endByte`: it tells the file itself from a grown one and from any other.
 */
type Segment = {
  prefix: string
  startByte: number
  endByte: number
  state: 'running' | 'done'
  /** Chunks that are counted for certain. */
  chunks: number
  counts: ImportCounts
}

/**
 * Imports a file through the ingest path. Its records count once however often and however late it is imported: the
 * journal knows finished stretches by their bytes, each shard knows the chunks of running ones. A file that has grown
 * goes on after its known part; an import that was cut off goes on at its last certain chunk.
 * Records of the known part are answered as duplicates. Retries for a minute while the hot store is away, then rejects
 * with its error: run it again to go on.
 */
export async function importFile(
  source: ImportSource, needs: ImportFileNeeds,
  { signal, onProgress }: { signal?: AbortSignal; onProgress?: (done: { bytes: number; size: number }) => void } = {},
): Promise<ImportCounts> {
  const { journal } = needs
  const scope = createHash('sha256')
    .update(JSON.stringify([source.tenant, source.format, source.options.domain, [...source.options.map ?? []]])).digest('hex').slice(0, 16)
  const known = (await journal.list('import', { from: `${scope}|`, to: `${scope}~`, limit: 10_000 }))
    .map(({ body }) => body as Segment)
  const { size, prefixes } = await hashFile(source.path, known.map(({ endByte }) => endByte))
  const own = known.filter(({ prefix, endByte }) => prefixes.get(endByte) === prefix)

  const total: ImportCounts = { read: 0, accepted: 0, duplicates: 0, rejected: 0, reasons: {} }
  let covered = 0
  while (covered < size) {
    const segment = own.filter(({ startByte }) => startByte === covered).sort((a, b) => b.endByte - a.endByte)[0]
      ?? { prefix: prefixes.get(size)!, startByte: covered, endByte: size, state: 'running' as const, chunks: 0, counts: emptyCounts() }
    if (segment.state === 'done') {
      addCounts(total, { ...segment.counts, accepted: 0, duplicates: segment.counts.accepted + segment.counts.duplicates })
    } else {
      addCounts(total, await importSegment(segment, scope, source, needs, { signal, onProgress: (bytes) => onProgress?.({ bytes, size }) }))
    }
    covered = segment.endByte
  }
  return total
}

function emptyCounts(): ImportCounts {
  return { read: 0, accepted: 0, duplicates: 0, rejected: 0, reasons: {} }
}

function addCounts(total: ImportCounts, more: ImportCounts): void {
  for (const name of ['read', 'accepted', 'duplicates', 'rejected'] as const) total[name] += more[name]
  for (const [reason, count] of Object.entries(more.reasons)) total.reasons[reason] = (total.reasons[reason] ?? 0) + count
}

/** SHA-256 of the file up to its end and up to each of `lengths` that it reaches. */
async function hashFile(path: string, lengths: number[]): Promise<{ size: number; prefixes: Map<number, string> }> {
  const hash = createHash('sha256')
  const prefixes = new Map<number, string>()
  const wanted = [...new Set(lengths)].sort((a, b) => a - b)
  let size = 0
  try {
    for await (const block of createReadStream(path) as AsyncIterable<Buffer>) {
      let from = 0
      while (wanted.length > 0 && wanted[0]! <= size + block.length) {
        const end = wanted.shift()! - size
        hash.update(block.subarray(from, end))
        from = end
        prefixes.set(size + end, hash.copy().digest('hex'))
      }
      hash.update(block.subarray(from))
      size += block.length
    }
  } catch (cause) {
    throw new AppError('IMPORT_INVALID', `cannot read ${path}: ${(cause as Error).message}`, { cause })
  }
  prefixes.set(size, hash.digest('hex'))
  return { size, prefixes }
}

async function importSegment(
  segment: Segment, scope: string, source: ImportSource, needs: ImportFileNeeds,
  { signal, onProgress }: { signal?: AbortSignal | undefined; onProgress: (bytes: number) => void },
): Promise<ImportCounts> {
  const { hot, journal, packs, secret, clock } = needs
  const { startByte, endByte, prefix } = segment
  const importId = createHash('sha256').update(`${scope}|${prefix}|${startByte}`).digest('hex').slice(0, 24)
  const id = `${scope}|${String(startByte).padStart(15, '0')}|${prefix}`
  const save = (state: Segment['state'], chunks: number, counts: ImportCounts) =>
    journal.put('import', id, { ...segment, state, chunks, counts } satisfies Segment)
  if (segment.chunks === 0) await save('running', 0, emptyCounts())

  const rules = { packs, tenant: source.tenant, zone: source.zone, now: clock.now(), source: 'import' as const }
  const seen = emptyCounts() // of this run, what the caller is told
  const certain = structuredClone(segment.counts) // of all runs, up to chunk `chunks`
  let chunks = segment.chunks
  let next = 0
  let chunk = emptyChunk()
  const inFlight: { chunk: Chunk; done: Promise<ImportCounts> }[] = []

  const settleOldest = async () => {
    const { chunk: oldest, done } = inFlight.shift()!
    const counts = await done
    addCounts(seen, counts)
    addCounts(certain, counts)
    chunks++
    onProgress(oldest.endByte)
    if (chunks % SAVE_EVERY_CHUNKS === 0) await save('running', chunks, certain)
  }
  const send = async () => {
    const number = next++
    const full = chunk
    chunk = emptyChunk()
    const { events, counts } = full
    if (number < segment.chunks) {
      addCounts(seen, { ...counts, duplicates: events.length }) // an earlier run counted it
      return
    }
    if (inFlight.length === CHUNKS_AT_ONCE) await settleOldest()
    const done = ingestPatiently({ hot, signal }, {
      events, rejected: counts.rejected > 0 ? { tenant: source.tenant, count: counts.rejected } : undefined,
      claim: { importId, chunk: number },
    }).then((outcomes) => {
      const accepted = outcomes.filter((outcome) => outcome === 'counted').length
      return { ...counts, accepted, duplicates: outcomes.length - accepted }
    })
    done.catch(() => {}) // settleOldest reports it
    inFlight.push({ chunk: full, done })
  }

  // A stretch that follows one without a final newline starts with the rest of a line that was counted.
  const startsInLine = startByte > 0 && await byteAt(source.path, startByte - 1) !== 0x0a
  let first = true
  const stream = createReadStream(source.path, { start: startByte, end: endByte - 1 })
  const columns = source.format === 'csv' && startByte > 0 ? await columnsOf(source.path) : undefined
  for await (const { endByte: end, record } of readRecords(stream, source.format, { ...source.options, startByte, columns })) {
    if (first && startsInLine) { first = false; continue }
    first = false
    chunk.endByte = end
    if ('skip' in record) continue
    chunk.counts.read++
    if ('reject' in record) reject(chunk, record.reject.reason)
    else {
      const read = readEvent(record.event, rules)
      if ('event' in read) chunk.events.push(ingestEventOf(read.event, secret))
      else reject(chunk, read.faults[0].code)
    }
    if (chunk.counts.read === CHUNK) await send()
  }
  if (chunk.counts.read > 0) await send()
  while (inFlight.length > 0) await settleOldest()
  await save('done', chunks, certain)
  await hot.expireClaims(importId)
  return seen
}

type Chunk = { events: IngestEvent[]; counts: ImportCounts; endByte: number }

function emptyChunk(): Chunk {
  return { events: [], counts: emptyCounts(), endByte: 0 }
}

function reject(chunk: Chunk, reason: string): void {
  chunk.counts.rejected++
  chunk.counts.reasons[reason] = (chunk.counts.reasons[reason] ?? 0) + 1
}

/** Repeats while the hot store is away or sheds load: the claim keeps what was counted from counting again. */
async function ingestPatiently(
  { hot, signal }: { hot: HotStore; signal?: AbortSignal | undefined }, request: Parameters<HotStore['ingest']>[0],
) {
  const deadline = performance.now() + PATIENCE_MS
  for (let waitMs = 100; ; waitMs = Math.min(waitMs * 2, 5_000)) {
    signal?.throwIfAborted()
    try {
      return await hot.ingest(request)
    } catch (error) {
      if (toAppError(error).kind !== 'unavailable' || performance.now() > deadline) throw error
      await sleep(waitMs)
    }
  }
}

/** The header of a CSV file. */
async function columnsOf(path: string): Promise<string[] | undefined> {
  for await (const records of csvRecords(createReadStream(path))) {
    for (const record of records) if ('fields' in record) return record.fields
  }
  return undefined
}

async function byteAt(path: string, position: number): Promise<number | undefined> {
  for await (const block of createReadStream(path, { start: position, end: position }) as AsyncIterable<Buffer>) return block[0]
  return undefined
}
