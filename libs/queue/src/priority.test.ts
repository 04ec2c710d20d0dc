import { defineJob } from '@tallyfleet/ports'
import { startPrivateRedis, waitUntil, type PrivateRedis } from '@tallyfleet/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { openQueueUnderTest } from './queue-under-test.fixture.ts'

const plain = defineJob({
  name: 'plain', queue: 'tests', payload: z.strictObject({}), softTimeoutMs: 30_000, timeoutMs: 60_000,
})

let redis: PrivateRedis
beforeAll(async () => { redis = await startPrivateRedis() })
afterAll(() => redis.stop())

test('jobs run by priority, and those of one priority in their order', async () => {
  const low = defineJob({ ...plain, priority: 5 })
  await using under = await openQueueUnderTest(low, redis)
  await under.queue.enqueue(low, {}, { jobId: 'low-1' })
  await under.queue.enqueue(low, {}, { jobId: 'low-2' })
  await under.queue.enqueue(low, {}, { jobId: 'middle', priority: 3 })
  await under.queue.enqueue(low, {}, { jobId: 'first', priority: 0 })
  const ran: string[] = []
  await under.work(async ({ jobId }) => { ran.push(jobId) }, { concurrency: 1 })
  await under.settled('completed', 4)
  expect(ran).toEqual(['first', 'middle', 'low-1', 'low-2'])
})

test('a stream of jobs that go first cannot hold back one of low priority for ever', async () => {
  await using under = await openQueueUnderTest(plain, redis)
  let streamed = 0
  let lowRan = false
  let stop = false
  await under.queue.enqueue(plain, {}, { jobId: 'low', priority: 2 })
  for (const n of [1, 2, 3]) await under.queue.enqueue(plain, {}, { jobId: `seed${n}` })
  await under.work(async ({ jobId }) => {
    if (jobId === 'low') { lowRan = true; return }
    streamed += 1
    if (!stop) await under.queue.enqueue(plain, {}) // there is always one more that goes first
  }, { concurrency: 1, ageMs: 200 })
  await waitUntil(() => lowRan)
  stop = true
  expect(streamed).toBeGreaterThan(10)
})

test('a priority that is none is refused', () => {
  for (const priority of [-1, 10, 0.5]) {
    expect(() => defineJob({ ...plain, priority })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  }
})
