import { AppError } from '@tallyfleet/domain'
import { defineJob, silentLog } from '@tallyfleet/ports'
import { startPrivateRedis, waitUntil, type PrivateRedis } from '@tallyfleet/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { openQueueUnderTest } from './queue-under-test.fixture.ts'

const payload = z.strictObject({ n: z.int().optional() })
const plain = defineJob({ name: 'plain', queue: 'tests', payload, softTimeoutMs: 30_000, timeoutMs: 60_000, attempts: 3, backoffMs: 1, maxBackoffMs: 2 })

let redis: PrivateRedis
beforeAll(async () => { redis = await startPrivateRedis() })
afterAll(() => redis.stop())

test.each([
  [{ softTimeoutMs: undefined }, 'softTimeoutMs'], [{ timeoutMs: undefined }, 'timeoutMs'],
  [{ softTimeoutMs: 60_000 }, 'softTimeoutMs'], [{ timeoutMs: 2 * 86_400_000 }, 'timeoutMs'], [{ version: 0 }, 'version'], [{ attempts: 0 }, 'attempt'],
  [{ dedup: { mode: 'throttle', windowMs: 3_600_001 } }, 'dedup window'], [{ dedup: { mode: 'debounce', windowMs: 0 } }, 'window'],
])('a job with %o is refused', (part, word) => {
  expect(() => defineJob({ ...plain, ...part } as never)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(word) }))
})

test('a slow try is told of once, in the log, in a metric and to its processor, and goes on', async () => {
  const slow = defineJob({ ...plain, softTimeoutMs: 20 })
  await using under = await openQueueUnderTest(slow, redis)
  const warned: string[] = []
  await under.work(({ onSoftTimeout }) => new Promise<string>((done) => onSoftTimeout(() => done('short of time'))), {
    log: { ...silentLog, warn: (_, message) => { warned.push(message) }, child: () => silentLog },
  })
  const id = await under.queue.enqueue(slow, {})
  await under.settled('completed')
  expect((await under.bull.getJob(id))!.returnvalue).toBe('short of time')
  expect(warned).toEqual(['job run is slow'])
  expect(await under.metric('fleet_job_soft_timeouts_total')).toBe(1)
})

test('unique drops a job while one of its key has not ended', async () => {
  const once = defineJob({ ...plain, dedup: { mode: 'unique' } })
  await using under = await openQueueUnderTest(once, redis)
  const runs: unknown[] = []
  const { promise: gate, resolve: finish } = Promise.withResolvers<void>()
  await under.work(async ({ payload }) => { runs.push(payload.n); await gate })
  await under.queue.enqueue(once, { n: 1 }, { onlyOne: 'k' })
  await waitUntil(() => runs.length === 1)
  await under.queue.enqueue(once, { n: 2 }, { onlyOne: 'k' })
  finish()
  await under.settled('completed')
  await under.queue.enqueue(once, { n: 3 }, { onlyOne: 'k' })
  await under.settled('completed', 2)
  expect(runs).toEqual([1, 3])
  expect(await under.metric('fleet_jobs_dropped_total', 'mode="unique"')).toBe(1)
})

test('throttle lets one job of a key through in each window, also when it has ended', async () => {
  const now = defineJob({ ...plain, dedup: { mode: 'throttle', windowMs: 2_000 } })
  await using under = await openQueueUnderTest(now, redis)
  const runs: unknown[] = []
  await under.work(async ({ payload }) => { runs.push(payload.n) })
  await under.queue.enqueue(now, { n: 1 }, { onlyOne: 'k' })
  await under.settled('completed')
  await under.queue.enqueue(now, { n: 2 }, { onlyOne: 'k' })
  await under.queue.enqueue(now, { n: 3 }, { onlyOne: 'other' })
  await waitUntil(async () => { await under.queue.enqueue(now, { n: 4 }, { onlyOne: 'k' }); return runs.includes(4) })
  expect(runs).toEqual([1, 3, 4])
  expect(await under.metric('fleet_jobs_dropped_total', 'mode="throttle"')).toBeGreaterThanOrEqual(1)
})

test('debounce runs the last job of a burst', async () => {
  const last = defineJob({ ...plain, dedup: { mode: 'debounce', windowMs: 300 } })
  await using under = await openQueueUnderTest(last, redis)
  const runs: unknown[] = []
  await under.work(async ({ payload }) => { runs.push(payload.n) })
  for (const n of [1, 2, 3]) await under.queue.enqueue(last, { n }, { onlyOne: 'k' })
  expect(await under.counts()).toMatchObject({ delayed: 1, waiting: 0 })
  await under.settled('completed')
  expect(runs).toEqual([3])
  expect(await under.metric('fleet_jobs_dropped_total', 'mode="debounce"')).toBe(2)
})

test('a job of a later release, or one that only it knows, waits for a worker of that release', async () => {
  await using under = await openQueueUnderTest(plain, redis)
  const next = defineJob({ ...plain, version: 2, payload: z.strictObject({ n: z.int().optional(), unit: z.string().optional() }) })
  const ran: string[] = []
  const old = await under.work(async () => { ran.push('old') })
  await under.queue.enqueue(next, { n: 1, unit: 'kg' }, { jobId: 'new-payload' })
  await under.queue.enqueue({ ...plain, name: 'added' }, {}, { jobId: 'new-job' })
  await under.settled('delayed', 2)
  expect(await under.counts()).toMatchObject({ failed: 0, completed: 0 })
  expect(await under.bull.getJob('new-payload')).toMatchObject({ attemptsMade: 0 })
  await old[Symbol.asyncDispose]()
  // Old jobs of version 1, and those from before there were versions, run on the next release.
  await under.queue.enqueue(plain, { n: 2 }, { jobId: 'old-payload' })
  await under.bull.add('plain', { payload: { n: 3 } }, { jobId: 'ancient' })
  await under.work(async ({ jobId }) => { ran.push(jobId) }, { as: next })
  await (await under.bull.getJob('new-payload'))!.promote()
  await under.settled('completed', 3)
  expect(ran.sort()).toEqual(['ancient', 'new-payload', 'old-payload'])
})

test('retries beyond the budget of a queue wait for their longest back-off', async () => {
  const failing = defineJob({ ...plain, attempts: 2, backoffMs: 1, maxBackoffMs: 600_000 })
  await using under = await openQueueUnderTest(failing, redis)
  await under.work(async () => { throw new AppError('STORE_UNAVAILABLE', 'away') }, { concurrency: 30 })
  await Promise.all(Array.from({ length: 30 }, () => under.queue.enqueue(failing, {})))
  await waitUntil(async () => { const { waiting, active } = await under.counts(); return waiting + active === 0 && await under.metric('fleet_queue_retries_postponed_total') > 0 })
  const postponed = await under.metric('fleet_queue_retries_postponed_total')
  expect(postponed).toBeGreaterThan(5)
  expect((await under.counts()).delayed).toBeGreaterThanOrEqual(postponed)
})

test('a worker that takes no ready work is not healthy, though Redis answers', async () => {
  await using under = await openQueueUnderTest(plain, redis)
  await under.bull.setGlobalConcurrency(1)
  const { promise: gate, resolve: finish } = Promise.withResolvers<void>()
  let started = 0
  const first = await under.work(async () => { started += 1; await gate }, { stuckMs: 300, drainMs: 60_000, concurrency: 1 })
  await under.queue.enqueue(plain, {})
  await waitUntil(() => started === 1)
  // The place of the whole fleet is taken, so this one has room and ready work, and fetches none.
  const second = await under.work(async () => { started += 1 }, { stuckMs: 300 })
  await under.queue.enqueue(plain, {})
  await waitUntil(() => !second.health().ok)
  expect(second.health().queues).toMatchObject([{ queue: 'tests', stuck: true }])
  expect(first.health().ok).toBe(true)
  finish()
  await waitUntil(() => second.health().ok)
})

test('crashes, tries, draining and the way to Redis are measured', async () => {
  await using under = await openQueueUnderTest(plain, redis)
  const fleet = await under.work(async ({ attempt }) => { if (attempt < 3) throw new AppError('STORE_UNAVAILABLE', 'away') }, { stuckMs: 200 })
  await under.queue.enqueue(plain, {})
  await under.settled('completed')
  await waitUntil(async () => await under.metric('fleet_redis_round_trip_seconds_bucket', 'le="+Inf"') > 0)
  await fleet[Symbol.asyncDispose]()
  expect(await under.metric('fleet_job_attempts_sum')).toBe(3)
  expect(await under.metric('fleet_worker_drain_seconds_bucket', 'le="+Inf"')).toBe(1)
})
