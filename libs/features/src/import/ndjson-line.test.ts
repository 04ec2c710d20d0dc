import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readNdjsonLine } from './ndjson-line.ts'

const nested = (levels: number) => `{"a":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`

test('an object is an event as it stands', () => {
  const event = { domain: 'jav', entity_type: 'movie', entity_id: 'm-1', properties: { a: [1] } }
  expect(readNdjsonLine(JSON.stringify(event), { domain: 'web' })).toEqual({ event })
})

test('an event without a domain gets the default', () => {
  expect(readNdjsonLine('{"action":"view"}', { domain: 'jav' })).toEqual({ event: { domain: 'jav', action: 'view' } })
  expect(readNdjsonLine('{"action":"view"}', {})).toEqual({ event: { action: 'view' } })
})

test('eight levels are read, nine are refused before they are parsed', () => {
  expect(readNdjsonLine(nested(8), {})).toHaveProperty('event')
  expect(readNdjsonLine(nested(9), {})).toMatchObject({ reject: { reason: 'depth' } })
  expect(readNdjsonLine('['.repeat(1_000_000), {})).toMatchObject({ reject: { reason: 'depth' } })
})

test.each([
  ['{', 'json'], ['{"a":1}}', 'json'], ["{'a':1}", 'json'], ['[]', 'object'], ['null', 'object'], ['1', 'object'],
])('%j is rejected for %s', (line, reason) => {
  expect(readNdjsonLine(line, {})).toMatchObject({ reject: { reason } })
})

test('a forbidden key stays visible for the contract to refuse, and alters nothing', () => {
  const read = readNdjsonLine('{"__proto__":{"polluted":1},"a":1}', { domain: 'jav' })
  expect(Object.keys((read as { event: object }).event)).toContain('__proto__')
  expect(({} as Record<string, unknown>).polluted).toBeUndefined()
})

test('every object of JSON comes back, and no line makes it throw', () => {
  fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })), (object) => {
    expect(readNdjsonLine(JSON.stringify(object), {})).toEqual({ event: JSON.parse(JSON.stringify(object)) })
  }))
  fc.assert(fc.property(fc.string(), (line) => {
    expect(Object.keys(readNdjsonLine(line, {}))).toHaveLength(1)
  }))
})
