import type { AccountStore, Clock, Journal, RecordStore, RollupStore, TelemetryStore } from '@tallyfleet/ports'
import { forgetDropped } from '../telemetry/job-event-recorder.ts'
import { forgetResponseTimes } from '../telemetry/response-times.ts'
import { readRetention } from './retention-days.ts'

const DAY_MS = 86_400_000

/**
 * Blanks the deltas of old batches (their headers stay, for the ledger), and deletes old ticks, parity runs, closed
 * minutes, events of jobs and sessions that ran out, each after the days of the installation. Rollups are kept.
 */
export async function applyRetention(
  { rollups, journal, accounts, telemetry, records, clock }: {
    rollups: RollupStore; journal: Journal; accounts: AccountStore; telemetry: TelemetryStore; records: RecordStore; clock: Clock
  },
): Promise<{ batches: number; ticks: number; minutes: number; parity: number; jobEvents: number; sessions: number }> {
  const { days } = await readRetention({ records })
  const before = (count: number) => new Date(clock.now().getTime() - count * DAY_MS)
  const batches = await rollups.blankDeltas(before(days.batches))
  const result = { batches, ticks: 0, minutes: 0, parity: 0, jobEvents: 0, sessions: 0 }
  result.parity = await journal.deleteBefore('parity', before(days.parity).toISOString())
  for (const { id: schedule } of await journal.list('schedule', { limit: 1_000 })) {
    result.ticks += await journal.deleteBefore('tick', `${schedule}@${before(days.ticks).toISOString()}`, `${schedule}@`)
  }
  for (const { id: tenant } of await accounts.listTenants()) {
    result.minutes += await journal.deleteBefore('minute', `${tenant}|${before(days.minutes).toISOString()}`, `${tenant}|`)
  }
  result.jobEvents = await telemetry.deleteBefore(before(days.jobEvents))
  await forgetDropped(before(days.jobEvents), { records })
  await forgetResponseTimes(before(days.jobEvents), { records })
  result.sessions = await accounts.deleteSessionsBefore(clock.now())
  return result
}
