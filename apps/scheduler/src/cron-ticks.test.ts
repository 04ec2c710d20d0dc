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
    }), { numRuns: 15 })
})

/** A shift of clocks, and the zone where it is: by an hour, by half of one, across midnight, against the year. */
const SHIFTS = [
  ['Europe/Prague', '2026-03-29T01:00Z'], ['Europe/Prague', '2026-10-25T01:00Z'], ['America/New_York', '2026-03-08T07:00Z'], ['America/New_York', '2026-11-01T06:00Z'],
  ['Australia/Lord_Howe', '2026-04-04T15:00Z'], ['Australia/Lord_Howe', '2026-10-03T15:30Z'], ['Africa/Cairo', '2026-04-23T22:00Z'], ['Africa/Cairo', '2026-10-29T21:00Z'],
  ['America/Havana', '2026-03-08T05:00Z'], ['America/Santiago', '2026-09-06T04:00Z'], ['Asia/Kathmandu', '2026-06-01T00:00Z'],
] as const
const HOUR = 3_600_000

/** Every minute after `from`, with what the clocks of the zone show (as if in UTC). */
function walk(zone: string, from: number, hours: number): { at: number; local: number }[] {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' })
  return Array.from({ length: hours * 60 }, (_, index) => {
    const at = from + (index + 1) * 60_000
    return { at, local: Date.parse(`${format.format(at).replace(' ', 'T')}Z`) }
  })
}

/** The plainest reading of the rules: minute by minute, with a memory of what the clocks have shown. */
function expectedTicks(minutes: number[], hours: number[], zone: string, from: number, count: number): number[] {
  const matches = (local: number) => minutes.includes(new Date(local).getUTCMinutes()) && hours.includes(new Date(local).getUTCHours())
  const found = new Set<number>()
  const shown = new Set<number>()
  let previous: number | undefined
  for (const { at, local } of walk(zone, from - 6 * HOUR, count + 6)) {
    for (let skipped = (previous ?? local) + 60_000; skipped < local; skipped += 60_000) {
      if (matches(skipped) && hours.length < 24) found.add(at)
    }
    if (matches(local) && (hours.length === 24 || !shown.has(local))) found.add(at)
    shown.add(local)
    previous = local
  }
  return [...found].filter((at) => at > from && at <= from + count * HOUR).sort((a, b) => a - b)
}

test('any pattern finds what a walk over every minute finds, wherever it starts and across every shift of clocks', () => {
  const some = (max: number) => fc.uniqueArray(fc.nat(max), { minLength: 1, maxLength: 4 }).map((values) => values.sort((a, b) => a - b))
  const hoursOf = fc.oneof(fc.constant<number[] | '*'>('*'), some(23), fc.uniqueArray(fc.nat(4), { minLength: 1, maxLength: 3 }))
  fc.assert(fc.property(fc.constantFrom(...SHIFTS), some(59), hoursOf, fc.integer({ min: -30 * 60, max: 10 * 60 }), ([zone, shift], minutes, hours, offset) => {
    const from = Date.parse(shift) + offset * 60_000
    const every = hours === '*' ? Array.from({ length: 24 }, (_, hour) => hour) : hours
    const expected = expectedTicks(minutes, every, zone, from, 40)
    const pattern = `${minutes.join()} ${hours === '*' ? hours : hours.join()} * * *`
    expect(take(pattern, zone, new Date(from), expected.length).map((at) => at.getTime()), `${pattern} ${zone} from ${new Date(from).toISOString()}`).toEqual(expected)
  }), { numRuns: 100 })
}, 120_000)

test('asking again after a tick goes on with the next one', () => {
  let after = new Date('2026-10-24T20:00:00Z')
  const one = take('*/15 * * * *', 'Europe/Prague', after, 30)
  for (const at of one) {
    after = take('*/15 * * * *', 'Europe/Prague', after, 1)[0]!
    expect(after).toEqual(at)
  }
})
