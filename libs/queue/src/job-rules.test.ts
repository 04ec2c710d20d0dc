import { defineJob } from '@tallyfleet/ports'
import { startPrivateRedis, waitUntil, type PrivateRedis } from '@tallyfleet/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { openQueueUnderTest } from './queue-under-test.fixture.ts'

const plain = defineJob({
  name: 'plain', queue: 'tests', payload: z.strictObject({}), softTimeoutMs: 30_000, timeoutMs: 60_000, attempts: 1,
})
const ids = Array.from({ length: 200 }, (_, n) => `job${n}`)

let redis: PrivateRedis
beforeAll(async () => { redis = await startPrivateRedis() })
afterAll(() => redis.stop())

/** Makes due what workers put off. */
const promoteAll = async (under: Awaited<ReturnType<typeof openQueueUnderTest>>) => {
  await Promise.all((await under.bull.getDelayed()).map((job) => job.promote().catch(() => {}))) // a worker may be faster
}

test('a paused job waits without using a try, also when its worker starts afterwards, and goes on', async () => {
  await using under = await openQueueUnderTest(plain, redis)
  await under.admin.putRule({ job: 'plain', paused: true })
  let runs = 0
  await under.work(async () => { runs += 1 })
  await under.queue.enqueue(plain, {}, { jobId: 'held' })
  await under.settled('delayed')
  await promoteAll(under)
  await waitUntil(async () => (await under.bull.getJob('held'))!.attemptsStarted >= 2)
  await under.settled('delayed')
  expect(runs).toBe(0)
  expect(await under.admin.listRules()).toEqual([{ job: 'plain', paused: true }])

  await under.admin.putRule({ job: 'plain', paused: false })
  await waitUntil(async () => { await promoteAll(under); return runs === 1 })
  await under.settled('completed')
  expect(await under.admin.listRules()).toEqual([])
})

test('a rollout gives its share of a job to the new release and the rest to the old, and a rollback all to the old', async () => {
  await using under = await openQueueUnderTest(plain, redis)
  await under.admin.putRule({ job: 'plain', paused: false, rollout: { release: 'n+1', share: 25 } })
  const ran: Record<'old' | 'new', Set<string>> = { old: new Set(), new: new Set() }
  await under.work(async ({ jobId }) => { ran.old.add(jobId) }, { release: 'n', concurrency: 20 })
  await under.work(async ({ jobId }) => { ran.new.add(jobId) }, { release: 'n+1', concurrency: 20 })
  for (const jobId of ids) await under.queue.enqueue(plain, {}, { jobId })
  await waitUntil(async () => { await promoteAll(under); return (await under.counts()).completed === ids.length })
  // Binomial: 200 ids at a quarter, within five standard deviations.
  expect(ran.new.size).toBeGreaterThan(50 - 31)
  expect(ran.new.size).toBeLessThan(50 + 31)
  expect(ran.old.size).toBe(ids.length - ran.new.size)

  await under.admin.putRule({ job: 'plain', paused: false, rollout: { release: 'n+1', share: 0 } })
  const before = ran.new.size
  // What an earlier look let through may still run: both workers have seen the change once one of a known share ran old.
  const probe = [...ran.new][0]!
  await waitUntil(async () => {
    await (await under.bull.getJob(probe))?.remove().catch(() => {})
    await under.queue.enqueue(plain, {}, { jobId: probe })
    await promoteAll(under)
    return ran.old.has(probe)
  })
  expect(ran.new.size).toBe(before)
})

test('rules for no job, and shares that are none, are refused', async () => {
  await using under = await openQueueUnderTest(plain, redis)
  await expect(under.admin.putRule({ job: 'nobody', paused: true })).rejects.toMatchObject({ code: 'JOB_UNKNOWN' })
  for (const share of [-1, 101, 0.5, Number.NaN]) {
    await expect(under.admin.putRule({ job: 'plain', paused: false, rollout: { release: 'n', share } }))
      .rejects.toMatchObject({ code: 'FIELD_INVALID' })
  }
})
