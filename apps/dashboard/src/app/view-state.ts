import { computed, type ComputedRef } from 'vue'
import { useRoute, useRouter, type LocationQuery, type LocationQueryRaw } from 'vue-router'
import { DEFAULT_RANGE, intervalFor, resolveRange, type DateRange, type RangeText } from './date-range.ts'
import { todayIn } from './day.ts'
import { useSession, type PackInfo } from './session.ts'

export type Interval = 'day' | 'week' | 'month' | 'year'
export type Compare = 'prev' | 'year' | 'custom' | undefined

/** Everything that the viewer set, read from the address. */
export type ViewState = {
  rangeText: RangeText
  range: DateRange
  today: string
  compare: Compare
  /** The days of a custom comparison. */
  compareRange: DateRange | undefined
  matchWeekday: boolean
  interval: Interval
  domain: string
  type: string
  action: string
  filters: string[]
  /** Id of a saved segment that everything is narrowed to. */
  segment: string | undefined
  /** Parameters that could not be read and fell back. */
  broken: string[]
}

const INTERVALS: readonly string[] = ['day', 'week', 'month', 'year']

/** Reads the address. A value that is broken falls back to its default and is named in `broken`. */
export function readViewState(query: LocationQuery, packs: readonly PackInfo[], today: string): ViewState {
  const text = (name: string) => {
    const value = query[name]
    return typeof value === 'string' ? value : undefined
  }
  const broken: string[] = []
  const asked = { from: text('from') ?? DEFAULT_RANGE.from, to: text('to') ?? 'now' }
  let rangeText = asked
  let range = resolveRange(asked, today)
  if (!range) {
    broken.push('from')
    rangeText = DEFAULT_RANGE
    range = resolveRange(DEFAULT_RANGE, today)!
  }
  const pick = <Item>(name: string, items: readonly Item[], nameOf: (item: Item) => string, preferred?: Item): Item => {
    const wanted = text(name)
    const found = items.find((item) => nameOf(item) === wanted)
    if (wanted !== undefined && !found) broken.push(name)
    return found ?? preferred ?? items[0]!
  }
  const pack = pick('domain', packs, (item) => item.domain, packs.find(({ domain }) => domain === 'jav'))
  const type = pick('type', pack.entityTypes, (item) => item.name)
  const actions = pack.actions.filter(({ entityTypes }) => entityTypes === null || entityTypes.includes(type.name))
  const action = pick('m', actions, (item) => item.name)
  const [kind = '', option] = (text('cmp') ?? '').split(',')
  const compareRange = kind === 'custom' ? resolveRange({ from: text('cf') ?? '', to: text('ct') ?? '' }, today) : undefined
  const compare = kind === 'prev' || kind === 'year' || (kind === 'custom' && compareRange) ? kind : undefined
  if ((kind !== '' && !compare) || !['wd', undefined].includes(option)) broken.push('cmp')
  const interval = text('i')
  if (interval !== undefined && !INTERVALS.includes(interval)) broken.push('i')
  return {
    rangeText, range, today,
    compare, compareRange,
    matchWeekday: option === 'wd',
    interval: interval !== undefined && INTERVALS.includes(interval) ? interval as Interval : intervalFor(range),
    domain: pack.domain, type: type.name, action: action?.name ?? '',
    filters: [query['f'] ?? []].flat().filter((filter) => filter !== null),
    segment: text('seg'),
    broken,
  }
}

/** The view of the page and how to change it: the address is its only home. */
export function useView(): { view: ComputedRef<ViewState>; pack: ComputedRef<PackInfo>; change: (patch: LocationQueryRaw) => void } {
  const route = useRoute()
  const router = useRouter()
  const { session } = useSession()
  const view = computed(() => readViewState(route.query, session.value.packs, todayIn(session.value.tenant.zone)))
  const pack = computed(() => session.value.packs.find(({ domain }) => domain === view.value.domain)!)
  /** An undefined value leaves the address. */
  const change = (patch: LocationQueryRaw) => { void router.push({ query: { ...route.query, ...patch } }) }
  return { view, pack, change }
}

/** What the insight API takes for a view: days, and what to compare with. */
export function rangeParameters({ range, compare, compareRange, matchWeekday }: ViewState): Record<string, string> {
  return {
    from: range.from, to: range.to, ...(compare && { cmp: matchWeekday ? `${compare},wd` : compare }),
    ...(compare === 'custom' && compareRange && { cmp_from: compareRange.from, cmp_to: compareRange.to }),
  }
}

/** What the insight API takes to look at a part of the catalog alone. */
export function partParameters({ filters, segment }: ViewState): { f: string[]; seg: string | undefined } {
  return { f: filters, seg: segment }
}
