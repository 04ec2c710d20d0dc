import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseFieldMap } from './csv-line.ts'
import { IMPORT_FORMATS, type ImportFormat } from './import-format.ts'
import { MAX_LINE_BYTES } from './physical-lines.ts'
import { readRecords, type ImportRecord, type ReadRecordsOptions } from './read-records.ts'

async function* sourceOf(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

function recordsOf(
  content: string | Buffer, format: ImportFormat, options: ReadRecordsOptions = {}, size = 65_536,
): Promise<ImportRecord[]> {
  return Array.fromAsync(readRecords(sourceOf(Buffer.from(content), size), format, options))
}

/** The id of an event, the reason of a reject, or `skip`. */
function gistOf(records: ImportRecord[]): unknown[] {
  return records.map(({ record }) =>
    'event' in record ? (record.event as { entity_id: string }).entity_id
    : 'reject' in record ? record.reject.reason : 'skip')
}

const rating = (item: number) => `1\t${item}\t3\t881250949`
const csv: ReadRecordsOptions = {
  map: parseFieldMap(['domain==jav,entity_type==movie,entity_id=id,action==view,occurred_at=at']),
}

test('each line is one record that ends behind its newline', async () => {
  const records = await recordsOf(`${rating(7)}\r\nnonsense\n${rating(8)}`, 'movielens')
  expect(gistOf(records)).toEqual(['7', 'malformed', '8'])
  expect(records.map(({ endByte, terminated }) => [endByte, terminated])).toEqual([[17, true], [26, true], [41, false]])
})

test('a blank line is rejected, except at the end', async () => {
  const records = await recordsOf(`\n${rating(7)}\n\n  \r\n${rating(8)}\n\n \n\n`, 'movielens')
  expect(gistOf(records)).toEqual(['blank', '7', 'blank', 'blank', '8', 'skip', 'skip', 'skip'])
})

test('an empty file has no records', async () => {
  expect(await recordsOf('', 'ndjson')).toEqual([])
  expect(await recordsOf('', 'csv', csv)).toEqual([])
})

test('more blank lines than can be held are rejected', async () => {
  const records = await recordsOf('\n'.repeat(10_005), 'movielens')
  expect(records).toHaveLength(10_005)
  expect(records.at(0)).toMatchObject({ record: { reject: { reason: 'blank' } } })
  expect(records.at(-1)).toMatchObject({ endByte: 10_005, record: { skip: true } })
})

test('a line of a mebibyte is read, a longer one rejected without the next', async () => {
  const padded = (length: number) => `{"entity_id":"x","p":"${'x'.repeat(length - 24)}"}`
  for (const size of [1_000, 100_000, 5_000_000]) {
    const lines = [padded(MAX_LINE_BYTES), padded(MAX_LINE_BYTES + 1), '{"entity_id":"y"}', padded(3 * MAX_LINE_BYTES)]
    const text = lines.join('\n')
    const records = await recordsOf(text, 'ndjson', {}, size)
    expect(gistOf(records)).toEqual(['x', 'too-long', 'y', 'too-long'])
    expect(records.at(-1)!.endByte).toBe(text.length)
  }
})

test('bytes that are not UTF-8 reject their line alone', async () => {
  const lines = [Buffer.from('{"entity_id":"é"}\n', 'latin1'), Buffer.from('{"entity_id":"é"}\n')]
  expect(gistOf(await recordsOf(Buffer.concat(lines), 'ndjson'))).toEqual(['encoding', 'é'])
})

test('a byte order mark is dropped at the start of the file alone', async () => {
  expect(gistOf(await recordsOf('\ufeff{"entity_id":"a"}\n', 'ndjson'))).toEqual(['a'])
  expect(gistOf(await recordsOf('\ufeff{"entity_id":"a"}\n', 'ndjson', { startByte: 50 }))).toEqual(['json'])
  expect(gistOf(await recordsOf('\ufeffid,at\na,t\n', 'csv', csv))).toEqual(['skip', 'a'])
})

test('a csv header is skipped and records may go on over lines', async () => {
  const records = await recordsOf('\nid,at,note\na,t,"x\ny"\nb,t\nc,t,z\n', 'csv', csv)
  expect(gistOf(records)).toEqual(['blank', 'skip', 'a', 'columns', 'c'])
  expect(records.map(({ endByte }) => endByte)).toEqual([1, 12, 22, 26, 32])
})

test('a csv header that cannot be read throws, and is not taken from the next line', async () => {
  await expect(recordsOf('id,"at\na,t\n', 'csv', csv)).rejects.toMatchObject({ code: 'IMPORT_INVALID' })
  await expect(recordsOf('a,t\n', 'csv', csv)).rejects.toMatchObject({ code: 'IMPORT_INVALID' })
})

test('a later part of a file is read as in the whole', async () => {
  const text = `${rating(7)}\n${rating(8)}\n${rating(9)}\n`
  const whole = await recordsOf(text, 'movielens')
  const startByte = whole[0]!.endByte
  expect(await recordsOf(text.slice(startByte), 'movielens', { startByte })).toEqual(whole.slice(1))

  const table = 'id,at\na,t\nb,t\n'
  const rows = await recordsOf(table, 'csv', csv)
  const part = { ...csv, startByte: rows[1]!.endByte, columns: ['id', 'at'] }
  expect(await recordsOf(table.slice(part.startByte), 'csv', part)).toEqual(rows.slice(2))
})

test('an error of the source passes through', async () => {
  async function* broken(): AsyncGenerator<Buffer> {
    yield Buffer.from(`${rating(7)}\n`)
    throw new Error('disk on fire')
  }
  await expect(Array.fromAsync(readRecords(broken(), 'movielens'))).rejects.toThrow('disk on fire')
})

const alphabet = fc.constantFrom(
  ...['a', ',', '"', '\t', ' ', '\n', '\r\n', '\\', '{', '}', '1', 'é', rating(7), `${rating(8)}\n`, '{"a":"x"}\n']
    .map((text) => Buffer.from(text)),
  Buffer.from([0xff]), Buffer.from([0xc3]),
)

test.each(IMPORT_FORMATS)('records of any %s rise, cover the file, and do not depend on chunks', async (format) => {
  const options = format === 'csv' ? { ...csv, columns: ['id', 'at'] } : {}
  const content = fc.array(alphabet, { maxLength: 40 }).map((pieces) => Buffer.concat(pieces))
  await fc.assert(fc.asyncProperty(content, fc.integer({ min: 1, max: 30 }), async (bytes, size) => {
    const records = await recordsOf(bytes, format, options, size)
    let before = 0
    for (const { endByte, record } of records) {
      expect(endByte).toBeGreaterThan(before)
      expect(Object.keys(record)).toHaveLength(1)
      before = endByte
    }
    expect(before).toBe(bytes.length)
    expect(records.slice(0, -1).every(({ terminated }) => terminated)).toBe(true)
    expect(records).toEqual(await recordsOf(bytes, format, options))
  }), { numRuns: 300 })
})
