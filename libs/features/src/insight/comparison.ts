import { addDays, daysBetween } from '@tallyfleet/domain'
import { rangeError, readDayRange, type DayRange } from '../explore/range.ts'

/** What a range is compared with. */
export type Comparison = { kind: 'prev' | 'year' | 'custom'; matchWeekday: boolean; range: DayRange }

export type ComparisonQuery = {
  cmp?: { kind: Comparison['kind']; matchWeekday: boolean } | undefined
  cmp_from?: string | undefined
  cmp_to?: string | undefined
}

/**
 * The days that a range is compared with; undefined when nothing was asked.
 *
 * `prev`: as many days, ending where the range starts. `year`: as many days from the same date of the year before (29
 * February: from 28). `custom`: the days given, of any number. With `matchWeekday` the first day has the weekday of the
 * range's first day: `prev` goes back by the least number of whole weeks that clears the range, `year` by 52 weeks,
 * `custom` by up to six days more. Rejects with `RANGE_INVALID`.
 */
export function readComparison(
  { cmp, cmp_from, cmp_to }: ComparisonQuery, range: DayRange | undefined, zone: string, now: Date,
): Comparison | undefined {
  if (!cmp) {
    if (cmp_from !== undefined || cmp_to !== undefined) throw rangeError('/cmp', 'must be `custom` beside `cmp_from` or `cmp_to`')
    return undefined
  }
  if (!range) throw rangeError('/from', 'is missing: everything so far has nothing to compare with')
  if (cmp.kind !== 'custom' && (cmp_from !== undefined || cmp_to !== undefined)) {
    throw rangeError('/cmp', 'must be `custom` beside `cmp_from` or `cmp_to`')
  }
  return { ...cmp, range: comparedDays(cmp, cmp_from, cmp_to, range, zone, now) }
}

function comparedDays(
  { kind, matchWeekday }: NonNullable<ComparisonQuery['cmp']>, from: string | undefined, to: string | undefined,
  range: DayRange, zone: string, now: Date,
): DayRange {
  const days = daysBetween(range.from, range.to)
  const back = (by: number) => ({ from: addDays(range.from, -by), to: addDays(range.to, -by) })
  if (kind === 'prev') return back(matchWeekday ? Math.ceil(days / 7) * 7 : days)
  if (kind === 'year') {
    if (matchWeekday) return back(364)
    const date = range.from.slice(4) === '-02-29' ? '-02-28' : range.from.slice(4)
    const start = String(Number(range.from.slice(0, 4)) - 1).padStart(4, '0') + date
    return { from: start, to: addDays(start, days) }
  }
  if (from === undefined || to === undefined) throw rangeError(from === undefined ? '/cmp_from' : '/cmp_to', 'is missing')
  let custom: DayRange
  try {
    custom = readDayRange({ from, to }, zone, now)!
  } catch (error) {
    throw rangeError('/cmp_from', `and cmp_to are no range: ${(error as Error).message}`)
  }
  if (!matchWeekday) return custom
  const by = ((daysBetween(range.from, custom.from) % 7) + 7) % 7
  return { from: addDays(custom.from, -by), to: addDays(custom.to, -by) }
}

/** (now - before) / before; null where there is nothing to divide by. */
export function changeOf(now: number, before: number | null): number | null {
  return before === null || before === 0 ? null : (now - before) / before
}

/** A number beside that of the compared days. */
export type Figure = { value: number; previous: number | null; change: number | null }

export function figureOf(value: number, previous: number | null): Figure {
  return { value, previous, change: changeOf(value, previous) }
}
