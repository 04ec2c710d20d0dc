import type { Journal } from '@tallyfleet/ports'
import { hasEnded, tickIdOf, type ScheduleRecord, type TickRecord } from './tick-records.ts'

/** The ticks of a schedule that had not ended when its record was written, and have not since; by nominal time. */
export async function findOpenTicks(
  schedule: string, { open = [] }: ScheduleRecord, journal: Journal,
): Promise<TickRecord[]> {
  const found = await Promise.all(open.map((nominalAt) => journal.find('tick', tickIdOf(schedule, new Date(nominalAt)))))
  return (found as (TickRecord | undefined)[]).filter((tick) => tick !== undefined && !hasEnded(tick)) as TickRecord[]
}
