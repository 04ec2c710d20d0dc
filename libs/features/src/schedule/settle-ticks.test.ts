import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AppError } from '@tallyfleet/domain'
import { defineJob, silentLog, type EnqueueOptions, type JobQueue, type Journal, type MissedPolicy, type Schedule } from '@tallyfleet/ports'
import { SqliteJournal } from '@tallyfleet/store-sql'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import type { CronTicks } from './due-ticks.ts'
import { noteTickEnded, noteTickStarted } from './note-tick.ts'
import { enqueueLeftTicks, settleTicks, type TickNeeds } from './settle-ticks.ts'
import { tickIdOf, type ScheduleRecord, type TickRecord } from './tick-records.ts'

const START = Date.parse('2026-11-21T10:00:00Z')
const MINUTE = 60_000

const cronTicks: CronTicks = function* (pattern, _zone, after) {
  const everyMs = Number(pattern)
  for (let at = Math.floor(after.getTime() / everyMs) * everyMs + everyMs; ; at += everyMs) yield new Date(at)
}

/** The queue's promise as the scheduler sees it: a known job id is ignored. `fails` stands for a Redis that is away. */
class JobIds implements JobQueue {
  readonly enqueued: { jobId: string; options: EnqueueOptions }[] = []
  calls = 0
  fails = false
  onEnqueue: (options: EnqueueOptions) => Promise<void> = async () => {}

  async enqueue(_job: unknown, _payload: unknown, options: EnqueueOptions = {}): Promise<string> {
    if (this.fails) throw new AppError('STORE_UNAVAILABLE', 'redis is away')
    this.calls += 1
    const jobId = options.jobId!
    if (!this.enqueued.some((job) => job.jobId === jobId)) this.enqueued.push({ jobId, options })
    await this.onEnqueue(options)
    return jobId
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

const report = (schedule: Schedule) => defineJob({ name: 'report', queue: 'tests', payload: z.strictObject({}), softTimeoutMs: 500, timeoutMs: 1_000, schedule })
const everyMinute = (missed: MissedPolicy = { policy: 'latest' }) => report({ everyMs: MINUTE, missed })

let folder: string
const open: SqliteJournal[] = []
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'fleet-ticks-')) })
afterEach(async () => {
  for (const journal of open.splice(0)) await journal[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

async function openJournal(): Promise<SqliteJournal> {
  const journal = await SqliteJournal.open({ path: join(folder, 'journal.sqlite') })
  open.push(journal)
  return journal
}

async function setup() {
  const journal: Journal = await openJournal()
  const queue = new JobIds()
  const time = { now: START }
  const needs: TickNeeds = { journal, queue, clock: { now: () => new Date(time.now) }, log: silentLog, cronTicks }
  const records = async () => (await journal.list('tick', { limit: 10_000 })).map(({ body }) => body as TickRecord)
  const states = async () => (await records()).map(({ nominalAt, state, backfilled }) => `${nominalAt.slice(11, 16)} ${state}${backfilled ? ' late' : ''}`)
  return { journal, queue, time, needs, records, states }
}

test('a schedule starts with the first tick after it was first seen', async () => {
  const { needs, time, states, queue } = await setup()
  const jobs = [everyMinute(), defineJob({ name: 'unscheduled', queue: 'tests', payload: z.strictObject({}), softTimeoutMs: 1, timeoutMs: 2 })]
  expect(await settleTicks(jobs, needs)).toEqual({ enqueued: 0, backfilled: 0, skipped: 0 })
  time.now += MINUTE + 500
  expect(await settleTicks(jobs, needs)).toEqual({ enqueued: 1, backfilled: 0, skipped: 0 })
  expect(await settleTicks(jobs, needs)).toEqual({ enqueued: 0, backfilled: 0, skipped: 0 })
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
  const { needs, time, states } = await setup()
  await settleTicks([everyMinute(missed)], needs)
  time.now += 4.5 * MINUTE
  await settleTicks([everyMinute(missed)], needs)
  expect(await states()).toEqual(expected)
})

test.each<[MissedPolicy, string]>([
  [{ policy: 'skip' }, '10:01 skipped late'], [{ policy: 'latest' }, '10:01 skipped late'], [{ policy: 'all', max: 5 }, '10:01 enqueued late'],
])('beside a tick on time, a missed one follows %j', async (missed, expected) => {
  const { needs, time, states } = await setup()
  await settleTicks([everyMinute(missed)], needs)
  time.now += 2 * MINUTE + 1
  await settleTicks([everyMinute(missed)], needs)
  expect(await states()).toEqual([expected, '10:02 enqueued'])
})

test('after a long absence the older missed ticks share one record that counts them', async () => {
  const { needs, time, records } = await setup()
  await settleTicks([everyMinute()], needs)
  time.now += 10_000 * MINUTE + 30_000
  expect(await settleTicks([everyMinute()], needs)).toEqual({ enqueued: 1, backfilled: 1, skipped: 9_999 })
  const all = await records()
  expect(all).toHaveLength(101)
  expect(all[0]).toMatchObject({ state: 'skipped', count: 9_900, from: '2026-11-21T10:01:00.000Z' })
})

test('any number of schedulers with clocks apart enqueue each of a thousand ticks once', async () => {
  const queue = new JobIds()
  let now = START
  const schedulers: TickNeeds[] = []
  for (const skewMs of [0, 700, -900]) {
    schedulers.push({ journal: await openJournal(), queue, clock: { now: () => new Date(now + skewMs) }, log: silentLog, cronTicks })
  }
  const job = report({ pattern: String(1_000), zone: 'UTC', missed: { policy: 'all', max: 50 } })
  await settleTicks([job], schedulers[0]!)
  let enqueued = 0
  for (let round = 0; round < 400; round++) {
    now += 1_000 + (round * 7_919) % 4_001
    const settled = await Promise.all(schedulers.map((needs) => settleTicks([job], needs)))
    enqueued += settled.reduce((sum, { enqueued: count }) => sum + count, 0)
  }
  // The journal's time and the queue's calls agree: nobody enqueued what another had claimed.
  expect(enqueued).toBeGreaterThan(1_000)
  expect(queue.calls).toBe(enqueued)
  const ticks = queue.enqueued.map(({ options }) => options.tick!.nominalAt.getTime()).sort((a, b) => a - b)
  const expected = Array.from({ length: ticks.length }, (_, index) => START + (index + 1) * 1_000)
  expect(ticks).toEqual(expected)
  expect(now + 700 - ticks.at(-1)!).toBeLessThan(1_000)
}, 120_000)

test('a tick whose scheduler died before it could enqueue is enqueued by another', async () => {
  const { needs, time, queue, states } = await setup()
  const jobs = [everyMinute()]
  await settleTicks(jobs, needs)
  time.now += MINUTE
  queue.fails = true
  await settleTicks(jobs, needs)
  expect(await states()).toEqual(['10:01 claimed'])
  queue.fails = false
  const other = { ...needs, journal: await openJournal() }
  expect(await enqueueLeftTicks(jobs, 10 * MINUTE, other)).toBe(0)
  time.now += 10_001
  expect(await enqueueLeftTicks(jobs, 10 * MINUTE, other)).toBe(1)
  expect(await enqueueLeftTicks(jobs, 10 * MINUTE, other)).toBe(0)
  expect(await states()).toEqual(['10:01 enqueued'])
  expect(queue.enqueued).toHaveLength(1)
})

test('a job that was lost before it started is enqueued again under its own id', async () => {
  const { needs, time, queue } = await setup()
  const jobs = [everyMinute()]
  await settleTicks(jobs, needs)
  time.now += MINUTE
  await settleTicks(jobs, needs)
  const [lost] = queue.enqueued.splice(0)
  time.now += MINUTE + 1
  await enqueueLeftTicks(jobs, 10 * MINUTE, needs)
  expect(queue.enqueued).toEqual([lost])
})

test('a scheduler that dies between its claims and the end of its round loses and doubles nothing', async () => {
  const { needs, time, queue, journal, states } = await setup()
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
  const { needs, time, states, journal } = await setup()
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
  const { needs, time, queue, journal } = await setup()
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
