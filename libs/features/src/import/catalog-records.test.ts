import { catalogMappingSchema } from '@tallyfleet/domain'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CATALOG_FORMATS, readCatalogRecords, type CatalogFormat, type CatalogRecord } from './catalog-records.ts'

const mapping = catalogMappingSchema.parse({
  table: 'films', key: { column: 'id', maxLength: 8 }, titleColumn: 'title', totals: { view: 'views' },
  columns: {
    title: { type: 'string' }, release_date: { type: 'date' }, genres: { type: 'list' }, source: { type: 'string' },
    minutes: { type: 'integer' }, score: { type: 'number' }, live: { type: 'boolean' }, extra: { type: 'json' },
    created_at: { type: 'datetime' },
  },
})

async function* sourceOf(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 11) yield bytes.subarray(at, at + 11)
}

function recordsOf(content: string | Buffer, format: CatalogFormat): Promise<CatalogRecord[]> {
  return Array.fromAsync(readCatalogRecords(sourceOf(Buffer.from(content)), format, { mapping }))
}

async function rowsOf(content: string | Buffer, format: CatalogFormat): Promise<unknown[]> {
  return (await recordsOf(content, format)).map((record) => ('row' in record ? record.row : record.reject))
}

const flags = (...set: number[]) => Array.from({ length: 19 }, (_, index) => (set.includes(index) ? 1 : 0)).join('|')

test('a film of MovieLens is a row with its date and genres', async () => {
  expect(await rowsOf(`1|Toy Story (1995)|01-Jan-1995||http://x/?Toy|${flags(3, 4, 5)}\n`, 'movielens')).toEqual([{
    id: '1',
    columns: {
      title: 'Toy Story (1995)', release_date: '1995-01-01', source: 'movielens',
      genres: ['Animation', "Children's", 'Comedy'],
    },
  }])
})

test('titles are read as Latin-1, and as UTF-8 where they are that', async () => {
  const line = `543|Misérables, Les (1995)|4-Feb-1971|||${flags(8)}\n`
  for (const encoding of ['latin1', 'utf8'] as const) {
    expect(await rowsOf(Buffer.from(line, encoding), 'movielens')).toMatchObject([
      { columns: { title: 'Misérables, Les (1995)', release_date: '1971-02-04', genres: ['Drama'] } },
    ])
  }
})

test('a film without a date has none', async () => {
  expect(await rowsOf(`267|unknown||||${flags(0)}`, 'movielens')).toMatchObject([
    { id: '267', columns: { release_date: null, genres: ['unknown'] } },
  ])
})

test.each([
  `1|A|01-Jan-1995|||${flags()}|0`, `1|A|01-Jan-1995||${flags()}`, `|A|01-Jan-1995|||${flags()}`,
  `1||01-Jan-1995|||${flags()}`, `1|A|31-Feb-1995|||${flags()}`, `1|A|1995|||${flags()}`,
  `1|A|01-Jan-1995|||${flags().replace('0', '2')}`,
])('the film %j is malformed', async (line) => {
  expect(await rowsOf(line, 'movielens')).toMatchObject([{ reason: 'malformed' }])
})

test('rows of NDJSON keep only the columns that they name', async () => {
  const text = '{"id":"m-1","title":"A","genres":["x"],"extra":{"a":[1]}}\n\n'
    + '{"id":7,"created_at":"2026-11-21T10:00:00+02:00"}\n'
  expect(await rowsOf(text, 'ndjson')).toEqual([
    { id: 'm-1', columns: { title: 'A', genres: ['x'], extra: { a: [1] } } },
    { id: '7', columns: { created_at: '2026-11-21T08:00:00.000Z' } },
  ])
})

test.each([
  ['{"title":"A"}', 'id'],
  ['{"id":"."}', 'id'],
  ['{"id":" a"}', 'id'],
  ['{"id":"123456789"}', 'id'],
  ['{"id":"a","views":1}', 'column'],
  ['{"id":"a","constructor":1}', 'column'],
  ['{"id":"a","title":1}', 'value'],
  ['{"id":"a","release_date":"2026-02-30"}', 'value'],
  ['{"id":"a","created_at":"2026-02-03"}', 'value'],
  ['{"id":"a","genres":"x"}', 'value'],
  ['{"id":"a","genres":[1]}', 'value'],
  ['{"id":"a","minutes":1.5}', 'value'],
  ['{"id":"a","live":"true"}', 'value'],
  ['{"id":"a"', 'json'],
  ['["a"]', 'object'],
])('the row %s is rejected for its %s', async (line, reason) => {
  expect(await rowsOf(line, 'ndjson')).toMatchObject([{ reason }])
})

test('cells of CSV become what their columns hold', async () => {
  const text = 'title,id,genres,minutes,score,live,extra,release_date\n'
    + '"A, b",m-1,x| y ||z,90,-1.5,true,"{""a"":1}",2026-11-21\n,m-2,,,,,,\n'
  expect(await rowsOf(text, 'csv')).toEqual([
    {
      id: 'm-1',
      columns: {
        title: 'A, b', genres: ['x', 'y', 'z'], minutes: 90, score: -1.5, live: true, extra: { a: 1 },
        release_date: '2026-11-21',
      },
    },
    {
      id: 'm-2',
      columns: { title: null, genres: [], minutes: null, score: null, live: null, extra: null, release_date: null },
    },
  ])
})

test.each([['a,0x10,', 'value'], ['a,,yes', 'value'], ['a,1', 'columns'], [',1,true', 'id'], ['a,1,"x', 'quotes']])(
  'the CSV row %j is rejected for its %s', async (line, reason) => {
    expect(await rowsOf(`id,minutes,live\n${line}\n`, 'csv')).toMatchObject([{ reason }])
  },
)

test.each(['title\nA\n', 'id,id\na,b\n', 'id,views\na,1\n', 'id,"title\na,b\n'])(
  'the CSV header of %j is refused', async (text) => {
    await expect(rowsOf(text, 'csv')).rejects.toMatchObject({ code: 'IMPORT_INVALID' })
  },
)

test('an id must fit the key of its table', async () => {
  const integers = { ...mapping, key: { ...mapping.key, type: 'integer' as const } }
  const read = async (id: string) => {
    const source = sourceOf(Buffer.from(`id\n${id}\n`))
    return (await Array.fromAsync(readCatalogRecords(source, 'csv', { mapping: integers })))[0]
  }
  expect(await read('42')).toHaveProperty('row.id', '42')
  for (const id of ['x', '4.2', '042', '+4', '-0']) expect(await read(id)).toHaveProperty('reject.reason', 'id')
})

test.each(CATALOG_FORMATS)('no bytes as %s make it throw, beyond a bad header', async (format) => {
  const texts = ['|', ',', '"', '\n', '{"id":"a"}', 'x', '0', flags(1), '01-Jan-1995', '\xe9']
  const piece = fc.constantFrom(...texts.map((text) => Buffer.from(text, 'latin1')))
  await fc.assert(fc.asyncProperty(fc.array(piece, { maxLength: 30 }), async (pieces) => {
    const content = Buffer.concat([Buffer.from(format === 'csv' ? 'id,title\n' : ''), ...pieces])
    for (const record of await recordsOf(content, format)) expect('row' in record || 'reject' in record).toBe(true)
  }), { numRuns: 200 })
})
