import { defineJob, type Schedule } from '@tallyfleet/ports'
import { SqliteJournal } from '@tallyfleet/store-sql'
import { expect, test } from 'vitest'
import { z } from 'zod'
import type { CronTicks } from '../schedule/due-ticks.ts'
import { tickIdOf, type TickRecord } from '../schedule/tick-records.ts'
import { readSchedules, scheduleInWords, untilInWords } from './read-schedules.ts'

const NOW = new Date('2026-11-21T10:00:30Z')
const at = (seconds: number) => new Date(NOW.getTime() + seconds * 1_000)
const missed = { policy: 'skip' } as const
const jobOf = (name: string, schedule?: Schedule) => defineJob({
  name, queue: 'tests', payload: z.strictObject({}), softTimeoutMs: 1_000, timeoutMs: 2_000, ...(schedule && { schedule }),
})
/** Each night at three, whatever the pattern. */
const nightly: CronTicks = function* () { yield new Date('2026-11-22T03:00:00Z') }

test('a schedule is told with its next tick, its last run and what became of the ticks of a day', async () => {
  await using journal = await SqliteJournal.open({ path: ':memory:' })
  const jobs = [
    jobOf('nightly', { pattern: '0 3 * * *', zone: 'UTC', missed }), jobOf('minutely', { everyMs: 1_000, missed }),
    jobOf('by-hand'), jobOf('new', { everyMs: 60_000, missed }),
  ]
  await journal.put('schedule', 'nightly', { definition: jobs[0]!.schedule, lastTickAt: '2026-11-21T03:00:00.000Z' })
  await journal.put('schedule', 'minutely', { definition: { everyMs: 60_000, missed }, lastTickAt: at(-30).toISOString() })
  const tick = async (nominalAt: Date, state: TickRecord['state'], more: Partial<TickRecord> = {}) => journal.put('tick', tickIdOf('minutely', nominalAt), {
    schedule: 'minutely', state, nominalAt: nominalAt.toISOString(), claimedAt: nominalAt.toISOString(), backfilled: false, runs: 1, ...more,
  } satisfies TickRecord)
  await tick(at(-2 * 86_400), 'failed', { startedAt: at(-2 * 86_400).toISOString() })
  await tick(at(-240), 'skipped', { count: 7 })
  await tick(at(-150), 'done', { startedAt: at(-149).toISOString(), endedAt: at(-148).toISOString() })
  await tick(at(-90), 'failed', { startedAt: at(-89).toISOString(), endedAt: at(-84.5).toISOString(), error: 'STORE_UNAVAILABLE' })
  await tick(at(-30), 'enqueued')

  const [minutely, fresh, night] = await readSchedules(jobs, { journal, clock: { now: () => NOW }, cronTicks: nightly })
  expect(minutely).toMatchObject({
    name: 'minutely', queue: 'tests', schedule: 'every minute', nextAt: at(30), next: 'in 30 seconds', late: false,
    lastAt: at(-89), lastState: 'failed', lastError: 'STORE_UNAVAILABLE', lastDurationMs: 4_500,
    ticks: { done: 1, failed: 1, skipped: 7, open: 1 },
  })
  expect(fresh).toMatchObject({ name: 'new', nextAt: undefined, lastAt: undefined, late: false })
  expect(night).toMatchObject({ nextAt: new Date('2026-11-22T03:00:00Z'), next: 'in 16 hours', schedule: 'every day at 03:00 (UTC)' })

  const later = { now: () => at(100) }
  expect((await readSchedules(jobs, { journal, clock: later, cronTicks: nightly }))[0])
    .toMatchObject({ next: 'overdue by 1 minute', late: true })
})

test('schedules and waits are told in words', () => {
  const cron = (pattern: string) => scheduleInWords({ pattern, zone: 'UTC', missed })
  expect([400, 1_000, 60_000, 300_000, 86_400_000].map((everyMs) => scheduleInWords({ everyMs, missed })))
    .toEqual(['every 400 ms', 'every second', 'every minute', 'every 5 minutes', 'every day'])
  expect([cron('17 * * * *'), cron('5 4 * * *'), cron('*/5 * * * *')])
    .toEqual(['every hour at minute 17', 'every day at 04:05 (UTC)', '*/5 * * * * (UTC)'])
  expect([0, 999, 1_000, 59_999, 7_200_000, -61_000].map(untilInWords))
    .toEqual(['now', 'now', 'in 1 second', 'in 59 seconds', 'in 2 hours', 'overdue by 1 minute'])
})
