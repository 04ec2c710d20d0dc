import { expect, test } from 'vitest'
import { addDays, bucketOf, bucketsBetween, dayOf, firstDayOf, hourOf, startOfDay, timeZoneOf, weekOf } from './bucket.ts'

test('an ISO week belongs to the year of its Thursday', () => {
  expect(weekOf('2026-11-21')).toBe('2026-W47')
  expect(weekOf('2021-01-03')).toBe('2020-W53')
  expect(weekOf('2024-12-30')).toBe('2025-W01')
  expect(weekOf('1998-01-01')).toBe('1998-W01')
  expect(weekOf('1969-12-29')).toBe('1970-W01')
})

test('the first day of a week is the Monday that weekOf maps back', () => {
  for (let day = '1997-01-01'; day < '2031-01-01'; day = addDays(day, 1)) {
    const week = weekOf(day)
    const monday = firstDayOf('week', week)
    expect(new Date(`${monday}T00:00:00Z`).getUTCDay()).toBe(1)
    expect(monday <= day && day < addDays(monday, 7)).toBe(true)
  }
})

test('a day belongs to the zone, also across a change of clocks', () => {
  expect(dayOf(new Date('2026-11-21T23:30:00Z'), 'Europe/Prague')).toBe('2026-11-22')
  expect(dayOf(new Date('2026-11-21T04:30:00Z'), 'America/New_York')).toBe('2026-11-20')
  expect(dayOf(new Date('2026-03-29T00:59:59Z'), 'Europe/Prague')).toBe('2026-03-29')
  expect(hourOf(new Date('2026-11-21T00:10:00Z'), 'Asia/Kathmandu')).toBe('2026-11-21T05')
  expect(startOfDay('2026-11-21', 'Asia/Kathmandu').toISOString()).toBe('2026-11-20T18:15:00.000Z')
  expect(startOfDay('2026-11-21', 'UTC').toISOString()).toBe('2026-11-21T00:00:00.000Z')
})

test('a time zone is known by its name, in whatever case, and never by an offset', () => {
  expect(timeZoneOf('europe/prague')).toBe('Europe/Prague')
  expect(timeZoneOf('utc')).toBe('UTC')
  expect(timeZoneOf('America/New_York')).toBe('America/New_York')
  for (const name of ['Mars/Base', '+02:00', '-0530', '', 'UTC+1', 'Europe/Prague ']) expect(timeZoneOf(name)).toBeUndefined()
})

test('buckets between two days cover them in order, without gaps', () => {
  expect(bucketsBetween('month', '2025-11-15', '2026-02-01', 100)).toEqual(['2025-11', '2025-12', '2026-01'])
  expect(bucketsBetween('week', '2024-12-31', '2025-01-07', 100)).toEqual(['2025-W01', '2025-W02'])
  expect(bucketsBetween('year', '1999-12-31', '2000-01-02', 100)).toEqual(['1999', '2000'])
  expect(() => bucketsBetween('day', '1900-01-01', '2026-01-01', 4000)).toThrow('more than 4000')
})

test('every interval finds the bucket of an hour', () => {
  expect(bucketOf('total', '2026-11-21T14')).toBe('all')
  expect(bucketOf('year', '2026-11-21T14')).toBe('2026')
  expect(bucketOf('month', '2026-11-21T14')).toBe('2026-11')
  expect(bucketOf('day', '2026-11-21T14')).toBe('2026-11-21')
  expect(bucketOf('hour', '2026-11-21T14')).toBe('2026-11-21T14')
})
