import { computed } from 'vue'
import { useI18n } from 'vue-i18n'
import { useSession } from '../app/session.ts'
import { addDays, daysBetween } from '../app/day.ts'

const made = new Map<string, ReturnType<typeof makeFormats>>()

/** The formats of a language and a zone. Making one takes longer than all that it is used for on a page, so each is made once. */
function formatsOf(language: string, timeZone: string): ReturnType<typeof makeFormats> {
  const key = `${language} ${timeZone}`
  const known = made.get(key) ?? makeFormats(language, timeZone)
  made.set(key, known)
  return known
}

function makeFormats(language: string, timeZone: string) {
  const units = new Map<string, Intl.NumberFormat>()
  return {
    whole: new Intl.NumberFormat(language),
    short: new Intl.NumberFormat(language, { notation: 'compact', maximumFractionDigits: 1 }),
    fraction: new Intl.NumberFormat(language, { maximumFractionDigits: 1 }),
    percent: new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 1 }),
    percentWhole: new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 0 }),
    day: new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' }),
    dayShort: new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short', timeZone: 'UTC' }),
    weekday: new Intl.DateTimeFormat(language, { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' }),
    month: new Intl.DateTimeFormat(language, { month: 'short', year: 'numeric', timeZone: 'UTC' }),
    time: new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short', timeZone }),
    clockSeconds: new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23', timeZone }),
    clock: new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', timeZone }),
    fromNow: new Intl.RelativeTimeFormat(language, { numeric: 'auto' }),
    /** A size in a unit, such as `second`. */
    unit(unit: string, maximumFractionDigits: number): Intl.NumberFormat {
      const key = `${unit} ${maximumFractionDigits}`
      const known = units.get(key) ?? new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits })
      units.set(key, known)
      return known
    },
  }
}

/** Numbers, days and times in the reader's language and the tenant's zone. Dashes stand for what is not known. */
export function useFormat() {
  const { locale } = useI18n()
  const { session } = useSession()
  const formats = computed(() => formatsOf(locale.value, session.value?.tenant.zone ?? 'UTC'))
  const utc = (day: string) => new Date(`${day}T00:00:00Z`)
  const format = {
    whole: (value: number | null | undefined) => value == null ? '–' : formats.value.whole.format(value),
    /** Up to 9,999 in full, then `12.3K`. */
    short: (value: number | null | undefined) => value == null ? '–'
      : Math.abs(value) < 10_000 ? formats.value.whole.format(value) : formats.value.short.format(value),
    percent: (value: number | null | undefined) => value == null ? '–'
      : (Math.abs(value) >= 10 ? formats.value.percentWhole : formats.value.percent).format(value),
    day: (day: string | null | undefined) => day ? formats.value.day.format(utc(day)) : '–',
    weekday: (day: string) => formats.value.weekday.format(utc(day)),
    /** A bucket key as a person says it; weeks by their Monday. */
    bucket: (bucket: string, { long = false } = {}): string => {
      if (/^\d{4}-\d\d-\d\d$/.test(bucket)) return long ? format.weekday(bucket) : formats.value.dayShort.format(utc(bucket))
      if (/^\d{4}-\d\d$/.test(bucket)) return formats.value.month.format(utc(`${bucket}-01`))
      return bucket.replace('-W', long ? ' · W' : ' W')
    },
    /** Days [from, to) with the last one included. */
    range: (from: string, to: string) => daysBetween(from, to) === 1 ? formats.value.day.format(utc(from))
      : formats.value.day.formatRange(utc(from), utc(addDays(to, -1))),
    time: (at: string | null | undefined) => at ? formats.value.time.format(new Date(at)) : '–',
    /** An average, with one decimal place. */
    fraction: (value: number) => formats.value.fraction.format(value),
    /** How far an instant is from now, in its largest sensible unit. */
    fromNow: (at: string): string => {
      const seconds = (Date.parse(at) - Date.now()) / 1_000
      const size = Math.abs(seconds)
      const [value, unit] = size < 90 ? [seconds, 'second'] as const : size < 5_400 ? [seconds / 60, 'minute'] as const
        : size < 129_600 ? [seconds / 3_600, 'hour'] as const : [seconds / 86_400, 'day'] as const
      return formats.value.fromNow.format(Math.round(value), unit)
    },
    /** A number of events a second: one decimal below ten. */
    rate: (value: number) => (value < 10 ? formats.value.fraction : formats.value.whole).format(value),
    clockSeconds: (at: number) => formats.value.clockSeconds.format(new Date(at)),
    clock: (at: string) => formats.value.clock.format(new Date(at)),
    /** A length of time in its largest sensible unit. */
    seconds: (seconds: number | null | undefined): string => {
      if (seconds == null) return '–'
      const [value, unit] = seconds < 1 ? [seconds * 1_000, 'millisecond'] as const : seconds < 120 ? [seconds, 'second'] as const
        : seconds < 7_200 ? [seconds / 60, 'minute'] as const : seconds < 172_800 ? [seconds / 3_600, 'hour'] as const : [seconds / 86_400, 'day'] as const
      return formats.value.unit(unit, value < 10 && unit !== 'millisecond' ? 1 : 0).format(value)
    },
  }
  return format
}
