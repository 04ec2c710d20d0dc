import { addDays, startOfDay, type MinuteCounts } from '@tallyfleet/domain'
import type { HotStore, Journal } from '@tallyfleet/ports'
import type { DayRange } from '../explore/range.ts'
import { sumClosedMinutes, sumMinutes } from '../ledger/read-ledger.ts'

const MOST_DAYS = 2_000
/** Days whose every minute is closed never change: they are added up once for each journal, tenant and zone. */
const known = new WeakMap<Journal, Map<string, MinuteCounts>>()

/** What became of the events that arrived on these days of the tenant's zone, by the ledger's minutes. */
export async function readOutcomes(
  tenant: { id: string; zone: string }, range: DayRange, needs: { hot: HotStore; journal: Journal },
): Promise<MinuteCounts> {
  const sums: MinuteCounts = { counted: 0, duplicate: 0, rejected: 0, quarantined: 0 }
  const add = (counts: MinuteCounts) => {
    for (const outcome of Object.keys(sums) as (keyof MinuteCounts)[]) sums[outcome] += counts[outcome]
  }
  const open = (await needs.hot.listOpenMinutes()).filter((row) => row.tenant === tenant.id).map(({ minute }) => minute)
  const openFrom = Math.min(await needs.hot.currentMinute(), ...open) * 60_000
  let days = known.get(needs.journal)
  if (!days) known.set(needs.journal, (days = new Map()))

  let day = range.from
  for (; day < range.to; day = addDays(day, 1)) {
    const [from, to] = [startOfDay(day, tenant.zone), startOfDay(addDays(day, 1), tenant.zone)]
    if (to.getTime() > openFrom) break
    const name = JSON.stringify([tenant.id, tenant.zone, day])
    let counts = days.get(name)
    if (!counts) {
      counts = await sumClosedMinutes({ tenant: tenant.id, from, to }, needs)
      if (days.size >= MOST_DAYS) days.clear()
      days.set(name, counts)
    }
    add(counts)
  }
  if (day < range.to) {
    const [from, to] = [startOfDay(day, tenant.zone), startOfDay(range.to, tenant.zone)]
    add(await sumMinutes({ tenant: tenant.id, from, to }, needs))
  }
  return sums
}
