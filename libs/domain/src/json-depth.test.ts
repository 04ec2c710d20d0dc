import { expect, test } from 'vitest'
import { isJsonDeeperThan } from './json-depth.ts'

const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)

test('a flat object is one level deep', () => {
  expect(isJsonDeeperThan('{"a":1,"b":"x"}', 1)).toBe(false)
  expect(isJsonDeeperThan('{"a":[1]}', 1)).toBe(true)
})

test('the limit itself is allowed, one more is not', () => {
  expect(isJsonDeeperThan(nested(8), 8)).toBe(false)
  expect(isJsonDeeperThan(nested(9), 8)).toBe(true)
  expect(isJsonDeeperThan(`[${Array.from({ length: 50 }, () => nested(7)).join(',')}]`, 8)).toBe(false)
})

test('brackets inside strings do not count, however the string is escaped', () => {
  expect(isJsonDeeperThan(JSON.stringify({ a: '[[[["\\[[[', b: '\\' }), 1)).toBe(false)
  expect(isJsonDeeperThan('{"a\\"":[[1]]}', 2)).toBe(true)
})

test('a text of a million openers is refused without parsing it', () => {
  expect(isJsonDeeperThan('['.repeat(1_000_000), 8)).toBe(true)
})
