import { expect, test } from 'vitest'
import { checkOf, figureOf, interleave, marginOf, quantile, reportOf } from './harness.ts'

const options = { seconds: 1, repeats: 4, full: false, say: () => {} }

test('arms run in the order ours, bare, bare, ours, so that a drift meets both', async () => {
  const order: string[] = []
  let now = 0
  const arm = (name: string) => async () => { order.push(name); return { at: ++now } }
  const runs = await interleave({ ours: arm('ours'), bare: arm('bare') }, options, 'a test')
  expect(order).toEqual(['ours', 'bare', 'bare', 'ours', 'ours', 'bare', 'bare', 'ours'])
  expect(runs).toEqual({ ours: [{ at: 1 }, { at: 4 }, { at: 5 }, { at: 8 }], bare: [{ at: 2 }, { at: 3 }, { at: 6 }, { at: 7 }] })
})

test('quantiles fall between their neighbours', () => {
  expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5)
  expect(quantile([5, 1, 3], 0.5)).toBe(3)
  expect(quantile([10, 0, 20, 40, 30], 0.25)).toBe(10)
  expect(quantile([7], 0.75)).toBe(7)
})

test('a figure is the median, and its spread the distance between the quartiles', () => {
  const runs = [100, 10, 20, 30, 40].map((rate) => ({ rate }))
  expect(figureOf('arm', runs, 'rate', '1/s')).toEqual({ name: 'arm', median: 30, spread: 20, unit: '1/s' })
})

test('a check compares neighbours: a machine that slows down for both changes nothing', () => {
  const runs = { ours: [{ rate: 90 }, { rate: 45 }, { rate: 9 }], bare: [{ rate: 100 }, { rate: 50 }, { rate: 10 }] }
  expect(checkOf('speed', runs, 'rate', 0.8, 'higher')).toEqual({ name: 'speed', ratio: 0.9, goal: 0.8, better: 'higher', spread: 0 })
})

test('the report names the check with the least margin, in whichever direction', () => {
  const checks = [
    { name: 'speed', ratio: 0.99, goal: 0.9, better: 'higher' as const },
    { name: 'processor', ratio: 1.1, goal: 1.15, better: 'lower' as const },
  ]
  expect(checks.map((check) => Math.round(marginOf(check) * 1_000))).toEqual([1_100, 1_045])
  expect(reportOf('bench', options, { arms: [], checks })).toMatchObject({ ratio: 1.1, goal: 1.15, met: true })
  const missed = { ...checks[0]!, ratio: 0.5 }
  expect(reportOf('bench', options, { arms: [], checks: [...checks, missed] })).toMatchObject({ ratio: 0.5, goal: 0.9, met: false })
})
