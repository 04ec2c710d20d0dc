/** Calendar days as `2026-11-21`: arithmetic in UTC, no zone involved. */
const DAY_MS = 86_400_000

export function addDays(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10)
}

/** Days from `from` to `to`. */
export function daysBetween(from: string, to: string): number {
  return Math.round((Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / DAY_MS)
}

/** The same day of another month, at most its last day. */
export function addMonths(day: string, months: number): string {
  const [year, month, date] = day.split('-').map(Number) as [number, number, number]
  const first = new Date(Date.UTC(year, month - 1 + months, 1))
  const last = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0)).getUTCDate()
  first.setUTCDate(Math.min(date, last))
  return first.toISOString().slice(0, 10)
}

/** Whether the text is a day that exists. */
export function isDay(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return false
  const at = Date.parse(`${text}T00:00:00Z`)
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text)
}

/** Made once for a zone: that takes longer than using it. */
const dayFormats = new Map<string, Intl.DateTimeFormat>()

/** Today in a time zone. UTC, the usual one, needs no calendar data, whose loading takes a telephone a tenth of a second. */
export function todayIn(zone: string, now = new Date()): string {
  if (zone === 'UTC') return now.toISOString().slice(0, 10)
  const format = dayFormats.get(zone) ?? new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' })
  dayFormats.set(zone, format)
  return format.format(now)
}

/** The bucket that a day falls into, as the API names it; weeks after ISO 8601. */
export function bucketOfDay(day: string, interval: 'day' | 'week' | 'month' | 'year'): string {
  if (interval === 'day') return day
  if (interval !== 'week') return day.slice(0, interval === 'month' ? 7 : 4)
  const weekday = (new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7
  const thursday = addDays(day, 3 - weekday) // The year of a week is that of its Thursday.
  return `${thursday.slice(0, 4)}-W${String(1 + Math.floor(daysBetween(`${thursday.slice(0, 4)}-01-01`, thursday) / 7)).padStart(2, '0')}`
}
