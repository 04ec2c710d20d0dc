import { expect, test } from 'vitest'
import { definitionOf, emptyLine, formOf, type Definition } from './segment-form.ts'

const dimension = (name: string, type: 'text' | 'number' | 'date') => ({ dimension: name, title: name, type, list: false, operators: ['in' as const, 'range' as const, 'exists' as const], facet: true })
const dimensions = [dimension('genres', 'text'), dimension('release_date', 'date'), dimension('length', 'number')]

test('lines become a definition and back', () => {
  const definition: Definition = { all: [
    { dimension: 'genres', in: ['Drama', 'War'] }, { dimension: 'release_date', gte: '1990-01-01', lt: '2000-01-01' },
    { not: { dimension: 'length', in: [90] } }, { not: { total: 'view', lt: 10 } }, { dimension: 'genres', exists: true },
  ] }
  expect(definitionOf(formOf(definition)!, dimensions)).toEqual(definition)
  const any: Definition = { any: [{ total: 'view', gte: 1 }] }
  expect(definitionOf(formOf(any)!, dimensions)).toEqual(any)
})

test('an incomplete line makes no definition', () => {
  expect(definitionOf({ match: 'all', lines: [] }, dimensions)).toBeUndefined()
  expect(definitionOf({ match: 'all', lines: [emptyLine('genres')] }, dimensions)).toBeUndefined()
  expect(definitionOf({ match: 'all', lines: [{ ...emptyLine('total:view'), from: 'many' }] }, dimensions)).toBeUndefined()
})

test('a definition that the builder cannot show is left alone', () => {
  expect(formOf({ all: [{ any: [{ dimension: 'genres', exists: true }] }] })).toBeUndefined()
  expect(formOf({ dimension: 'genres', in: ['Crime, true'] })).toBeUndefined()
})
