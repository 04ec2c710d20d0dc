import { AppError } from '@tallyfleet/domain'
import { defineJob, type ChildOutcomes, type JobDefinition, type Processor } from '@tallyfleet/ports'
import { startPrivateRedis, waitUntil, type PrivateRedis } from '@tallyfleet/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { openQueueUnderTest } from './queue-under-test.fixture.ts'

const child = defineJob({
  name: 'plain', queue: 'tests', payload: z.strictObject({ n: z.int().optional() }), softTimeoutMs: 30_000, timeoutMs: 60_000,
  attempts: 1,
})
const parentOf = (onFailure: 'fail' | 'partial', deadlineMs = 60_000): JobDefinition<any> =>
  defineJob({ ...child, children: { onFailure, deadlineMs } })
const childrenOf = (count: number) => Array.from({ length: count }, (_, n) => ({ job: child, payload: { n } }))

let redis: PrivateRedis
beforeAll(async () => { redis = await startPrivateRedis() })
afterAll(() => redis.stop())

/** One name for both, told apart by the payload: the fixture serves one job. */
async function startFamily(parent: JobDefinition<any>, process: Processor<{ n: number }, any>, concurrency = 4) {
  await using stack = new AsyncDisposableStack()
  const under = stack.use(await openQueueUnderTest(parent, redis))
  const told: ChildOutcomes[] = []
  await under.work(async (context, needs) => {
    if (context.payload.n !== undefined) return await process(context, needs)
    told.push(context.children!)
    return 'whole'
  }, { concurrency, ageMs: 100 })
  const moved = stack.move()
  return { ...under, told, [Symbol.asyncDispose]: () => moved.disposeAsync() }
}

test('a job starts once when all that it waits for have ended, and is told their results', async () => {
  const parent = parentOf('fail')
  await using under = await startFamily(parent, async ({ payload }) => payload.n * 10)
  const id = await under.queue.enqueueWithChildren(parent, {}, childrenOf(20))
  await under.settled('completed', 21)
  expect(under.told).toHaveLength(1)
  expect(under.told[0]!.results.map(({ result }) => result as number).sort((a, b) => a - b)).toEqual(childrenOf(20).map(({ payload }) => payload.n * 10))
  expect(under.told[0]).toMatchObject({ failures: [], removed: 0 })
  expect((await under.bull.getJob(id))!.returnvalue).toBe('whole')
})

test('partial: it goes on with what succeeded, and is told what did not', async () => {
  const parent = parentOf('partial')
  await using under = await startFamily(parent, async ({ payload }) => {
    if (payload.n === 1) throw new AppError('FIELD_INVALID', 'no')
    return payload.n
  })
  await under.queue.enqueueWithChildren(parent, {}, childrenOf(3))
  await waitUntil(() => under.told.length === 1)
  expect(under.told[0]!.results.map(({ result }) => result).sort()).toEqual([0, 2])
  expect(under.told[0]!.failures).toMatchObject([{ queue: 'tests', reason: 'FIELD_INVALID: no' }])
})

test('fail: the first dead child cancels its siblings, waiting and running, and the job is dead without a run', async () => {
  const parent = parentOf('fail')
  const aborted: number[] = []
  await using under = await startFamily(parent, async ({ payload, signal }) => {
    if (payload.n === 0) throw new AppError('FIELD_INVALID', 'no')
    await new Promise((_, reject) => signal.addEventListener('abort', () => { aborted.push(payload.n); reject(signal.reason as Error) }))
  }, 2)
  const id = await under.queue.enqueueWithChildren(parent, {}, childrenOf(10))
  await waitUntil(async () => (await under.bull.getJob(id))!.isFailed())
  expect(under.told).toEqual([])
  expect((await under.bull.getJob(id))!.failedReason).toMatch(/^JOB_CHILD_FAILED: \d+ of 10 /)
  expect(aborted.length).toBeGreaterThan(0)
  expect(await under.counts()).toMatchObject({ waiting: 0, active: 0, delayed: 0, 'waiting-children': 0, completed: 0 })
})

test('nothing waits beyond its deadline: what has not ended is cancelled', async () => {
  const parent = parentOf('partial', 300)
  await using under = await startFamily(parent, async ({ payload, signal }) => {
    if (payload.n === 0) return 'in time'
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
  }, 2)
  await under.queue.enqueueWithChildren(parent, {}, childrenOf(4))
  await waitUntil(() => under.told.length === 1)
  expect(under.told[0]!.results).toMatchObject([{ result: 'in time' }])
  expect(under.told[0]!.failures.length + under.told[0]!.removed).toBe(3)
})

test('cancelling a job that waits cancels what it waits for', async () => {
  const parent = parentOf('partial')
  await using under = await openQueueUnderTest(parent, redis)
  const id = await under.queue.enqueueWithChildren(parent, {}, childrenOf(3))
  expect(await under.counts()).toMatchObject({ waiting: 3, 'waiting-children': 1 })
  expect(await under.admin.cancelJob('tests', id)).toBe('aborting')
  expect(await under.counts()).toMatchObject({ waiting: 1, 'waiting-children': 0 })
  let runs = 0
  await under.work(async () => { runs += 1 })
  await under.settled('failed')
  expect((await under.bull.getJob(id))!.failedReason).toMatch(/^JOB_CANCELLED/)
  expect(runs).toBe(0)
})

test('a family is enqueued whole or not at all', async () => {
  const parent = parentOf('fail')
  await using under = await openQueueUnderTest(parent, redis)
  const refused = { code: 'FIELD_INVALID' }
  await expect(under.queue.enqueueWithChildren(parent, {}, [...childrenOf(2), { job: child, payload: { n: 'x' } }])).rejects.toMatchObject(refused)
  await expect(under.queue.enqueueWithChildren(parent, {}, [])).rejects.toMatchObject(refused)
  await expect(under.queue.enqueueWithChildren(parent, {}, childrenOf(1_001))).rejects.toMatchObject(refused)
  await expect(under.queue.enqueueWithChildren(child, {}, childrenOf(1))).rejects.toMatchObject(refused)
  expect(Object.values(await under.counts()).every((count) => count === 0)).toBe(true)
})
