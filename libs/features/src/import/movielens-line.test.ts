import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readMovielensLine } from './movielens-line.ts'

test('a rating is one view of the item by the user, at its second', () => {
  expect(readMovielensLine('196\t242\t3\t881250949', {})).toEqual({
    event: {
      domain: 'jav', entity_type: 'movie', entity_id: '242', action: 'view', user_id: '196',
      occurred_at: '1997-12-04T15:55:49.000Z',
    },
  })
})

test('another domain may have the movies', () => {
  expect(readMovielensLine('1\t2\t3\t4', { domain: 'films' })).toMatchObject({ event: { domain: 'films' } })
})

test.each([
  ['196 242 3 881250949', '1 fields instead of 4'],
  ['196\t242\t3', '3 fields instead of 4'],
  ['196\t242\t3\t881250949\t', '5 fields instead of 4'],
  ['x\t242\t3\t881250949', 'user id'],
  ['196\t24-2\t3\t881250949', 'item id'],
  ['196\t\t3\t881250949', 'item id'],
  ['196\t242\t6\t881250949', 'rating'],
  ['196\t242\t-1\t881250949', 'rating'],
  ['196\t242\t3\t', 'time'],
  ['196\t242\t3\t-5', 'time'],
  ['196\t242\t3\t881250949.5', 'time'],
  ['196\t242\t3\t999999999999', 'time'],
])('%j is rejected: %s', (line, detail) => {
  const reject = { reason: 'malformed', detail: expect.stringContaining(detail) }
  expect(readMovielensLine(line, {})).toEqual({ reject })
})

test('no line makes it throw', () => {
  const piece = fc.oneof(fc.string(), fc.nat().map(String), fc.constant('\t'))
  fc.assert(fc.property(fc.array(piece).map((pieces) => pieces.join('')), (line) => {
    expect(Object.keys(readMovielensLine(line, {}))).toHaveLength(1)
  }))
})
