import type { MinuteCounts } from '@tallyfleet/domain'
import type { HotStore, Journal } from '@tallyfleet/ports'

/** `tenant` undefined = all tenants; `from` inclusive, `to` exclusive, whole minutes. */
export type MinuteRange = { tenant?: string | undefined; from?: Date | undefined; to?: Date | undefined }
/** The counts of one minute of a tenant; `minute` is ISO 8601 in UTC without seconds. */
type Visit = (minute: string, counts: MinuteCounts) => void

const PAGE = 1_000

/**
 * Visits each minute of the range once, closed or still open in Redis, in no order. Open ones are read first: one that
 * closes meanwhile is then read twice, and its closed counts, which are final, stand.
 */
export async function visitMinutes(range: MinuteRange, needs: { hot: HotStore; journal: Journal }, visit: Visit): Promise<void> {
  const { fromMinute, toMinute } = boundsOf(range)
  const open = new Map<string, MinuteCounts>()
  for (const { tenant, minute, counts } of await needs.hot.listOpenMinutes()) {
    if (range.tenant === undefined || tenant === range.tenant) open.set(minuteId(tenant, minute), counts)
  }
  await visitClosed(range, needs, (id, counts) => {
    open.delete(id)
    visit(minuteOf(id), counts)
  })
  for (const [id, counts] of open) {
    const minute = minuteOf(id)
    if (minute >= fromMinute && minute < toMinute) visit(minute, counts)
  }
}

/** Visits the closed minutes of the range alone, in order of tenant and time. */
export async function visitClosedMinutes(range: MinuteRange, needs: { journal: Journal }, visit: Visit): Promise<void> {
  await visitClosed(range, needs, (id, counts) => visit(minuteOf(id), counts))
}

/** The name of a minute of Redis's clock, counted since 1970. */
export function minuteName(minute: number): string {
  return new Date(minute * 60_000).toISOString().slice(0, 16)
}

/** The journal id of a closed minute: sorts by tenant, then time. */
export function minuteId(tenant: string, minute: number): string {
  return `${tenant}|${minuteName(minute)}`
}

/** No outcome of anything yet. */
export function noOutcomes(): MinuteCounts {
  return { counted: 0, duplicate: 0, rejected: 0, quarantined: 0 }
}

/** Adds the counts of a minute, an hour or a day to others. */
export function addOutcomes(sums: MinuteCounts, counts: MinuteCounts): void {
  for (const outcome of Object.keys(sums) as (keyof MinuteCounts)[]) sums[outcome] += counts[outcome]
}

async function visitClosed(range: MinuteRange, { journal }: { journal: Journal }, visit: (id: string, counts: MinuteCounts) => void): Promise<void> {
  const { fromMinute, toMinute } = boundsOf(range)
  const prefix = range.tenant === undefined ? '' : `${range.tenant}|`
  let from = prefix && prefix + fromMinute
  for (;;) {
    const page = await journal.list('minute', { from, ...(prefix ? { to: prefix + toMinute } : {}), limit: PAGE })
    for (const { id, body } of page) {
      const minute = minuteOf(id)
      if (minute >= fromMinute && minute < toMinute) visit(id, body as MinuteCounts)
    }
    if (page.length < PAGE) break
    from = `${page.at(-1)!.id}\u0000`
  }
}

const boundsOf = ({ from, to }: MinuteRange) => ({ fromMinute: from?.toISOString().slice(0, 16) ?? '', toMinute: to?.toISOString().slice(0, 16) ?? '~' })
/** A tenant's id holds no bar. */
const minuteOf = (id: string) => id.slice(id.indexOf('|') + 1)
