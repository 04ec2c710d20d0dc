import { bucketOf, addDays, firstDayOf } from '@tallyfleet/domain'
import type { DayRange } from './range.ts'

export type SeriesInterval = 'day' | 'week' | 'month' | 'year'

const MOST_DAYS = { day: 1, week: 7, month: 31, year: 366 } as const

/** The days of a bucket that lie inside a range. */
export function daysOfBucket(interval: SeriesInterval, bucket: string, range: DayRange): DayRange {
  const start = firstDayOf(interval, bucket)
  const next = firstDayOf(interval, bucketOf(interval, addDays(start, MOST_DAYS[interval])))
  return { from: range.from > start ? range.from : start, to: range.to < next ? range.to : next }
}
