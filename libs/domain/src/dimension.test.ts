import { expect, test } from 'vitest'
import { dimensionsOf, findDimension } from './dimension.ts'
import { catalogMappingSchema } from './pack.ts'

const mapping = catalogMappingSchema.parse({
  table: 't', key: { column: 'id' }, titleColumn: 'name', totals: {},
  columns: {
    name: { type: 'string' }, genres: { type: 'list', dimension: true }, hd: { type: 'boolean', dimension: true },
    code: { type: 'string' }, released: { type: 'date', title: 'Released' }, added: { type: 'datetime' },
  },
})
const values = (name: string, row: Record<string, unknown>) => findDimension(mapping, name)?.valuesOf(row)

test('the title, declared columns, year and decade of the first date are dimensions', () => {
  expect(dimensionsOf(mapping).map(({ name }) => name)).toEqual(['title', 'genres', 'hd', 'year', 'decade'])
  expect(findDimension(mapping, 'genre')?.name).toBe('genres')
  expect(findDimension(mapping, 'code')).toBeUndefined()
  expect(findDimension(mapping, '__proto__')).toBeUndefined()
})

test('a row holds each item of a list once, texts of other values, and nothing for null', () => {
  expect(values('genres', { genres: ['a', 'b', 'a'] })).toEqual(['a', 'b'])
  expect(values('hd', { hd: false })).toEqual(['false'])
  expect(values('genres', { genres: null })).toEqual([])
  expect(values('decade', { released: '1994-05-01' })).toEqual(['1990s'])
  expect(values('year', { released: null })).toEqual([])
})
