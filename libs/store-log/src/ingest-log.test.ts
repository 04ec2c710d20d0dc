import { appendFile, mkdtemp, readFile, rm, symlink, truncate, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { IngestRequest, LogPlace } from '@tallyfleet/ports'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { IngestLog } from './ingest-log.ts'
import { encodeRecord, type LogRecord } from './record.ts'
import { listBases, readSegments, segmentPath } from './segments.ts'

let folder: string
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'ingest-log-')) })
afterEach(() => rm(folder, { recursive: true }))

const request = (shard: number, field: string): IngestRequest => ({
  events: [{ shard, tenant: 'default', member: '-42', increments: [{ field, value: 3 }] }], rejected: undefined,
  claim: { importId: 'i', chunk: 7 },
})
const append = (log: IngestLog, shard: number, field: string): Promise<LogPlace> =>
  new Promise((durable, failed) => log.append(request(shard, field), durable, failed))
async function records(): Promise<LogRecord[]> {
  const all: LogRecord[] = []
  for await (const { records: some } of readSegments(folder)) all.push(...some)
  return all
}
const fields = async () => (await records()).map(({ events }) => events[0]!.increments[0]!.field)

test('records come back whole, numbered without a gap, over segments and restarts', async () => {
  for (let start = 0; start < 3; start++) {
    const log = await IngestLog.open(folder, { segmentBytes: 200 })
    for (let i = 0; i < 5; i++) await append(log, i % 2, `f${start}${i}`)
    await log.close()
  }
  const all = await records()
  expect(all.map(({ seq }) => seq)).toEqual(Array.from({ length: 15 }, (_, i) => i + 1))
  const { events, claim } = request(0, 'f24')
  expect(all[14]).toMatchObject({ seq: 15, events, claim })
  expect((await listBases(folder)).length).toBeGreaterThan(3)
  expect((await IngestLog.open(folder)).lastOf.slice(0, 3)).toEqual([15, 14, 0])
})

test('each record is told which one its shard had before', async () => {
  const log = await IngestLog.open(folder)
  const places = await Promise.all([append(log, 5, 'a'), append(log, 6, 'b'), append(log, 5, 'c')])
  expect(places.map(({ seq, previous }) => [seq, ...previous.entries()])).toEqual([[1, [5, 0]], [2, [6, 0]], [3, [5, 1]]])
  await log.close()
})

test('a torn end is dropped and its number given again, wherever it was torn', async () => {
  const log = await IngestLog.open(folder)
  for (const field of ['a', 'b', 'c']) await append(log, 1, field)
  await log.close()
  const [base] = await listBases(folder)
  const whole = await readFile(segmentPath(folder, base!))
  const two = encodeRecord(1, new Date(), request(1, 'a')).length * 2
  for (let length = two + 1; length < whole.length; length += 7) {
    await writeFile(segmentPath(folder, base!), whole)
    await truncate(segmentPath(folder, base!), length)
    expect(await fields()).toEqual(['a', 'b'])
  }
  const again = await IngestLog.open(folder)
  expect((await append(again, 1, 'd')).seq).toBe(3)
  await again.close()
  expect(await fields()).toEqual(['a', 'b', 'd'])
})

test('what a failed write left behind is void once its numbers are given again', async () => {
  const log = await IngestLog.open(folder)
  for (const field of ['a', 'b']) await append(log, 1, field)
  await log.close()
  const [base] = await listBases(folder)
  await appendFile(segmentPath(folder, base!), encodeRecord(3, new Date(), request(1, 'unsaid')))
  await writeFile(segmentPath(folder, 3), encodeRecord(3, new Date(), request(1, 'c')))
  expect(await fields()).toEqual(['a', 'b', 'c'])
})

test('a hole between segments, or a flipped bit before the end, is damage', async () => {
  const log = await IngestLog.open(folder, { segmentBytes: 1 })
  for (const field of ['a', 'b', 'c']) await append(log, 1, field)
  await log.close()
  const path = segmentPath(folder, 2)
  const bytes = await readFile(path)
  bytes[bytes.length - 3]! ^= 1
  await writeFile(path, bytes)
  await expect(records()).rejects.toMatchObject({ code: 'STORE_REFUSED', message: expect.stringContaining('damaged') })
  await expect(IngestLog.open(folder).then(async (again) => { for await (const _ of again.read(new Array(256).fill(0))); }))
    .rejects.toMatchObject({ code: 'STORE_REFUSED' })
})

test('a full disk fails the requests of that write alone, and the log goes on when there is room', async () => {
  const log = await IngestLog.open(folder, { segmentBytes: 1 })
  await append(log, 1, 'a')
  await symlink('/dev/full', segmentPath(folder, 2))
  await expect(append(log, 1, 'refused')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  expect(log.fault).toContain('ENOSPC')
  await unlink(segmentPath(folder, 2))
  expect((await append(log, 1, 'b')).seq).toBe(2)
  expect(log.fault).toBeUndefined()
  await log.close()
  expect(await fields()).toEqual(['a', 'b'])
})

test('requests in flight together share a write, and hear of it in order', async () => {
  const log = await IngestLog.open(folder, { segmentBytes: 1 })
  const told: number[] = []
  await Promise.all(Array.from({ length: 50 }, (_, i) => append(log, i, `f${i}`).then(({ seq }) => told.push(seq))))
  expect(told).toEqual(Array.from({ length: 50 }, (_, i) => i + 1))
  expect(await listBases(folder)).toEqual([1]) // a segment is closed after the write that fills it
  await log.close()
})

test('pruning takes the oldest segments, and numbers go on', async () => {
  const log = await IngestLog.open(folder, { segmentBytes: 1 })
  for (const field of ['a', 'b', 'c', 'd']) await append(log, 1, field)
  expect(await log.prune(({ last }) => last < 3)).toBe(2)
  expect(await log.prune(() => true)).toBe(1) // the newest stays
  await log.close()
  expect(await fields()).toEqual(['d'])
  expect((await IngestLog.open(folder)).last).toBe(4)
})
