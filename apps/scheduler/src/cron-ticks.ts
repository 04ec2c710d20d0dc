import type { CronTicks } from '@tallyfleet/features'
import { CronExpressionParser } from 'cron-parser'

/** Clocks of a zone are put forward or back by less than this. */
const LONGEST_SHIFT_MS = 3 * 3_600_000
const HOURS = 24

const formats = new Map<string, Intl.DateTimeFormat>()

/**
 * The instants of a cron pattern in a zone after `after`, ascending. A fixed time of day comes once a day: where clocks
 * go back the first time, and where they go forward and skip it, at the moment they do. A pattern of every hour goes by
 * the clocks alone. The parser is asked for times of day only: in zones it fails where clocks shift by half an hour.
 */
export const cronTicks: CronTicks = function* (pattern, zone, after) {
  const offset = offsetAt(after.getTime(), zone)
  // Where clocks are about to go back, times of day that lie before that of `after` come again.
  const backMs = Math.max(offset - offsetAt(after.getTime() + LONGEST_SHIFT_MS, zone), 0)
  const expression = CronExpressionParser.parse(pattern, { currentDate: new Date(after.getTime() + offset - backMs), tz: 'UTC' })
  const isRepeating = expression.fields.hour.values.length === HOURS
  const pending: number[] = []
  let last = after.getTime()
  while (expression.hasNext()) {
    const { instants, skippedAt } = instantsOf(expression.next().getTime(), zone)
    const first = instants[0] ?? skippedAt
    pending.push(...(isRepeating ? instants : [first]))
    pending.sort((a, b) => a - b)
    // No time of day to come is before the first instant of this one.
    while (pending[0] !== undefined && pending[0] <= first) {
      const at = pending.shift()!
      if (at > last) yield new Date(at)
      last = Math.max(last, at)
    }
  }
}

/** When the clocks of a zone show a time (in ms, as if in UTC): twice where they go back, never where they skip it. */
function instantsOf(local: number, zone: string): { instants: number[]; skippedAt: number } {
  const near = local - offsetAt(local, zone)
  const [before, later] = [offsetAt(near - LONGEST_SHIFT_MS, zone), offsetAt(near + LONGEST_SHIFT_MS, zone)]
  const instants = [...new Set([before, later])].map((offset) => [local - offset, offset] as const)
    .flatMap(([at, offset]) => (offsetAt(at, zone) === offset ? [at] : [])).sort((a, b) => a - b)
  let [low, skippedAt] = [local - later, local - before]
  while (instants.length === 0 && skippedAt - low > 1_000) {
    const middle = Math.floor((low + skippedAt) / 2_000) * 1_000
    if (offsetAt(middle, zone) === before) low = middle
    else skippedAt = middle
  }
  return { instants, skippedAt }
}

/** What a zone's clocks show beyond UTC at an instant, in ms. */
function offsetAt(at: number, zone: string): number {
  if (zone === 'UTC') return 0
  let format = formats.get(zone)
  if (!format) {
    format = new Intl.DateTimeFormat('en-u-ca-iso8601-hc-h23', {
      timeZone: zone, year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
    })
    formats.set(zone, format)
  }
  const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]))
  const { year, month, day, hour, minute, second } = parts as Record<'year' | 'month' | 'day' | 'hour' | 'minute' | 'second', number>
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1_000) * 1_000
}
