import { expect, test } from 'vitest'
import { intervalFor, PRESETS, presetRange, readTypedRange, resolveRange, shiftRange } from './date-range.ts'

const today = '2026-03-31'

test('a relative range counts today', () => {
  expect(resolveRange({ from: '-7d', to: 'now' }, today)).toEqual({ from: '2026-03-25', to: '2026-04-01' })
  expect(resolveRange({ from: '-2w', to: 'now' }, today)).toEqual({ from: '2026-03-18', to: '2026-04-01' })
  expect(resolveRange({ from: '-1m', to: 'now' }, today)).toEqual({ from: '2026-03-01', to: '2026-04-01' })
  expect(resolveRange({ from: 'today', to: 'now' }, today)).toEqual({ from: today, to: '2026-04-01' })
  expect(resolveRange({ from: 'month', to: 'now' }, today)).toEqual({ from: '2026-03-01', to: '2026-04-01' })
})

test.each([
  ['-0d', 'now'], ['2026-02-30', 'now'], ['2026-04-02', 'now'], ['-28d', '2025-01-01'], ['nonsense', 'now'],
  ['2024-01-01', 'now'], ['-28d', 'later'], ['', ''],
])('the range %s to %s is refused', (from, to) => {
  expect(resolveRange({ from, to }, today)).toBeUndefined()
})

test('every preset is a range, on the last day of February too', () => {
  for (const day of [today, '2024-02-29', '2026-01-01', '2026-12-31']) {
    for (const { name } of PRESETS) expect(resolveRange(presetRange(name, day), day), `${name} on ${day}`).toBeDefined()
  }
  expect(presetRange('lastMonth', today)).toEqual({ from: '2026-02-01', to: '2026-03-01' })
  expect(presetRange('lastYear', today)).toEqual({ from: '2025-01-01', to: '2026-01-01' })
})

test('what a person types is read', () => {
  expect(readTypedRange('7d')).toEqual({ from: '-7d', to: 'now' })
  expect(readTypedRange(' 2026-10 ')).toEqual({ from: '2026-10-01', to: '2026-11-01' })
  expect(readTypedRange('2025')).toEqual({ from: '2025-01-01', to: '2026-01-01' })
  expect(readTypedRange('2026-10-04')).toEqual({ from: '2026-10-04', to: '2026-10-05' })
  expect(readTypedRange('2026-10-04..2026-10-20')).toEqual({ from: '2026-10-04', to: '2026-10-21' })
  expect(readTypedRange('2026-09..2026-10')).toEqual({ from: '2026-09-01', to: '2026-11-01' })
  for (const text of ['', 'soon', '2026-13', '2026-10-20..2026-10-04', '7x']) expect(readTypedRange(text), text).toBeUndefined()
})

test('arrows move by one period, months by months', () => {
  expect(shiftRange({ from: '2026-03-25', to: '2026-04-01' }, -1)).toEqual({ from: '2026-03-18', to: '2026-03-25' })
  expect(shiftRange({ from: '2026-03-01', to: '2026-04-01' }, -1)).toEqual({ from: '2026-02-01', to: '2026-03-01' })
  expect(shiftRange({ from: '2026-01-01', to: '2026-03-01' }, 1)).toEqual({ from: '2026-03-01', to: '2026-05-01' })
})

test('long ranges get longer buckets', () => {
  expect(intervalFor({ from: '2026-01-01', to: '2026-04-01' })).toBe('day')
  expect(intervalFor({ from: '2026-01-01', to: '2026-09-01' })).toBe('week')
  expect(intervalFor({ from: '2025-03-01', to: '2026-04-01' })).toBe('month')
})
