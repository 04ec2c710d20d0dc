import { startOfDay } from '@tallyfleet/domain'
import type { Clock, Journal } from '@tallyfleet/ports'
import type { DayRange } from './range.ts'

/** How current an answer is. */
export type Freshness = {
  computedAt: Date
  /** Events acknowledged before are in the rollups; undefined before the first flush. */
  dataThrough: Date | undefined
  /** The range reaches past `dataThrough`. */
  partial: boolean
}

/** How current the rollups are for a range of days; without one, for everything. */
export async function readFreshness(
  range: DayRange | undefined, zone: string, { journal, clock }: { journal: Journal; clock: Clock },
): Promise<Freshness> {
  const dataThrough = flushedThrough(await journal.find('flush', 'last'))
  const partial = !range || !dataThrough || startOfDay(range.to, zone) > dataThrough
  return { computedAt: clock.now(), dataThrough, partial }
}

/** Reads the record that a flush leaves once everything that it froze is in the rollups. */
function flushedThrough(record: unknown): Date | undefined {
  const at = (record as { at?: unknown } | undefined)?.at
  const date = typeof at === 'string' || at instanceof Date ? new Date(at) : undefined
  return date && !Number.isNaN(date.getTime()) ? date : undefined
}
