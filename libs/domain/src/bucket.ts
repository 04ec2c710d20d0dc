import { AppError } from './errors.ts'

/** Bucket lengths that are kept, longest first. `total` has the one bucket `all`. */
export const INTERVALS = ['total', 'year', 'month', 'week', 'day', 'hour'] as const
export type Interval = (typeof INTERVALS)[number]

export const TOTAL_BUCKET = 'all'

const QUARTER_HOUR_MS = 900_000
const DAY_MS = 86_400_000
const formats = new Map<string, Intl.DateTimeFormat>()
const hours = new Map<string, Map<number, string>>()

/**
 * The IANA time zone of this name in its own spelling, or undefined when this runtime knows none. An offset such as
 * `+02:07` is not one: it may shift by minutes, where everything here rests on quarter hours.
 */
export function timeZoneOf(name: string): string | undefined {
  if (name.length > 64 || !/^[A-Za-z]/.test(name)) return undefined
  try {
    const { timeZone } = new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions()
    // A runtime may resolve an alias to another name: what the caller wrote stays, unless only its case differs.
    return timeZone.toLowerCase() === name.toLowerCase() ? timeZone : name
  } catch {
    return undefined
  }
}

/**
 * The hour of an instant in a zone, `2026-11-21T14`. Zones shift on quarter hours only, so the answer is kept for each
 * quarter hour: an import asks for the same ones a million times.
 */
export function hourOf(at: Date, zone: string): string {
  const quarter = Math.floor(at.getTime() / QUARTER_HOUR_MS)
  let known = hours.get(zone)
  if (!known) hours.set(zone, (known = new Map()))
  let hour = known.get(quarter)
  if (hour === undefined) {
    if (known.size > 20_000) known.clear()
    hour = zone === 'UTC' ? at.toISOString().slice(0, 13) : localHour(new Date(quarter * QUARTER_HOUR_MS), zone)
    known.set(quarter, hour)
  }
  return hour
}

/** The day of an instant in a zone, `2026-11-21`. */
export function dayOf(at: Date, zone: string): string {
  return hourOf(at, zone).slice(0, 10)
}

function localHour(at: Date, zone: string): string {
  let format = formats.get(zone)
  if (!format) {
    format = new Intl.DateTimeFormat('en-CA-u-hc-h23', {
      timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', calendar: 'iso8601',
    })
    formats.set(zone, format)
  }
  const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]))
  return `${part.year!.padStart(4, '0')}-${part.month}-${part.day}T${part.hour}`
}

/** Milliseconds of midnight UTC of a day string: calendar arithmetic, no zone involved. */
function dayNumber(day: string): number {
  return Date.parse(`${day}T00:00:00Z`) / DAY_MS
}

function dayString(number: number): string {
  return new Date(number * DAY_MS).toISOString().slice(0, 10)
}

/** The ISO 8601 week of a day, `2026-W47`: weeks start on Monday and belong to the year of their Thursday. */
export function weekOf(day: string): string {
  const number = dayNumber(day)
  const weekday = (((number + 3) % 7) + 7) % 7 // 0 = Monday; day 0 was a Thursday
  const thursday = dayString(number - weekday + 3)
  const year = thursday.slice(0, 4)
  const week = Math.floor((dayNumber(thursday) - dayNumber(`${year}-01-01`)) / 7) + 1
  return `${year}-W${String(week).padStart(2, '0')}`
}

/** The bucket of `interval` that holds `finest`, which is a day (`2026-11-21`) or an hour (`2026-11-21T14`). */
export function bucketOf(interval: Interval, finest: string): string {
  const day = finest.slice(0, 10)
  switch (interval) {
    case 'total': return TOTAL_BUCKET
    case 'year': return day.slice(0, 4)
    case 'month': return day.slice(0, 7)
    case 'week': return weekOf(day)
    case 'day': return day
    case 'hour': return finest
  }
}

/** First day of a day, week, month or year bucket. */
export function firstDayOf(interval: Exclude<Interval, 'total' | 'hour'>, bucket: string): string {
  switch (interval) {
    case 'day': return bucket
    case 'month': return `${bucket}-01`
    case 'year': return `${bucket}-01-01`
    case 'week': {
      const fourth = dayNumber(`${bucket.slice(0, 4)}-01-04`) // always in week 1
      const monday = fourth - ((((fourth + 3) % 7) + 7) % 7)
      return dayString(monday + (Number(bucket.slice(6)) - 1) * 7)
    }
  }
}

export function addDays(day: string, days: number): string {
  return dayString(dayNumber(day) + days)
}

/** Days from `from` to `to`: negative when `to` is earlier. */
export function daysBetween(from: string, to: string): number {
  return dayNumber(to) - dayNumber(from)
}

/** Every bucket of `interval` that shares a day with [from, to), in order. At most `limit`, else `RANGE_INVALID`. */
export function bucketsBetween(
  interval: Exclude<Interval, 'total' | 'hour'>, from: string, to: string, limit: number,
): string[] {
  const buckets: string[] = []
  for (let day = firstDayOf(interval, bucketOf(interval, from)); day < to; ) {
    const bucket = bucketOf(interval, day)
    if (buckets.length === limit) {
      throw new AppError('RANGE_INVALID', `the range holds more than ${limit} buckets of one ${interval}`)
    }
    buckets.push(bucket)
    day = nextFirstDay(interval, day)
  }
  return buckets
}

function nextFirstDay(interval: 'day' | 'week' | 'month' | 'year', day: string): string {
  switch (interval) {
    case 'day': return addDays(day, 1)
    case 'week': return addDays(day, 7)
    case 'month': return `${addDays(day, 32 - Number(day.slice(8))).slice(0, 7)}-01`
    case 'year': return `${String(Number(day.slice(0, 4)) + 1).padStart(4, '0')}-01-01`
  }
}

/** The instant at which a day starts in a zone: where midnight is skipped, the first instant that belongs to the day. */
export function startOfDay(day: string, zone: string): Date {
  const utc = Date.parse(`${day}T00:00:00Z`)
  // No zone is further than 15 hours from UTC: search the quarter hours around for the first one of the day.
  for (let at = utc - 15 * 3_600_000; at <= utc + 15 * 3_600_000; at += QUARTER_HOUR_MS) {
    if (dayOf(new Date(at), zone) === day) return new Date(at)
  }
  throw new AppError('RANGE_INVALID', `${day} does not exist in ${zone}`)
}
