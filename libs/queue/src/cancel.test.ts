import { AppError } from '@tallyfleet/domain'
import { defineJob } from '@tallyfleet/ports'
import { waitUntil } from '@tallyfleet/testing'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { openQueueUnderTest } from './queue-under-test.fixture.ts'

const copy = defineJob({
  name: 'copy', queue: 'tests', payload: z.strictObject({}), softTimeoutMs: 30_000, timeoutMs: 60_000, attempts: 3, backoffMs: 1, maxBackoffMs: 2,
})

test('a running job is aborted by its worker, and is dead without another try', async () => {
  await using under = await openQueueUnderTest(copy)
  let reason: unknown
  const attempts: number[] = []
  await under.work(({ signal, attempt }) => {
    attempts.push(attempt)
    return new Promise((_, reject) => signal.addEventListener('abort', () => { reason = signal.reason; reject(new Error('stopped')) }))
  })
  const id = await under.queue.enqueue(copy, {})
  await waitUntil(() => attempts.length === 1)
  expect(await under.admin.cancelJob('tests', id)).toBe('aborting')
  await under.settled('failed')
  expect(reason).toMatchObject({ code: 'JOB_CANCELLED' })
  expect(await under.admin.getJob('tests', id)).toMatchObject({ state: 'failed', starts: 1, reason: 'JOB_CANCELLED: cancelled by an operator' })
  await expect(under.admin.cancelJob('tests', id)).rejects.toMatchObject({ code: 'JOB_ENDED' })
})

test('a running job that does not listen is given up all the same', async () => {
  await using under = await openQueueUnderTest(copy)
  let runs = 0
  await under.work(() => { runs += 1; return new Promise(() => {}) })
  const id = await under.queue.enqueue(copy, {})
  await waitUntil(() => runs === 1)
  await under.admin.cancelJob('tests', id)
  await under.settled('failed')
  expect(await under.metric('fleet_job_abandoned_total')).toBe(1)
})

test('a job that waits or is delayed is taken out, and one of its id that comes later is dead at its start', async () => {
  await using under = await openQueueUnderTest(copy)
  await under.queue.enqueue(copy, {}, { jobId: 'now' })
  await under.queue.enqueue(copy, {}, { jobId: 'soon', delayMs: 60_000 })
  for (const id of ['now', 'soon']) expect(await under.admin.cancelJob('tests', id)).toBe('removed')
  expect(await under.counts()).toMatchObject({ waiting: 0, delayed: 0 })
  await under.queue.enqueue(copy, {}, { jobId: 'now' })
  const runs: string[] = []
  await under.work(async ({ jobId }) => { runs.push(jobId) })
  await under.queue.enqueue(copy, {}, { jobId: 'another' })
  await under.settled('completed')
  await under.settled('failed')
  expect(runs).toEqual(['another'])
  expect((await under.admin.getJob('tests', 'now')).reason).toContain('JOB_CANCELLED')
  await expect(under.admin.cancelJob('tests', 'soon')).rejects.toMatchObject({ code: 'RECORD_UNKNOWN' })
})

test('a job whose worker was killed stays cancelled for the one that finds it', async () => {
  await using under = await openQueueUnderTest(copy)
  const id = await under.queue.enqueue(copy, {})
  // A worker that died while it ran this: the job is active, and nobody renews its lock.
  const dead = new (await import('bullmq')).Worker('tests', undefined, { connection: { url: under.url, maxRetriesPerRequest: null }, prefix: under.prefix, lockDuration: 500, autorun: false })
  await dead.getNextJob('gone')
  await dead.close()
  expect(await under.admin.cancelJob('tests', id)).toBe('aborting')
  let runs = 0
  await under.work(async () => { runs += 1 })
  await waitUntil(async () => (await under.counts()).failed === 1, { timeoutMs: 30_000 })
  expect(runs).toBe(0)
})

test('a redriven job runs though it was cancelled once', async () => {
  await using under = await openQueueUnderTest(copy)
  let runs = 0
  const id = await under.queue.enqueue(copy, {}, { delayMs: 60_000, jobId: 'one' })
  await under.admin.cancelJob('tests', id)
  await under.queue.enqueue(copy, {}, { jobId: 'one' })
  await under.work(async () => { if (++runs === 1) throw new AppError('FIELD_INVALID', 'no') })
  await under.settled('failed')
  expect(runs).toBe(0)
  expect(await under.admin.redriveDead('tests', id)).toBe(true)
  await waitUntil(() => runs === 1)
  await under.settled('failed')
  expect(await under.admin.getJob('tests', id)).toMatchObject({ redrives: 1, reason: 'FIELD_INVALID: no' })
  expect(await under.admin.deleteDead('tests', id)).toBe(true)
  expect([await under.admin.deleteDead('tests', id), await under.admin.redriveDead('tests', id)]).toEqual([false, false])
})
