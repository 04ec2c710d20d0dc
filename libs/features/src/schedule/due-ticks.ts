import type { Schedule } from '@tallyfleet/ports'

/** The instants of a cron pattern in a zone that lie after `after`, ascending. The scheduler brings the parser. */
export type CronTicks = (pattern: string, zone: string, after: Date) => Iterable<Date>

export type DueTicks = {
  /** The newest due ticks, ascending, at most `limit`. */
  ticks: Date[]
  /** Those before them. */
  earlier: { count: number; first: Date; last: Date } | undefined
}

/** More of a pattern's ticks than this are settled in several rounds. */
const MAX_STEPS = 20_000

/**
 * The nominal instants of a schedule in (after, upTo]. A period is counted from 1970, so every scheduler finds the
 * same ones.
 */
export function dueTicks(schedule: Schedule, after: Date, upTo: Date, limit: number, cronTicks: CronTicks): DueTicks {
  if (upTo <= after) return { ticks: [], earlier: undefined }
  return 'everyMs' in schedule
    ? duePeriods(schedule.everyMs, after, upTo, limit)
    : dueInstants(cronTicks(schedule.pattern, schedule.zone, after), upTo, limit)
}

function duePeriods(everyMs: number, after: Date, upTo: Date, limit: number): DueTicks {
  const first = Math.floor(after.getTime() / everyMs) + 1
  const last = Math.floor(upTo.getTime() / everyMs)
  const firstKept = Math.max(first, last - limit + 1)
  const at = (number: number) => new Date(number * everyMs)
  const ticks: Date[] = []
  for (let number = firstKept; number <= last; number++) ticks.push(at(number))
  const count = firstKept - first
  return { ticks, earlier: count > 0 ? { count, first: at(first), last: at(firstKept - 1) } : undefined }
}

function dueInstants(instants: Iterable<Date>, upTo: Date, limit: number): DueTicks {
  const ticks: Date[] = []
  let earlier: DueTicks['earlier']
  let steps = 0
  for (const at of instants) {
    if (at > upTo || ++steps > MAX_STEPS) break
    ticks.push(at)
    if (ticks.length <= limit) continue
    const dropped = ticks.shift()!
    earlier = { count: (earlier?.count ?? 0) + 1, first: earlier?.first ?? dropped, last: dropped }
  }
  return { ticks, earlier }
}
