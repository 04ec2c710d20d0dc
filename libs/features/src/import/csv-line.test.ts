import { expect, test } from 'vitest'
import { createCsvReader, parseFieldMap } from './csv-line.ts'

test('a map names columns and constants', () => {
  expect([...parseFieldMap(['entity_id=sku, action==view', 'properties.cents=paid', 'occurred_at=a=b'])]).toEqual([
    ['entity_id', { column: 'sku' }],
    ['action', { constant: 'view' }],
    ['properties.cents', { column: 'paid' }],
    ['occurred_at', { column: 'a=b' }],
  ])
})

test.each(['', 'entity_id', 'entity_id=', 'action==', '=x', 'nosuch=x', 'properties.=x', 'entity_id=a,entity_id=b'])(
  'the map %j is refused', (spec) => {
    expect(() => parseFieldMap([spec])).toThrow(expect.objectContaining({ code: 'USAGE_INVALID' }))
  },
)

test('columns, constants and the default domain make an event', () => {
  const map = parseFieldMap(['entity_id=sku,action==view,entity_type==movie,occurred_at=at'])
  const read = createCsvReader(['at', 'sku', 'user_id', 'other'], map, { domain: 'jav' })
  expect(read(['2026-11-21T10:00:00Z', 'm-1', 'u-7', 'x'])).toEqual({
    event: {
      domain: 'jav', entity_type: 'movie', entity_id: 'm-1', action: 'view', occurred_at: '2026-11-21T10:00:00Z',
      user_id: 'u-7',
    },
  })
})

test('a map wins over a column of the field\'s name, and that over the default domain', () => {
  const header = ['domain', 'entity_type', 'entity_id', 'action', 'occurred_at', 'real_id']
  const read = createCsvReader(header, parseFieldMap(['entity_id=real_id']), { domain: 'jav' })
  expect(read(['web', 'page', 'x', 'view', 't', '/a'])).toMatchObject({ event: { domain: 'web', entity_id: '/a' } })
})

test('empty cells are absent, whole numbers of properties are numbers', () => {
  const contract = ['domain', 'entity_type', 'entity_id', 'action', 'occurred_at', 'event_id']
  const read = createCsvReader([...contract, 'properties.cents', 'properties.note'], new Map())
  expect(read(['bilten', 'event', 'e', 'conversion', 't', '', '1999', '007'])).toEqual({
    event: {
      domain: 'bilten', entity_type: 'event', entity_id: 'e', action: 'conversion', occurred_at: 't',
      properties: { cents: 1999, note: '007' },
    },
  })
  expect(read(['bilten', 'event', 'e', 'conversion', 't', '', '', ''])).not.toHaveProperty('event.properties')
})

test('a record of another length is rejected', () => {
  const read = createCsvReader(['entity_id'], parseFieldMap(['domain==a,entity_type==b,action==c,occurred_at==d']))
  expect(read(['x', 'y'])).toEqual({ reject: { reason: 'columns', detail: '2 fields instead of 1' } })
  expect(read([])).toMatchObject({ reject: { reason: 'columns' } })
})

test('a property named like a prototype stays a plain property', () => {
  const map = parseFieldMap(['domain==a,entity_type==b,entity_id==i,action==c,occurred_at==d'])
  const read = createCsvReader(['properties.__proto__'], map)(['x']) as { event: { properties: object } }
  expect(Object.keys(read.event.properties)).toEqual(['__proto__'])
})

test.each([
  [['entity_id'], 'nothing gives domain'],
  [['domain', 'entity_type', 'entity_id', 'action'], 'nothing gives occurred_at'],
  [['domain', 'entity_type', 'entity_id', 'entity_id', 'action', 'occurred_at'], 'twice'],
])('the header %j is refused: %s', (header, message) => {
  const refused = expect.objectContaining({ code: 'IMPORT_INVALID', message: expect.stringContaining(message) })
  expect(() => createCsvReader(header, new Map())).toThrow(refused)
})

test('a mapped column that the header lacks is refused', () => {
  expect(() => createCsvReader(['a'], parseFieldMap(['entity_id=b']))).toThrow('no column "b"')
})
