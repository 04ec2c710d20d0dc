import { createMetrics } from '@tallyfleet/metrics'
import { defineJob, silentLog } from '@tallyfleet/ports'
import { startPrivateRedis, waitUntil, type PrivateRedis } from '@tallyfleet/testing'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { watchQueues } from './index.ts'
import { openQueueUnderTest } from './queue-under-test.fixture.ts'
import { forgetSlots, listSlots, tellSlots } from './queue-slots.ts'
import { connectProducer } from './redis-connection.ts'

const copy = defineJob({ name: 'copy', queue: 'tests', payload: z.strictObject({}), softTimeoutMs: 30_000, timeoutMs: 60_000, waitGoalMs: 10_000 })

let redis: PrivateRedis
beforeAll(async () => { redis = await startPrivateRedis() })
afterAll(() => redis.stop())

test('a queue asks for workers by what is ready, keeps those that are busy, and asks for none while paused', async () => {
  await using under = await openQueueUnderTest(copy, redis)
  const status = async () => (await under.admin.listQueues())[0]!
  expect(await status()).toMatchObject({ desiredReplicas: 0, slots: 0, runSeconds: undefined, jobsPerSecond: 0, waitGoalSeconds: 10 })
  for (let n = 0; n < 100; n++) await under.queue.enqueue(copy, {})
  // 100 jobs of a second, as long as nobody knows better, in 10 s, two at a time.
  expect((await status()).desiredReplicas).toBe(5)
  await under.admin.pause('tests')
  expect((await status()).desiredReplicas).toBe(0)
  await under.admin.resume('tests')

  const { promise: gate, resolve: finish } = Promise.withResolvers<void>()
  const worker = await under.work(() => gate, { concurrency: 4 })
  await waitUntil(async () => (await status()).counts.active === 4)
  expect(await status()).toMatchObject({ slots: 4, workers: 1, desiredReplicas: 3 })
  await under.admin.pause('tests')
  expect((await status()).desiredReplicas).toBe(1)
  await under.admin.resume('tests')
  finish()
  await waitUntil(async () => (await status()).counts.completed === 100)
  // 100 in five minutes: a third a second, each of some milliseconds.
  const after = await status()
  expect(after.jobsPerSecond).toBeCloseTo(1 / 3)
  expect(after.runSeconds).toBeGreaterThan(0)
  expect(after.desiredReplicas).toBe(1)
  await worker[Symbol.asyncDispose]()
  expect((await status()).slots).toBe(0)
})

test('a delayed job whose time has come asks for a worker: without one, nobody moves it on', async () => {
  await using under = await openQueueUnderTest(copy, redis)
  await under.queue.enqueue(copy, {}, { delayMs: 300 })
  const desired = async () => (await under.admin.listQueues())[0]!.desiredReplicas
  await waitUntil(async () => await desired() === 1)
  await under.work(async () => {})
  await under.settled('completed')
})

test('work that lies untouched for half a minute is stuck, unless every slot is taken or the queue is paused', async () => {
  await using under = await openQueueUnderTest(copy, redis)
  const { promise: gate, resolve: finish } = Promise.withResolvers<void>()
  const stuck = async () => (await under.admin.listQueues())[0]!.stuck
  await under.queue.enqueue(copy, {})
  expect(await stuck()).toBe(false)
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 31_000 })
  try {
    expect(await stuck()).toBe(true)
    await under.admin.pause('tests')
    expect(await stuck()).toBe(false)
    await under.work(() => gate, { concurrency: 1 })
    await under.queue.enqueue(copy, {})
    await under.admin.resume('tests')
    await waitUntil(async () => (await under.counts()).active === 1)
    vi.setSystemTime(Date.now() + 29_000) // the worker told its slots just now
    expect(await stuck()).toBe(false)
  } finally {
    vi.useRealTimers()
    finish()
  }
  await under.settled('completed', 2)
})

test('a job whose worker fell silent is stuck while no other worker is there', async () => {
  await using under = await openQueueUnderTest(copy, redis)
  const { promise: gate, resolve: finish } = Promise.withResolvers<void>()
  const stuck = async () => (await under.admin.listQueues())[0]!.stuck
  await under.work(() => gate, { concurrency: 1 })
  await under.queue.enqueue(copy, {})
  await waitUntil(async () => (await under.counts()).active === 1)
  expect(await stuck()).toBe(false)
  const connection = await connectProducer(redis.url)
  const key = `${under.prefix}/slots`
  await waitUntil(async () => {
    // The worker is well and says so again each five seconds: its word is made older until it is read like that.
    for (const field of await connection.hkeys(key)) await connection.hset(key, field, `1 ${Date.now() - 31_000}`)
    return await stuck()
  })
  connection.disconnect()
  finish()
  await under.settled('completed')
})

test('a host whose clock is wrong sees the workers of the others, and they see its own', async () => {
  const connection = await connectProducer(redis.url)
  const prefix = '{clocks}'
  const seen = async () => (await listSlots(connection, prefix)).get('tests')?.slots
  await tellSlots(connection, prefix, 'right', [{ queue: 'tests', concurrency: 1 }])
  for (const wrongBy of [-7_200_000, 7_200_000]) {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + wrongBy })
    try {
      await tellSlots(connection, prefix, 'wrong', [{ queue: 'tests', concurrency: 2 }])
      expect(await seen()).toBe(3)
    } finally {
      vi.useRealTimers()
    }
    expect(await seen()).toBe(3)
  }
  connection.disconnect()
})

test('slots of workers that fell silent do not count, and are forgotten', async () => {
  const connection = await connectProducer(redis.url)
  const prefix = '{slots}'
  const entry = [{ queue: 'tests', concurrency: 4 }]
  await tellSlots(connection, prefix, 'host-1', entry)
  await tellSlots(connection, prefix, 'host-2', [...entry, { queue: 'others', concurrency: 1 }])
  expect(await listSlots(connection, prefix)).toEqual(new Map([['tests', { workers: 2, slots: 8 }], ['others', { workers: 1, slots: 1 }]]))
  await forgetSlots(connection, prefix, 'host-1', entry)
  await connection.hset(`${prefix}/slots`, { 'tests host-3': `9 ${Date.now() - 31_000}`, 'tests host-4': `9 ${Date.now() - 3_600_001}` })
  expect((await listSlots(connection, prefix)).get('tests')).toEqual({ workers: 1, slots: 4 })
  expect(await connection.hkeys(`${prefix}/slots`)).toHaveLength(3)
  connection.disconnect()
})

test('the number is a metric, for an autoscaler', async () => {
  await using under = await openQueueUnderTest(copy, redis)
  await under.queue.enqueue(copy, {})
  const metrics = createMetrics({ runtimeMetrics: false })
  await using watch = watchQueues({ admin: under.admin, metrics, log: silentLog })
  watch satisfies AsyncDisposable
  await waitUntil(async () => (await metrics.registry.metrics()).includes('fleet_queue_desired_replicas{queue="tests"} 1'))
})
