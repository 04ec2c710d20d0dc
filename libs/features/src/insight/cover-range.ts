import { addDays, bucketOf, daysBetween, firstDayOf } from '@tallyfleet/domain'
import type { BucketOf } from '@tallyfleet/ports'
import { rangeError, readDayRange, type DayRange } from '../explore/range.ts'

/** What an insight may look at: it reads each entity of each bucket. */
export const MAX_INSIGHT_DAYS = 400

/** The bucket of everything. */
export const EVERYTHING: readonly BucketOf[] = [{ interval: 'total', bucket: 'all' }]

const LONGEST_FIRST = [['year', 366], ['month', 31], ['week', 7], ['day', 1]] as const

/**
 * Whole years, then months, weeks and days, in order, that together are exactly this range: 400 days are fewer than
 * forty buckets, each read by its index. Without a range: everything.
 */
export function coverRange(range: DayRange | undefined): readonly BucketOf[] {
  return range ? coverDays(range, LONGEST_FIRST) : EVERYTHING
}

function coverDays({ from, to }: DayRange, intervals: readonly (typeof LONGEST_FIRST)[number][]): BucketOf[] {
  const [longest, ...shorter] = intervals
  if (!longest || from >= to) return []
  const [interval, mostDays] = longest
  const next = (day: string) => firstDayOf(interval, bucketOf(interval, addDays(day, mostDays)))
  const start = firstDayOf(interval, bucketOf(interval, from))
  const first = start === from ? from : next(start)
  const whole: BucketOf[] = []
  let end = first
  for (let after = next(first); after <= to; after = next(end)) {
    whole.push({ interval, bucket: bucketOf(interval, end) })
    end = after
  }
  if (whole.length === 0) return coverDays({ from, to }, shorter)
  return [...coverDays({ from, to: first }, shorter), ...whole, ...coverDays({ from: end, to }, shorter)]
}

/** Reads a range of at most 400 days; undefined when both ends are absent. Rejects with `RANGE_INVALID`. */
export function readInsightRange(
  query: { from?: string | undefined; to?: string | undefined }, zone: string, now: Date,
): DayRange | undefined {
  const range = readDayRange(query, zone, now)
  if (range && daysBetween(range.from, range.to) > MAX_INSIGHT_DAYS) {
    throw rangeError('/to', `is more than ${MAX_INSIGHT_DAYS} days after \`from\``)
  }
  return range
}
