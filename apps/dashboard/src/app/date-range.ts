import { addDays, addMonths, daysBetween, isDay } from './day.ts'

/** Days [from, to). */
export type DateRange = { from: string; to: string }

/** What stands in the address: `-28d`, `month`, a day …; `to` is exclusive, `now` reaches to the end of today. */
export type RangeText = { from: string; to: string }

export const DEFAULT_RANGE: RangeText = { from: '-28d', to: 'now' }
/** The insight API answers ranges up to this. */
export const MAX_RANGE_DAYS = 400

/** The ranges on offer, with the key that chooses each. */
export const PRESETS = [
  { name: 'today', key: 'd' }, { name: 'yesterday', key: 'e' }, { name: '7d', key: 'w' }, { name: '28d', key: 'f' },
  { name: '90d', key: undefined }, { name: 'month', key: 'm' }, { name: 'lastMonth', key: undefined },
  { name: 'year', key: 'y' }, { name: '12m', key: 'a' }, { name: 'lastYear', key: undefined },
] as const
export type PresetName = (typeof PRESETS)[number]['name']

/** The address of a preset. Closed periods become days, so that a shared link keeps showing the same numbers. */
export function presetRange(name: PresetName, today: string): RangeText {
  const month = `${today.slice(0, 7)}-01`
  const year = Number(today.slice(0, 4))
  switch (name) {
    case 'today': return { from: 'today', to: 'now' }
    case 'yesterday': return { from: addDays(today, -1), to: today }
    case 'month': return { from: 'month', to: 'now' }
    case 'lastMonth': return { from: addMonths(month, -1), to: month }
    case 'year': return { from: 'year', to: 'now' }
    case 'lastYear': return { from: `${year - 1}-01-01`, to: `${year}-01-01` }
    default: return { from: `-${name}`, to: 'now' }
  }
}

/** The days of a range in the address; undefined when the text is broken, reversed or longer than 400 days. */
export function resolveRange({ from, to }: RangeText, today: string): DateRange | undefined {
  const start = resolveStart(from, today)
  const end = to === 'now' ? addDays(today, 1) : isDay(to) ? to : undefined
  if (start === undefined || end === undefined || start >= end) return undefined
  return daysBetween(start, end) > MAX_RANGE_DAYS ? undefined : { from: start, to: end }
}

function resolveStart(from: string, today: string): string | undefined {
  if (from === 'today') return today
  if (from === 'month') return `${today.slice(0, 7)}-01`
  if (from === 'year') return `${today.slice(0, 4)}-01-01`
  const relative = /^-(\d{1,3})([dwm])$/.exec(from)
  if (!relative) return isDay(from) ? from : undefined
  const count = Number(relative[1])
  if (count === 0) return undefined
  if (relative[2] === 'm') return addDays(addMonths(today, -count), 1)
  return addDays(today, 1 - count * (relative[2] === 'w' ? 7 : 1))
}

/** Reads what a person types: `7d`, `3w`, `6m`, `2026`, `2026-10`, `2026-10-04`, `2026-10-04..2026-10-20` (both included). */
export function readTypedRange(text: string): RangeText | undefined {
  const typed = text.trim().toLowerCase()
  if (/^\d{1,3}[dwm]$/.test(typed)) return { from: `-${typed}`, to: 'now' }
  const [first = '', last = first] = typed.split(/\s*(?:\.\.|–|\bto\b)\s*/)
  const start = firstDayOf(first)
  const end = firstDayOf(last)
  if (!start || !end || start > end) return undefined
  return { from: start, to: last.length === 4 ? addMonths(end, 12) : last.length === 7 ? addMonths(end, 1) : addDays(end, 1) }
}

function firstDayOf(text: string): string | undefined {
  const day = text.length === 4 ? `${text}-01-01` : text.length === 7 ? `${text}-01` : text
  return isDay(day) ? day : undefined
}

/** The range before (-1) or after (1): whole months move by months, everything else by its length. */
export function shiftRange({ from, to }: DateRange, direction: -1 | 1): RangeText {
  const isWholeMonths = from.endsWith('-01') && to.endsWith('-01')
  if (!isWholeMonths) {
    const days = daysBetween(from, to) * direction
    return { from: addDays(from, days), to: addDays(to, days) }
  }
  const months = (Number(to.slice(0, 4)) - Number(from.slice(0, 4))) * 12 + Number(to.slice(5, 7)) - Number(from.slice(5, 7))
  return { from: addMonths(from, months * direction), to: addMonths(to, months * direction) }
}

/** The bucket length that makes a readable line. */
export function intervalFor({ from, to }: DateRange): 'day' | 'week' | 'month' {
  const days = daysBetween(from, to)
  return days <= 92 ? 'day' : days <= 280 ? 'week' : 'month'
}
