import { addDays, AppError, dayOf, firstDayOf, bucketOf, parseInstant, startOfDay, type Fault } from '@tallyfleet/domain'
import type { BucketOf } from '@tallyfleet/ports'

/** Days [from, to) in a tenant's zone. */
export type DayRange = { from: string; to: string }

const DAY = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/

/**
 * Reads a range of whole days. Each end is a day, or an instant that starts a day in the zone; without `to` it ends
 * with today. Undefined when both are absent. Rejects with `RANGE_INVALID` and a pointer to the parameter.
 */
export function readDayRange(
  { from, to }: { from?: string | undefined; to?: string | undefined }, zone: string, now: Date,
): DayRange | undefined {
  if (from === undefined && to === undefined) return undefined
  if (from === undefined) throw rangeError('/from', 'is missing beside `to`')
  const range = {
    from: readDay('/from', from, zone),
    to: to === undefined ? addDays(dayOf(now, zone), 1) : readDay('/to', to, zone),
  }
  if (range.from >= range.to) {
    throw rangeError('/to', `${range.to} is not after ${range.from}: \`to\` is exclusive`)
  }
  return range
}

/** The instant that a day or an RFC 3339 instant names; a day is its start in the zone. */
export function readInstant(pointer: string, text: string, zone: string): Date {
  const at = DAY.test(text) ? startOfDay(readDay(pointer, text, zone), zone) : parseInstant(text)
  if (!at) throw noInstant(pointer, text)
  return at
}

/** The day, week, month or year that is exactly this range; undefined when none is. */
export function wholeBucket({ from, to }: DayRange): BucketOf | undefined {
  for (const interval of ['day', 'week', 'month', 'year'] as const) {
    const bucket = bucketOf(interval, from)
    // The next bucket starts at `to` when `to` is its first day and the day before is still in ours.
    const ends = bucketOf(interval, addDays(to, -1)) === bucket && firstDayOf(interval, bucketOf(interval, to)) === to
    if (ends && firstDayOf(interval, bucket) === from) return { interval, bucket }
  }
  return undefined
}

export function rangeError(pointer: string, detail: string): AppError {
  const fault: Fault = { pointer, code: 'RANGE_INVALID', detail }
  return new AppError('RANGE_INVALID', `${pointer.slice(1)} ${detail}`, { details: { errors: [fault] } })
}

function noInstant(pointer: string, text: string): AppError {
  const hint = text.includes(' ') ? ' (in an address the + of an offset is written %2B)' : ''
  return rangeError(pointer, `is neither a day nor an RFC 3339 instant${hint}`)
}

function readDay(pointer: string, text: string, zone: string): string {
  const day = DAY.test(text) ? text : dayStartingAt(pointer, text, zone)
  const midnight = new Date(`${day}T00:00:00Z`)
  if (Number.isNaN(midnight.getTime()) || midnight.toISOString().slice(0, 10) !== day) {
    throw rangeError(pointer, `${day} is no day of the calendar`)
  }
  if (day < '1900-01-01' || day > '2200-12-31') throw rangeError(pointer, 'lies outside the years 1900 to 2200')
  return day
}

function dayStartingAt(pointer: string, text: string, zone: string): string {
  const at = parseInstant(text)
  if (!at) throw noInstant(pointer, text)
  const day = dayOf(at, zone)
  if (startOfDay(day, zone).getTime() !== at.getTime()) throw rangeError(pointer, `does not start a day in ${zone}`)
  return day
}
