import { expect, test } from 'vitest'
import { readDayRange, readInstant, wholeBucket } from './range.ts'

const now = new Date('2026-11-21T23:30:00Z')
const read = (from?: string, to?: string, zone = 'UTC') => readDayRange({ from, to }, zone, now)

test('a range is days, or instants that start a day in the zone', () => {
  expect(read('2026-11-01', '2026-11-08')).toEqual({ from: '2026-11-01', to: '2026-11-08' })
  expect(read('2026-10-31T23:00:00Z', '2026-11-08T00:00:00+01:00', 'Europe/Prague'))
    .toEqual({ from: '2026-11-01', to: '2026-11-08' })
  expect(read()).toBeUndefined()
})

test('without an end a range ends with today of the zone', () => {
  expect(read('2026-11-20')).toEqual({ from: '2026-11-20', to: '2026-11-22' })
  expect(read('2026-11-20', undefined, 'Europe/Prague')).toEqual({ from: '2026-11-20', to: '2026-11-23' })
})

test.each([
  ['2026-11-21', '2026-11-21'], ['2026-11-21', '2026-11-01'], [undefined, '2026-11-21'], ['2026-02-30', '2026-03-01'],
  ['2026-11-01T12:00:00Z', '2026-11-08'], ['yesterday', '2026-11-08'], ['2026-11-01', ''], ['0000-01-01', '2026-11-01'],
  ['2026-13-01', '2027-01-01'],
])('the range from %s to %s is refused', (from, to) => {
  expect(() => read(from, to)).toThrow(expect.objectContaining({ code: 'RANGE_INVALID' }))
})

test('an offset whose plus sign was read as a space is explained', () => {
  expect(() => read('2026-11-01T00:00:00 01:00', '2026-11-08', 'Europe/Prague')).toThrow('%2B')
})

test('an instant that starts a day in another zone is refused', () => {
  expect(() => read('2026-11-01T00:00:00Z', '2026-11-08', 'Europe/Prague')).toThrow('does not start a day')
})

test('a range that is one whole day, week, month or year is found as its bucket', () => {
  const bucket = (from: string, to: string) => wholeBucket({ from, to })
  expect(bucket('2026-11-21', '2026-11-22')).toEqual({ interval: 'day', bucket: '2026-11-21' })
  expect(bucket('2026-11-16', '2026-11-23')).toEqual({ interval: 'week', bucket: '2026-W47' })
  expect(bucket('2024-12-30', '2025-01-06')).toEqual({ interval: 'week', bucket: '2025-W01' })
  expect(bucket('2024-02-01', '2024-03-01')).toEqual({ interval: 'month', bucket: '2024-02' })
  expect(bucket('2025-01-01', '2026-01-01')).toEqual({ interval: 'year', bucket: '2025' })
  expect(bucket('2026-11-01', '2026-11-30')).toBeUndefined()
  expect(bucket('2026-11-02', '2026-12-01')).toBeUndefined()
  expect(bucket('2026-11-01', '2027-01-01')).toBeUndefined()
  expect(bucket('2026-11-17', '2026-11-24')).toBeUndefined()
})

test('a day as an instant is its start in the zone', () => {
  expect(readInstant('/from', '2026-11-21', 'Europe/Prague').toISOString()).toBe('2026-11-20T23:00:00.000Z')
  expect(readInstant('/from', '2026-11-21T10:11:12Z', 'Europe/Prague').toISOString()).toBe('2026-11-21T10:11:12.000Z')
})
