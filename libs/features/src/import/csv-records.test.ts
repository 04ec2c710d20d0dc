import fc from 'fast-check'
import { expect, test } from 'vitest'
import { csvRecords, type CsvRecord } from './csv-records.ts'

async function* sourceOf(text: string | Buffer, size = 7): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function recordsOf(text: string | Buffer, options = {}, size?: number): Promise<CsvRecord[]> {
  return (await Array.fromAsync(csvRecords(sourceOf(text, size), options))).flat()
}

/** Fields, a reason, or blank. */
async function gistOf(text: string | Buffer, options = {}): Promise<unknown[]> {
  return (await recordsOf(text, options)).map((record) =>
    'fields' in record ? record.fields : 'reject' in record ? record.reject.reason : 'blank')
}

test('a quoted field holds delimiters, newlines and doubled quotes', async () => {
  expect(await gistOf('a,"b,c\n""d""\r\ne",f\r\ng,,\n')).toEqual([['a', 'b,c\n"d"\r\ne', 'f'], ['g', '', '']])
})

test('a record ends behind its last line', async () => {
  expect((await recordsOf('a,"b\nc"\nd')).map(({ endByte, terminated }) => [endByte, terminated]))
    .toEqual([[8, true], [9, false]])
})

test('a quote that never closes costs its own line alone', async () => {
  expect(await gistOf('a,"b\nc,d\n\ne,"f"\n')).toEqual(['quotes', ['c', 'd'], 'blank', ['e', 'f']])
  expect(await gistOf('a,"b\nc,d')).toEqual(['quotes', ['c', 'd']])
})

test('a quote inside a field, or text behind a closing one, is rejected', async () => {
  expect(await gistOf('5" disk,x\n"a"b,c\nd,e\n')).toEqual(['quotes', 'quotes', ['d', 'e']])
})

test('a record that is not UTF-8 is rejected alone', async () => {
  expect(await gistOf(Buffer.from('a,\xe9\nb,c\n', 'latin1'))).toEqual(['encoding', ['b', 'c']])
})

test.each([
  ['a mebibyte', `${'x'.repeat(999)}\n`, 1_200],
  ['10,000 lines', 'x\n', 10_500],
])('a quoted field of more than %s is given up without its neighbours', async (_, line, count) => {
  const records = await recordsOf(`a,"b\n${line.repeat(count)}c"\n`, {}, 65_536)
  expect(records).toHaveLength(count + 2)
  expect(records[0]).toMatchObject({ reject: { reason: 'quotes' } })
  expect(records.slice(1, -1).every((record) => 'fields' in record)).toBe(true)
  expect(records.at(-1)).toMatchObject({ reject: { reason: 'quotes' } })
})

test('a quoted field of nearly a mebibyte is read', async () => {
  const text = `a,"b\n${`${'x'.repeat(999)}\n`.repeat(1_000)}c"\n`
  expect(await recordsOf(text, {}, 65_536)).toMatchObject([{ endByte: text.length, fields: ['a', text.slice(3, -2)] }])
})

test('a tab may part the fields; what cannot is refused', async () => {
  expect(await gistOf('a\t"b\tc"\n', { delimiter: '\t' })).toEqual([['a', 'b\tc']])
  for (const delimiter of ['', '"', '\n', ', ', 'é']) {
    await expect(recordsOf('a', { delimiter })).rejects.toMatchObject({ code: 'USAGE_INVALID' })
  }
})

test('records survive being written and read, however the bytes arrive', async () => {
  const field = fc.string({ unit: fc.constantFrom('a', 'é', ' ', ',', '"', '\n', '\r', '\r\n', '😀') })
  const rows = fc.array(fc.array(field, { minLength: 2, maxLength: 4 }), { maxLength: 6 })
  await fc.assert(fc.asyncProperty(rows, fc.integer({ min: 1, max: 40 }), async (written, size) => {
    const text = written.map((row) => row.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',') + '\n').join('')
    const read = await recordsOf(text, {}, size)
    expect(read.map((record) => 'fields' in record && record.fields)).toEqual(written)
    expect(read.at(-1)?.endByte ?? 0).toBe(Buffer.byteLength(text))
  }), { numRuns: 300 })
})

test('no bytes make it throw, and every record ends behind the one before', async () => {
  const bytes = fc.array(fc.constantFrom(...'ab,"\n\r'.split('').map((one) => one.charCodeAt(0)), 0xff, 0xc3, 0xa9))
  await fc.assert(fc.asyncProperty(bytes, fc.integer({ min: 1, max: 9 }), async (raw, size) => {
    const records = await recordsOf(Buffer.from(raw), {}, size)
    const ends = records.map(({ endByte }) => endByte)
    expect(ends).toEqual([...new Set(ends)].sort((a, b) => a - b))
    expect(ends.at(-1) ?? 0).toBe(raw.length)
    expect(records).toEqual(await recordsOf(Buffer.from(raw), {}, 1_000))
  }), { numRuns: 500 })
})
