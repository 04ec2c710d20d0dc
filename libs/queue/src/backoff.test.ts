import fc from 'fast-check'
import { expect, test } from 'vitest'
import { backoffMsOf } from './backoff.ts'

test('a back-off stays between 1 ms and its doubled, capped ceiling, and reaches both ends', () => {
  const limits = fc.record({ backoffMs: fc.integer({ min: 1, max: 60_000 }), maxBackoffMs: fc.integer({ min: 1, max: 3_600_000 }) })
  fc.assert(fc.property(limits, fc.integer({ min: 1, max: 2_000 }), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    (limit, failures, random) => {
      const wait = backoffMsOf(failures, limit, () => random)
      const ceiling = Math.min(limit.maxBackoffMs, limit.backoffMs * 2 ** (failures - 1))
      expect(wait).toBeGreaterThanOrEqual(1)
      expect(wait).toBeLessThanOrEqual(Math.max(1, Math.round(ceiling)))
      expect(Number.isInteger(wait)).toBe(true)
    }))
  expect(backoffMsOf(3, { backoffMs: 1_000, maxBackoffMs: 60_000 }, () => 0.9999999)).toBe(4_000)
  expect(backoffMsOf(30, { backoffMs: 1_000, maxBackoffMs: 60_000 }, () => 0.5)).toBe(30_000)
})
