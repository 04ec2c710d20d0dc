import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { noteTickEnded, noteTickStarted, releaseTicks, repairTicks, settleTicks, type TickRecord } from '@tallyfleet/features'
import { createMetrics } from '@tallyfleet/metrics'
import { defineJob, silentLog, type OverlapPolicy, type Processor } from '@tallyfleet/ports'
import { openJobQueue, openQueueAdmin, startWorkers } from '@tallyfleet/queue'
import { SqliteJournal } from '@tallyfleet/store-sql'
import { freshName, startPrivateRedis, waitUntil } from '@tallyfleet/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { cronTicks } from './cron-ticks.ts'
import { tickMetricsIn } from './tick-metrics.ts'

const MINUTE = 60_000
let redis: Awaited<ReturnType<typeof startPrivateRedis>>
beforeAll(async () => { redis = await startPrivateRedis() }, 60_000)
afterAll(() => redis.stop())

/** A schedule of a job on a real queue, under a clock that the test moves. */
async function openSchedule(overlap: OverlapPolicy) {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'fleet-schedule-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const job = defineJob({
    name: 'copy', queue: 'tests', payload: z.strictObject({}), softTimeoutMs: 30_000, timeoutMs: 60_000, attempts: 2,
    schedule: { everyMs: MINUTE, missed: { policy: 'latest' }, overlap },
  })
  const prefix = `{${freshName('ticks')}}`
  const journal = stack.use(await SqliteJournal.open({ path: join(folder, 'journal.sqlite') }))
  const queue = stack.use(await openJobQueue({ url: redis.url, prefix }))
  const admin = stack.use(await openQueueAdmin({ url: redis.url, prefix, jobs: [job] }))
  const time = { now: Date.parse('2026-11-21T10:00:00Z') }
  const needs = { journal, queue, admin, clock: { now: () => new Date(time.now) }, log: silentLog, cronTicks }
  const records = async () => (await journal.list('tick', { limit: 100 })).map(({ body }) => body as TickRecord)
  const settle = async () => {
    await settleTicks([job], needs)
    await releaseTicks([job], needs)
  }
  await settle()
  const moved = stack.move()
  return {
    admin, bull: admin.bullQueues()[0]!, time, records, settle,
    tick: async () => { time.now += MINUTE; await settle() },
    repair: async () => (await repairTicks([job], 10 * MINUTE, needs)).get('copy'),
    states: async () => (await records()).map(({ nominalAt, state }) => `${nominalAt.slice(11, 16)} ${state}`),
    work: async (process: Processor<any, Record<string, never>>) => moved.use(await startWorkers({
      url: redis.url, prefix, jobs: [{ definition: job, process }], needs: {}, queues: [{ name: 'tests', concurrency: 4 }], log: silentLog, drainMs: 0,
      observer: {
        started: async ({ tick }) => { if (tick) await noteTickStarted(tick, needs) },
        ended: async ({ tick }, end, error) => { if (tick && (end === 'done' || end === 'dead')) await noteTickEnded(tick, error?.code, needs) },
      },
    })),
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  }
}

test('a job that is deleted from redis is put back once, and its schedule goes on after that', async () => {
  await using schedule = await openSchedule('skip')
  await schedule.tick()
  const id = 'copy@2026-11-21T10-01-00.000Z'
  expect((await schedule.admin.getJob('tests', id)).state).toBe('waiting')
  schedule.time.now += MINUTE / 2
  expect(await schedule.repair()).toBeUndefined()
  await schedule.bull.remove(id)
  await schedule.settle()
  expect(await schedule.repair()).toMatchObject({ lost: 1 })
  expect((await schedule.admin.getJob('tests', id)).state).toBe('waiting')
  await schedule.bull.remove(id)
  expect(await schedule.repair()).toMatchObject({ givenUp: 1 })
  await expect(schedule.admin.getJob('tests', id)).rejects.toMatchObject({ code: 'RECORD_UNKNOWN' })
  await schedule.tick()
  expect(await schedule.states()).toEqual(['10:01 failed', '10:02 enqueued'])
})

test('a tick cancels the one that runs, and starts when its worker has let go of it', async () => {
  await using schedule = await openSchedule('cancelOther')
  const told: string[] = []
  await schedule.work(({ tick, signal }) => new Promise((done) => {
    const at = tick!.nominalAt.toISOString().slice(11, 16)
    told.push(`${at} starts`)
    if (at === '10:02') return done(undefined)
    signal.addEventListener('abort', () => { told.push(`${at} ends`); done(undefined) })
  }))
  await schedule.tick()
  await waitUntil(() => told.length === 1)
  await schedule.tick()
  await waitUntil(async () => { await schedule.settle(); return (await schedule.states()).at(-1) === '10:02 done' }, { timeoutMs: 30_000 })
  expect(told).toEqual(['10:01 starts', '10:01 ends', '10:02 starts'])
})

test('the run of a tick knows its nominal time, and whether it was made up for', async () => {
  await using schedule = await openSchedule('allow')
  schedule.time.now += 1.5 * MINUTE
  await schedule.settle()
  schedule.time.now += MINUTE / 2
  await schedule.settle()
  const ticks: unknown[] = []
  await schedule.work(async ({ tick }) => { ticks.push(tick) })
  await waitUntil(() => ticks.length === 2)
  expect(ticks).toEqual(expect.arrayContaining([
    { schedule: 'copy', nominalAt: new Date('2026-11-21T10:01:00Z'), backfilled: true },
    { schedule: 'copy', nominalAt: new Date('2026-11-21T10:02:00Z'), backfilled: false },
  ]))
})

test('missed ticks are counted by schedule, from a series that is there before the first', async () => {
  const metrics = createMetrics({ runtimeMetrics: false })
  const job = defineJob({
    name: 'copy', queue: 'tests', payload: z.strictObject({}), softTimeoutMs: 1, timeoutMs: 2, schedule: { everyMs: MINUTE, missed: { policy: 'skip' } },
  })
  const counted = tickMetricsIn(metrics, [job])
  const value = async (series: string) => (await metrics.registry.metrics()).split('\n').find((line) => line.startsWith(series))?.split(' ').at(-1)
  expect(await value('fleet_ticks_missed_total{schedule="copy"}')).toBe('0')
  counted.settled(new Map([['copy', { enqueued: 2, backfilled: 1, skipped: 4, buffered: 0, overlapped: 0 }]]))
  counted.repaired(new Map([['copy', { left: 0, lost: 2, givenUp: 0, noted: 0 }]]))
  expect(await value('fleet_ticks_missed_total{schedule="copy"}')).toBe('5')
  expect(await value('fleet_ticks_repaired_total{schedule="copy",what="lost"}')).toBe('2')
})
