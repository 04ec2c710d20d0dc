import fc from 'fast-check'
import { expect, test } from 'vitest'
import { dueTicks, type CronTicks } from './due-ticks.ts'

const everyMinute: CronTicks = function* (_pattern, _zone, after) {
  for (let at = Math.floor(after.getTime() / 60_000) * 60_000 + 60_000; ; at += 60_000) yield new Date(at)
}
const period = { everyMs: 60_000, missed: { policy: 'skip' } } as const
const pattern = { pattern: '* * * * *', zone: 'UTC', missed: { policy: 'skip' } } as const
const at = (text: string) => new Date(`2026-11-21T${text}Z`)

test.each([['a period', period], ['a pattern', pattern]])('%s is due after the last tick, up to and with now', (_, schedule) => {
  const ask = (from: string, to: string) => dueTicks(schedule, at(from), at(to), 10, everyMinute).ticks.map((tick) => tick.toISOString().slice(11, 19))
  expect(ask('10:00:00', '10:00:59.999')).toEqual([])
  expect(ask('10:00:00', '10:01:00')).toEqual(['10:01:00'])
  expect(ask('09:59:59.999', '10:01:00')).toEqual(['10:00:00', '10:01:00'])
  expect(ask('10:05:00', '10:01:00')).toEqual([])
})

test.each([['a period', period], ['a pattern', pattern]])('%s keeps the newest ticks and counts those before', (_, schedule) => {
  const { ticks, earlier } = dueTicks(schedule, at('00:00:00'), at('02:00:00'), 3, everyMinute)
  expect(ticks.map((tick) => tick.toISOString().slice(11, 16))).toEqual(['01:58', '01:59', '02:00'])
  expect(earlier).toEqual({ count: 117, first: at('00:01:00'), last: at('01:57:00') })
})

test('however often it is asked, every tick is due once', () => {
  fc.assert(fc.property(fc.integer({ min: 200, max: 90_000 }), fc.array(fc.integer({ min: 0, max: 200_000 }), { maxLength: 20 }),
    (everyMs, steps) => {
      const schedule = { everyMs, missed: { policy: 'skip' } } as const
      const start = at('10:00:00').getTime()
      const end = start + steps.reduce((sum, step) => sum + step, 0)
      const seen: number[] = []
      let last = new Date(start)
      let now = start
      for (const step of steps) {
        now += step
        const { ticks } = dueTicks(schedule, last, new Date(now), Infinity, everyMinute)
        seen.push(...ticks.map((tick) => tick.getTime()))
        last = ticks.at(-1) ?? last
      }
      const expected: number[] = []
      for (let tick = Math.floor(start / everyMs + 1) * everyMs; tick <= end; tick += everyMs) expected.push(tick)
      expect(seen).toEqual(expected)
    }), { numRuns: 50 })
})
