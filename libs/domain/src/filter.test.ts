import { expect, test } from 'vitest'
import { matchesFilter, parseFilter, writeFilter } from './filter.ts'

test.each([
  ['genres:is:Drama,Comedy', { field: 'genres', op: 'is', values: ['Drama', 'Comedy'] }],
  ['source:not:', { field: 'source', op: 'not', values: [''] }],
  ['title:contains:a:b', { field: 'title', op: 'contains', values: ['a:b'] }],
  ['actors:is:Smith\\, Jr.,a\\\\b', { field: 'actors', op: 'is', values: ['Smith, Jr.', 'a\\b'] }],
] as const)('%s is a filter and is written the same', (text, filter) => {
  expect(parseFilter(text)).toEqual(filter)
  expect(writeFilter(parseFilter(text))).toBe(text)
})

test.each([
  '', 'genres', 'genres:is', 'genres:over:1', 'Genres:is:x', ':is:x', 'title:contains:', 'title:contains:a,', 'a:is:x\\',
  `a:is:${'x,'.repeat(60)}`, `a:is:${'x'.repeat(2_000)}`, '__proto__:is:x',
])('%s is refused', (text) => {
  expect(() => parseFilter(text)).toThrow(expect.objectContaining({ code: 'PARAMETER_INVALID' }))
})

test('values are alternatives, `not` is the opposite of `is`, and nothing is the empty value', () => {
  const passes = (text: string, ...held: string[]) => matchesFilter(parseFilter(text), held)
  expect(passes('g:is:a,b', 'c', 'b')).toBe(true)
  expect(passes('g:is:a,b', 'c')).toBe(false)
  expect(passes('g:not:a,b', 'c', 'b')).toBe(false)
  expect(passes('g:not:a')).toBe(true)
  expect([passes('g:is:'), passes('g:is:', 'a'), passes('g:not:'), passes('g:not:', 'a')]).toEqual([true, false, false, true])
  expect(passes('g:contains:RAM,x', 'Drama')).toBe(true)
  expect(passes('g:contains:ram')).toBe(false)
})
