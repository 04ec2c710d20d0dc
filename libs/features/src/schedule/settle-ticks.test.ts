import { defineJob, silentLog, type Journal, type MissedPolicy } from '@tallyfleet/ports'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { noteTickEnded, noteTickStarted } from './note-tick.ts'
import { settleTicks, type SettledTicks, type TickNeeds } from './settle-ticks.ts'
import { spreadOf } from './spread-of.ts'
import { tickIdOf, type ScheduleRecord } from './tick-records.ts'
import { cronTicks, everyMinute, JobIds, MINUTE, openTicks, report, START } from './ticks-under-test.fixture.ts'

const settled = (some: Partial<SettledTicks>) =>
  new Map([['report', { enqueued: 0, backfilled: 0, skipped: 0, buffered: 0, overlapped: 0, ...some }]])

test('a schedule starts with the first tick after it was first seen', async () => {
  await using under = await openTicks()
  const { needs, time, states, queue } = under
  const jobs = [everyMinute(), defineJob({ name: 'unscheduled', queue: 'tests', payload: z.strictObject({}), softTimeoutMs: 1, timeoutMs: 2 })]
  expect(await settleTicks(jobs, needs)).toEqual(new Map())
  time.now += MINUTE + 500
  expect(await settleTicks(jobs, needs)).toEqual(settled({ enqueued: 1 }))
  expect(await settleTicks(jobs, needs)).toEqual(new Map())
  expect(await states()).toEqual(['10:01 enqueued'])
  expect(queue.enqueued).toEqual([{
    jobId: 'report@2026-11-21T10-01-00.000Z',
    options: {
      jobId: 'report@2026-11-21T10-01-00.000Z', tick: { schedule: 'report', nominalAt: new Date('2026-11-21T10:01:00Z'), backfilled: false },
    },
  }])
})

test.each<[MissedPolicy, string[]]>([
  [{ policy: 'skip' }, ['10:01 skipped late', '10:02 skipped late', '10:03 skipped late', '10:04 skipped late']],
  [{ policy: 'latest' }, ['10:01 skipped late', '10:02 skipped late', '10:03 skipped late', '10:04 enqueued late']],
  [{ policy: 'all', max: 3 }, ['10:01 skipped late', '10:02 enqueued late', '10:03 enqueued late', '10:04 enqueued late']],
  [{ policy: 'all', max: 0 }, ['10:01 skipped late', '10:02 skipped late', '10:03 skipped late', '10:04 skipped late']],
])('missed ticks follow the policy %j, each with a record', async (missed, expected) => {
  await using under = await openTicks()
  const { needs, time, states } = under
  await settleTicks([everyMinute(missed)], needs)
  time.now += 4.5 * MINUTE
  await settleTicks([everyMinute(missed)], needs)
  expect(await states()).toEqual(expected)
})

test.each<[MissedPolicy, string]>([
  [{ policy: 'skip' }, '10:01 skipped late'], [{ policy: 'latest' }, '10:01 skipped late'], [{ policy: 'all', max: 5 }, '10:01 enqueued late'],
])('beside a tick on time, a missed one follows %j', async (missed, expected) => {
  await using under = await openTicks()
  const { needs, time, states } = under
  await settleTicks([everyMinute(missed)], needs)
  time.now += 2 * MINUTE + 1
  await settleTicks([everyMinute(missed)], needs)
  expect(await states()).toEqual([expected, '10:02 enqueued'])
})

test('after a long absence the older missed ticks share one record that counts them', async () => {
  await using under = await openTicks()
  const { needs, time, records } = under
  await settleTicks([everyMinute()], needs)
  time.now += 10_000 * MINUTE + 30_000
  expect(await settleTicks([everyMinute()], needs)).toEqual(settled({ enqueued: 1, backfilled: 1, skipped: 9_999 }))
  const all = await records()
  expect(all).toHaveLength(101)
  expect(all[0]).toMatchObject({ state: 'skipped', count: 9_900, from: '2026-11-21T10:01:00.000Z' })
})

test('any number of schedulers with clocks apart enqueue each of a thousand ticks once', async () => {
  await using under = await openTicks()
  const queue = new JobIds()
  let now = START
  const schedulers: TickNeeds[] = []
  for (const skewMs of [0, 700, -900]) {
    schedulers.push({ journal: await under.openJournal(), queue, clock: { now: () => new Date(now + skewMs) }, log: silentLog, cronTicks })
  }
  const job = report({ pattern: String(1_000), zone: 'UTC', missed: { policy: 'all', max: 50 } })
  await settleTicks([job], schedulers[0]!)
  let enqueued = 0
  for (let round = 0; round < 400; round++) {
    now += 1_000 + (round * 7_919) % 4_001
    const rounds = await Promise.all(schedulers.map((needs) => settleTicks([job], needs)))
    for (const round of rounds) enqueued += round.get('report')?.enqueued ?? 0
  }
  // The journal's time and the queue's calls agree: nobody enqueued what another had claimed.
  expect(enqueued).toBeGreaterThan(1_000)
  expect(queue.calls).toBe(enqueued)
  const ticks = queue.enqueued.map(({ options }) => options.tick!.nominalAt.getTime()).sort((a, b) => a - b)
  const expected = Array.from({ length: ticks.length }, (_, index) => START + (index + 1) * 1_000)
  expect(ticks).toEqual(expected)
  expect(now + 700 - ticks.at(-1)!).toBeLessThan(1_000)
}, 120_000)

test('a scheduler that dies between its claims and the end of its round loses and doubles nothing', async () => {
  await using under = await openTicks()
  const { needs, time, queue, journal, states } = under
  const jobs = [everyMinute({ policy: 'all', max: 9 })]
  await settleTicks(jobs, needs)
  time.now += 3 * MINUTE
  let claims = 0
  const dying: Journal = {
    claim: async (kind, id, body) => {
      if (kind === 'tick' && ++claims > 2) throw new Error('killed')
      return await journal.claim(kind, id, body)
    },
    put: (...args) => journal.put(...args), swap: (...args) => journal.swap(...args), find: (...args) => journal.find(...args),
    list: (...args) => journal.list(...args), deleteBefore: (...args) => journal.deleteBefore(...args),
    listKinds: () => journal.listKinds(),
    [Symbol.asyncDispose]: async () => {},
  }
  await expect(settleTicks(jobs, { ...needs, journal: dying })).rejects.toThrow('killed')
  await settleTicks(jobs, needs)
  expect(await states()).toEqual(['10:01 enqueued late', '10:02 enqueued late', '10:03 enqueued'])
  expect(queue.calls).toBe(3)
})

test('a changed definition takes effect after the run that was overdue under the old one', async () => {
  await using under = await openTicks()
  const { needs, time, states, journal } = under
  await settleTicks([everyMinute()], needs)
  time.now += 1.5 * MINUTE
  const hourly = report({ everyMs: 60 * MINUTE, missed: { policy: 'latest' } })
  await settleTicks([hourly], needs)
  expect(await states()).toEqual(['10:01 enqueued late'])
  expect(await journal.find('schedule', 'report') as ScheduleRecord).toEqual({
    definition: { everyMs: 60 * MINUTE, missed: { policy: 'latest' } }, lastTickAt: '2026-11-21T10:01:30.000Z',
  })
  time.now = START + 60 * MINUTE
  await settleTicks([hourly], needs)
  expect(await states()).toEqual(['10:01 enqueued late', '11:00 enqueued'])
})

test('the record of a tick follows its job, even when the worker is faster than the scheduler', async () => {
  await using under = await openTicks()
  const { needs, time, queue, journal } = under
  const jobs = [everyMinute()]
  await settleTicks(jobs, needs)
  time.now += MINUTE
  queue.onEnqueue = async ({ tick }) => {
    await noteTickStarted(tick!, needs)
    await noteTickStarted(tick!, needs)
    await noteTickEnded(tick!, undefined, needs)
  }
  await settleTicks(jobs, needs)
  expect(await journal.find('tick', tickIdOf('report', new Date(time.now)))).toMatchObject({ state: 'done', runs: 2 })
  time.now += MINUTE
  queue.onEnqueue = async ({ tick }) => {
    await noteTickStarted(tick!, needs)
    await noteTickEnded(tick!, 'STORE_UNAVAILABLE', needs)
  }
  await settleTicks(jobs, needs)
  expect(await journal.find('tick', tickIdOf('report', new Date(time.now)))).toMatchObject({ state: 'failed', runs: 1, error: 'STORE_UNAVAILABLE' })
})

test('a spread schedule starts its ticks at its own place in the window, and names their nominal time', async () => {
  await using under = await openTicks()
  const { needs, time, queue, states } = under
  const spreadMs = 40_000
  const offset = spreadOf('report', spreadMs)
  expect([offset > 0, offset < spreadMs, offset === spreadOf('report', spreadMs), spreadOf('other', spreadMs) === offset]).toEqual([true, true, true, false])
  const jobs = [report({ everyMs: MINUTE, missed: { policy: 'skip' }, spreadMs })]
  await settleTicks(jobs, needs)
  time.now = START + MINUTE + offset - 1
  await settleTicks(jobs, needs)
  expect((await states()).filter((state) => state.startsWith('10:01'))).toEqual([])
  time.now += 1
  await settleTicks(jobs, needs)
  expect((await states()).at(-1)).toBe('10:01 enqueued')
  expect(queue.enqueued.at(-1)!.options.tick).toEqual({ schedule: 'report', nominalAt: new Date(START + MINUTE), backfilled: false })
})

test('what a scheduler claimed before it died is not skipped as well by the next one, however many ticks are due by then', async () => {
  await using under = await openTicks()
  const { needs, time, queue, records } = under
  const jobs = [everyMinute({ policy: 'all', max: 200 })]
  await settleTicks(jobs, needs)
  time.now += 250 * MINUTE
  await new Promise<void>((dies) => {
    queue.onEnqueue = async ({ tick }) => {
      if (tick!.nominalAt.getTime() !== START + 70 * MINUTE) return
      dies()
      await new Promise(() => {})
    }
    void settleTicks(jobs, needs)
  })
  queue.onEnqueue = async () => {}
  time.now += 100 * MINUTE
  await settleTicks(jobs, needs)
  let next = START + MINUTE
  for (const { from, nominalAt } of await records()) {
    expect(Date.parse(from ?? nominalAt)).toBe(next)
    next = Date.parse(nominalAt) + MINUTE
  }
  expect(next).toBe(time.now + MINUTE)
})
