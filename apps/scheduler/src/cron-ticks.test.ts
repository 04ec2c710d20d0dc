import { dayOf } from '@tallyfleet/domain'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cronTicks } from './cron-ticks.ts'

const ZONES = ['UTC', 'Europe/Prague', 'America/New_York', 'Australia/Lord_Howe', 'Africa/Cairo', 'Asia/Kathmandu']
const YEAR_MS = 366 * 86_400_000

function take(pattern: string, zone: string, after: Date, count: number): Date[] {
  return Iterator.from(cronTicks(pattern, zone, after)).take(count).toArray()
}

/** Hour and minute of an instant in a zone. */
function localTime(at: Date, zone: string): string {
  return new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: '2-digit', minute: '2-digit' }).format(at)
}

test('a fixed time of day comes once on every day of a zone, at that time unless clocks skip it', () => {
  fc.assert(fc.property(
    fc.constantFrom(...ZONES), fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }), fc.integer({ min: 0, max: YEAR_MS }),
    (zone, hour, minute, offset) => {
      const after = new Date(Date.parse('2026-01-01T00:00:00Z') + offset)
      const ticks = take(`${minute} ${hour} * * *`, zone, after, 40)
      const days = ticks.map((at) => dayOf(at, zone))
      for (const [index, day] of days.entries()) {
        if (index > 0) expect(Date.parse(day) - Date.parse(days[index - 1]!)).toBe(86_400_000)
      }
      const expected = `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`
      const moved = ticks.filter((at) => localTime(at, zone) !== expected)
      // A zone's clocks go forward once a year at most.
      expect(moved.length).toBeLessThanOrEqual(1)
    }), { numRuns: 30 })
})

test('a repeating pattern finds what a walk over every minute finds, across a change of clocks', () => {
  for (const [zone, from] of [['Europe/Prague', '2026-03-28T22:00Z'], ['Europe/Prague', '2026-10-24T22:00Z'], ['America/New_York', '2026-11-01T03:00Z']] as const) {
    const start = Date.parse(from)
    const walked: string[] = []
    for (let at = start + 60_000; at <= start + 8 * 3_600_000; at += 60_000) {
      if (Number(localTime(new Date(at), zone).slice(3)) % 20 === 0) walked.push(new Date(at).toISOString())
    }
    expect(take('*/20 * * * *', zone, new Date(start), walked.length).map((at) => at.toISOString())).toEqual(walked)
  }
})

test('asking again after a tick goes on with the next one', () => {
  let after = new Date('2026-10-24T20:00:00Z')
  const one = take('*/15 * * * *', 'Europe/Prague', after, 30)
  for (const at of one) {
    after = take('*/15 * * * *', 'Europe/Prague', after, 1)[0]!
    expect(after).toEqual(at)
  }
})
