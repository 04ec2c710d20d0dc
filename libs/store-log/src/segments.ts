import { mkdir, open, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { AppError, SHARD_COUNT } from '@tallyfleet/domain'
import { decodeRecords, type LogRecord } from './record.ts'

/** What is known of a segment without reading it again. */
export type Segment = {
  path: string
  /** Number of its first record. */
  base: number
  /** Number of its last record; below `base` when it holds none. */
  last: number
  firstAt: Date | undefined
  lastAt: Date | undefined
  /** The last record that touches each shard; 0 = none. */
  lastOf: number[]
}

/** The id of the log in a folder, drawn when it is first asked for: a folder that was deleted never comes back as itself. */
export async function logIdOf(folder: string, { create = false } = {}): Promise<string | undefined> {
  const path = join(folder, 'id')
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch {
    if (!create) return undefined
  }
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await writeFile(`${path}.new`, `${randomBytes(6).toString('hex')}\n`, { flush: true })
  await rename(`${path}.new`, path)
  await syncFolder(folder)
  return (await readFile(path, 'utf8')).trim()
}

export function segmentPath(folder: string, base: number): string {
  return join(folder, `${String(base).padStart(16, '0')}.log`)
}

/** Makes the names in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** First records of a folder's segments, ascending. */
export async function listBases(folder: string): Promise<number[]> {
  const names = await readdir(folder).catch(() => [] as string[])
  return names.flatMap((name) => /^(\d{16})\.log$/.exec(name)?.[1] ?? []).map(Number).sort((a, b) => a - b)
}

/**
 * Reads the segments of a log in order, each with its records: a segment ends where the next begins, so what a failed
 * write left behind there is void. A torn end is what a crash leaves; a hole between two segments is a loss, and
 * rejects with `STORE_REFUSED`.
 * @param known what was read before: a segment for which it says `false` is passed over
 */
export async function* readSegments(
  folder: string, wanted: (base: number) => boolean = () => true,
): AsyncGenerator<{ segment: Segment; records: LogRecord[]; fault: string | undefined }> {
  const bases = await listBases(folder)
  for (const [index, base] of bases.entries()) {
    if (!wanted(base)) continue
    const path = segmentPath(folder, base)
    const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined // deleted since it was listed: nobody needs it any more
      throw error
    })
    if (!bytes) continue
    const next = bases[index + 1]
    const decoded = decodeRecords(bytes, base)
    const records = next === undefined ? decoded.records : decoded.records.slice(0, next - base)
    if (next !== undefined && base + records.length < next) {
      throw new AppError('STORE_REFUSED', `the ingest log is damaged: ${path} ends with record ${base + records.length - 1}`
        + ` (${decoded.fault ?? 'its end'}), the next segment begins with ${next}`)
    }
    yield { segment: summaryOf(path, base, records), records, fault: decoded.fault }
  }
}

function summaryOf(path: string, base: number, records: readonly LogRecord[]): Segment {
  const segment = emptySegment(path, base)
  for (const record of records) noteRecord(segment, record.seq, record.at, record.events.map(({ shard }) => shard))
  return segment
}

export function emptySegment(path: string, base: number): Segment {
  return { path, base, last: base - 1, firstAt: undefined, lastAt: undefined, lastOf: new Array<number>(SHARD_COUNT).fill(0) }
}

export function noteRecord(segment: Segment, seq: number, at: Date, shards: Iterable<number>): void {
  segment.last = seq
  segment.firstAt ??= at
  segment.lastAt = at
  for (const shard of shards) segment.lastOf[shard] = seq
}
