import { crc32 } from 'node:zlib'
import type { IngestEvent, IngestRequest } from '@tallyfleet/ports'

/** The events of one request, as a log keeps them. */
export type LogRecord = {
  seq: number
  at: Date
  events: IngestEvent[]
  claim: { importId: string; chunk: number } | undefined
}

/** What a segment holds up to its first fault, or its end. */
export type Decoded = {
  records: LogRecord[]
  /** Bytes of whole records. */
  length: number
  /** Why it ends before its last byte; undefined: it does not. */
  fault: string | undefined
}

const HEAD_BYTES = 8
const MAX_RECORD_BYTES = 16 * 1_048_576

type Line = [
  seq: number, at: number,
  events: [shard: number, tenant: string, member: string | null, increments: (string | number)[]][],
  claim?: [importId: string, chunk: number],
]

/** Bytes of the body, its CRC-32, both as 32-bit numbers, low byte first; then the body as JSON. */
export function encodeRecord(seq: number, at: Date, { events, claim }: Pick<IngestRequest, 'events' | 'claim'>): Buffer {
  const line: Line = [seq, at.getTime(), events.map(({ shard, tenant, member, increments }) =>
    [shard, tenant, member ?? null, increments.flatMap(({ field, value }) => [field, value])])]
  if (claim) line.push([claim.importId, claim.chunk])
  const body = Buffer.from(JSON.stringify(line))
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeUInt32LE(body.length, 0)
  head.writeUInt32LE(crc32(body), 4)
  return Buffer.concat([head, body])
}

/** Reads records whose numbers follow each other, the first of them `base`. */
export function decodeRecords(bytes: Buffer, base: number): Decoded {
  const records: LogRecord[] = []
  let at = 0
  const end = (fault?: string): Decoded => ({ records, length: at, fault: fault && `${fault} at byte ${at}` })
  while (at < bytes.length) {
    if (at + HEAD_BYTES > bytes.length) return end('a torn head')
    const length = bytes.readUInt32LE(at)
    if (length === 0 || length > MAX_RECORD_BYTES) return end('an impossible length')
    const body = bytes.subarray(at + HEAD_BYTES, at + HEAD_BYTES + length)
    if (body.length < length) return end('a torn record')
    if (crc32(body) !== bytes.readUInt32LE(at + 4)) return end('a wrong checksum')
    const record = recordOf(JSON.parse(body.toString()) as Line)
    if (record.seq !== base + records.length) return end(`record ${record.seq} where ${base + records.length} belongs`)
    records.push(record)
    at += HEAD_BYTES + length
  }
  return end()
}

function recordOf([seq, at, events, claim]: Line): LogRecord {
  return {
    seq, at: new Date(at),
    events: events.map(([shard, tenant, member, cells]) => ({
      shard, tenant, member: member ?? undefined,
      increments: Array.from({ length: cells.length / 2 }, (_, i) => ({ field: cells[2 * i] as string, value: cells[2 * i + 1] as number })),
    })),
    claim: claim && { importId: claim[0], chunk: claim[1] },
  }
}
