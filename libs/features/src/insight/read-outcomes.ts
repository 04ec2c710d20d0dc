import { addDays, dayOf, startOfDay, type MinuteCounts } from '@tallyfleet/domain'
import type { HotStore, Journal } from '@tallyfleet/ports'
import type { DayRange } from '../explore/range.ts'
import { addOutcomes, noOutcomes, visitClosedMinutes, visitMinutes } from '../ledger/visit-minutes.ts'

const MOST_DAYS = 2_000
/** Days whose every minute is closed never change: they are added up once for each journal, tenant and zone. */
const known = new WeakMap<Journal, Map<string, MinuteCounts>>()

type Tenant = { id: string; zone: string }
type Needs = { hot: HotStore; journal: Journal }

/** What became of the events that arrived on these days of the tenant's zone, by the ledger's minutes. */
export async function readOutcomes(tenant: Tenant, range: DayRange, needs: Needs): Promise<MinuteCounts> {
  const sums = noOutcomes()
  for (const counts of (await listOutcomesByDay(tenant, range, needs)).values()) addOutcomes(sums, counts)
  return sums
}

/** The same of each day of the range by itself, a day without events too. */
export async function listOutcomesByDay(tenant: Tenant, range: DayRange, needs: Needs): Promise<Map<string, MinuteCounts>> {
  const open = (await needs.hot.listOpenMinutes()).filter((row) => row.tenant === tenant.id).map(({ minute }) => minute)
  const openFrom = Math.min(await needs.hot.currentMinute(), ...open) * 60_000
  let days = known.get(needs.journal)
  if (!days) known.set(needs.journal, (days = new Map()))

  const found = new Map<string, MinuteCounts>()
  let day = range.from
  for (; day < range.to; day = addDays(day, 1)) {
    const [from, to] = [startOfDay(day, tenant.zone), startOfDay(addDays(day, 1), tenant.zone)]
    if (to.getTime() > openFrom) break
    const name = JSON.stringify([tenant.id, tenant.zone, day])
    let counts = days.get(name)
    if (!counts) {
      const sums = counts = noOutcomes()
      await visitClosedMinutes({ tenant: tenant.id, from, to }, needs, (_minute, more) => addOutcomes(sums, more))
      if (days.size >= MOST_DAYS) days.clear()
      days.set(name, counts)
    }
    found.set(day, counts)
  }
  if (day >= range.to) return found
  const [from, to] = [startOfDay(day, tenant.zone), startOfDay(range.to, tenant.zone)]
  for (; day < range.to; day = addDays(day, 1)) found.set(day, noOutcomes())
  await visitMinutes({ tenant: tenant.id, from, to }, needs, (minute, counts) =>
    addOutcomes(found.get(dayOf(new Date(`${minute}Z`), tenant.zone))!, counts))
  return found
}
