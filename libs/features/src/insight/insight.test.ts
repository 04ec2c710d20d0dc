import { addDays, daysBetween } from '@tallyfleet/domain'
import { describe, expect, test } from 'vitest'
import { readComparison } from './comparison.ts'
import { coverRange, readInsightRange } from './cover-range.ts'
import { moveScore } from './list-movers.ts'
import { binEdges, spreadOf } from './spread.ts'
import { wilsonLow } from './suggestion-rules.ts'

const now = new Date('2026-11-21T12:00:00Z')

describe('a comparison', () => {
  const compare = (from: string, to: string, cmp: string, custom = {}) => {
    const [kind, weekday] = cmp.split(',')
    return readComparison({ cmp: { kind: kind as 'prev', matchWeekday: weekday === 'wd' }, ...custom }, { from, to }, 'UTC', now)?.range
  }
  test.each([
    ['2026-11-11', '2026-11-21', 'prev', '2026-11-01'],
    ['2026-11-11', '2026-11-21', 'prev,wd', '2026-10-28'],
    ['2026-11-14', '2026-11-21', 'prev,wd', '2026-11-07'],
    ['2026-11-11', '2026-11-21', 'year', '2025-11-11'],
    ['2026-11-11', '2026-11-21', 'year,wd', '2025-11-12'],
    ['2024-02-29', '2024-03-02', 'year', '2023-02-28'],
  ])('of %s to %s by %s starts on %s and is as long', (from, to, cmp, start) => {
    expect(compare(from, to, cmp)).toEqual({ from: start, to: addDays(start, daysBetween(from, to)) })
  })

  test('may be of other days, moved back to the same weekday', () => {
    const custom = { cmp_from: '2026-10-01', cmp_to: '2026-10-04' }
    expect(compare('2026-11-11', '2026-11-21', 'custom', custom)).toEqual({ from: '2026-10-01', to: '2026-10-04' })
    expect(compare('2026-11-11', '2026-11-21', 'custom,wd', custom)).toEqual({ from: '2026-09-30', to: '2026-10-03' })
  })

  test('that is not asked for, or cannot be, is told', () => {
    expect(readComparison({}, undefined, 'UTC', now)).toBeUndefined()
    expect(() => readComparison({ cmp_from: '2026-10-01' }, { from: '2026-11-01', to: '2026-11-02' }, 'UTC', now)).toThrow('custom')
    expect(() => compare('2026-11-11', '2026-11-21', 'custom')).toThrow('cmp_from')
  })
})

describe('the cover of a range', () => {
  const days = (bucket: { interval: string; bucket: string }) => `${bucket.interval} ${bucket.bucket}`
  test('is of the longest whole buckets, without a gap or an overlap', () => {
    expect(coverRange({ from: '2024-12-30', to: '2026-02-10' }).map(days)).toEqual([
      'day 2024-12-30', 'day 2024-12-31', 'year 2025', 'month 2026-01', 'day 2026-02-01', 'week 2026-W06', 'day 2026-02-09',
    ])
    expect(coverRange({ from: '2026-11-16', to: '2026-11-23' }).map(days)).toEqual(['week 2026-W47'])
    expect(coverRange(undefined).map(days)).toEqual(['total all'])
  })

  test('of any range stays small', () => {
    for (let start = 0; start < 800; start += 3) {
      for (const length of [1, 27, 100, 400]) {
        const from = addDays('2023-01-01', start)
        expect(coverRange({ from, to: addDays(from, length) }).length).toBeLessThan(40)
      }
    }
  })

  test('a range over 400 days is refused', () => {
    expect(() => readInsightRange({ from: '2025-01-01', to: '2026-02-06' }, 'UTC', now)).toThrow('400')
    expect(readInsightRange({ from: '2025-01-01', to: '2026-02-05' }, 'UTC', now)).toBeDefined()
  })
})

test('percentiles are counts that somebody has: the least that p % do not pass', () => {
  const hundred = Array.from({ length: 100 }, (_, n) => 100 - n)
  expect(spreadOf(hundred)).toEqual({ entities: 100, sum: 5050, min: 1, p50: 50, p90: 90, p99: 99, max: 100, mean: 50.5 })
  expect(spreadOf([3, 1])).toMatchObject({ p50: 1, p90: 3, p99: 3 })
  expect(spreadOf([7])).toMatchObject({ min: 7, p50: 7, p99: 7, max: 7 })
  expect(spreadOf([])).toEqual({ entities: 0, sum: 0, min: null, p50: null, p90: null, p99: null, max: null, mean: null })
})

test('bins go 1, 2, 5 to the greatest count', () => {
  expect(binEdges(1)).toEqual([1, 2])
  expect(binEdges(2)).toEqual([1, 2, 5])
  expect(binEdges(10)).toEqual([1, 2, 5, 10, 20])
  expect(binEdges(99)).toEqual([1, 2, 5, 10, 20, 50, 100])
})

test('a move scores by its standard errors, scaled to as many days', () => {
  expect(moveScore(130, 100, 1)).toBeCloseTo(1.978, 3)
  expect(moveScore(100, 130, 1)).toBeCloseTo(-1.978, 3)
  expect(moveScore(10, 20, 0.5)).toBe(0)
  expect(moveScore(0, 0, 1)).toBe(0)
})

test('the lower end of a rate is that of Wilson', () => {
  expect(wilsonLow(10, 10)).toBeCloseTo(0.7225, 4)
  expect(wilsonLow(1, 10)).toBeCloseTo(0.0179, 4)
  expect(wilsonLow(0, 0)).toBe(0)
  expect(wilsonLow(30, 10)).toBe(wilsonLow(10, 10))
})
