import { expect, test } from 'vitest'
import { readCursor, writeCursor } from './cursor.ts'

const list = ['default', 'jav', 'movie', 'view', undefined, undefined]
const after = { count: 41, entityId: 'ž/\u{1f600}' }

test('a cursor round-trips on its list', () => {
  expect(readCursor(writeCursor(after, list, 's'), list, 's')).toEqual(after)
})

test.each([
  ['another tenant', (cursor: string) => readCursor(cursor, ['other', ...list.slice(1)], 's')],
  ['another range', (cursor: string) => readCursor(cursor, [...list.slice(0, 4), '2026-11-21', undefined], 's')],
  ['another installation', (cursor: string) => readCursor(cursor, list, 't')],
  ['a changed place', (cursor: string) => readCursor(`${cursor.slice(0, -2)}AA`, list, 's')],
  ['nothing', () => readCursor('', list, 's')],
  ['nonsense', () => readCursor('!!', list, 's')],
])('a cursor of %s is refused', (_name, read) => {
  expect(() => read(writeCursor(after, list, 's'))).toThrow(expect.objectContaining({ code: 'CURSOR_INVALID' }))
})
