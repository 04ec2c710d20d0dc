import { AppError } from '@tallyfleet/domain'
import { defineJob, silentLog } from '@tallyfleet/ports'
import { openJobQueue, startWorkers } from '@tallyfleet/queue'
import { waitUntil } from '@tallyfleet/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { startApi, type TestApi } from '../../start-api.fixture.ts'

const job = defineJob({
  name: 'test-board', queue: 'boards', payload: z.strictObject({ n: z.int() }), softTimeoutMs: 30_000, timeoutMs: 60_000, attempts: 1,
})

let api: TestApi
let root: string
let stack: AsyncDisposableStack
let runs: number[]
let fails: boolean
beforeAll(async () => {
  stack = new AsyncDisposableStack()
  api = stack.use(await startApi())
  root = await api.key({ scopes: ['admin'] })
  const queue = stack.use(await openJobQueue({ url: api.stores.redisUrl }))
  runs = []
  fails = true
  for (const n of [1, 2, 3]) await queue.enqueue(job, { n }, { jobId: `n${n}` })
  await queue.enqueue(job, { n: 4 }, { jobId: 'later', delayMs: 600_000 })
  stack.use(await startWorkers<object>({
    url: api.stores.redisUrl, needs: {}, drainMs: 0, log: silentLog, queues: [{ name: 'boards', concurrency: 1 }],
    jobs: [{
      definition: job,
      process: async ({ payload }) => {
        runs.push(payload.n)
        if (fails) throw new AppError(payload.n === 2 ? 'TENANT_UNKNOWN' : 'STORE_UNAVAILABLE', 'no')
      },
    }],
  }))
  await waitUntil(async () => (await api.needs.queues.listQueues())[0]!.counts.failed === 3)
})
afterAll(() => stack.disposeAsync())

const get = (path: string, key = root) => api.call('GET', `/api/v1${path}`, { key })
const post = (path: string, body: unknown = {}, key = root) => api.call('POST', `/api/v1${path}`, { key, body })
const lastAudit = async () => (await api.stores.accounts.listAudit(1))[0]

test('dead letters are listed with reason, tries and host, redriven at a rate up to their cap, and purged', async () => {
  const { json: { data } } = await get('/dlq')
  expect(data.map(({ id }: any) => id)).toEqual(['n3', 'n2', 'n1'])
  expect(data[1]).toMatchObject({
    queue: 'boards', job: 'test-board', state: 'failed', starts: 1, crashes: 0, redrives: 0, reason: 'TENANT_UNKNOWN: no',
    host: expect.stringMatching(new RegExp(`-${process.pid}$`)), payload: { n: 2 }, endedAt: expect.any(String),
  })
  expect((await get('/dlq?reason=TENANT_UNKNOWN')).json.data.map(({ id }: any) => id)).toEqual(['n2'])
  expect((await get('/dlq?queue=nobody')).json).toMatchObject({ code: 'QUEUE_UNKNOWN' })

  const plan = await post('/dlq/redrive', { reason: 'STORE', dryRun: true })
  expect(plan.json.data).toMatchObject({ dryRun: true, counts: { redriven: 2 }, jobs: [{ id: 'n1' }, { id: 'n3' }] })
  expect(runs).toHaveLength(3)

  for (let round = 1; round <= 3; round++) {
    expect((await post('/dlq/redrive', { queue: 'boards', id: 'n1' })).json.data.counts).toEqual({ redriven: 1, capped: 0, gone: 0 })
    await waitUntil(async () => (await get('/dlq')).json.data.length === 3)
  }
  expect(await lastAudit()).toMatchObject({ action: 'redriveDeadLetters', outcome: 'ok' })
  expect((await post('/dlq/redrive', { queue: 'boards', id: 'n1' })).json.data.counts).toMatchObject({ redriven: 0, capped: 1 })
  expect(runs.filter((n) => n === 1)).toHaveLength(4)

  fails = false
  const startedAt = performance.now()
  expect((await post('/dlq/redrive', { force: true, ratePerSecond: 10 })).json.data.counts).toMatchObject({ redriven: 3 })
  expect(performance.now() - startedAt).toBeGreaterThan(190)
  await waitUntil(async () => (await api.needs.queues.listQueues())[0]!.counts.completed === 3)
  expect((await post('/dlq/redrive', { ratePerSecond: 1 })).status).toBe(422)

  fails = true
  await (await api.needs.boardQueues[0]!.add('test-board', { payload: { n: 5 } }, { jobId: 'n5' })).id
  await waitUntil(async () => (await get('/dlq')).json.data.length === 1)
  expect((await post('/dlq/purge', { dryRun: true })).json.data.counts).toEqual({ purged: 1, gone: 0 })
  expect((await post('/dlq/purge')).json.data.counts).toEqual({ purged: 1, gone: 0 })
  expect((await get('/dlq')).json.data).toEqual([])
  expect(await lastAudit()).toMatchObject({ action: 'purgeDeadLetters' })
})

test('a delayed job is shown and cancelled, which is noted, and one that has ended is not', async () => {
  expect((await get('/queues/boards/jobs?state=delayed')).json.data).toMatchObject([{ id: 'later', dueAt: expect.any(String) }])
  expect((await get('/queues/boards/jobs/later')).json.data).toMatchObject({ id: 'later', state: 'delayed', starts: 0, host: null })
  expect((await post('/queues/boards/jobs/later/cancel')).json.data).toEqual({ queue: 'boards', id: 'later', outcome: 'removed' })
  expect(await lastAudit()).toMatchObject({ action: 'cancelJob', target: 'default/api/v1/queues/boards/jobs/later/cancel', outcome: 'ok' })
  expect(await post('/queues/boards/jobs/later/cancel')).toMatchObject({ status: 404, json: { code: 'RECORD_UNKNOWN' } })
  expect(await post('/queues/boards/jobs/n2/cancel')).toMatchObject({ status: 409, json: { code: 'JOB_ENDED' } })
})

test('a job is paused and rolled out by name, which is noted, and what is no job or no share is refused', async () => {
  const put = (path: string, body: unknown, key = root) => api.call('PUT', `/api/v1${path}`, { key, body })
  const rollout = { release: 'n+1', share: 5 }
  expect((await put('/job-rules/test-board', { rollout })).json.data).toEqual({ job: 'test-board', paused: false, rollout })
  expect((await get('/job-rules')).json.data).toEqual([{ job: 'test-board', paused: false, rollout }])
  expect(await lastAudit()).toMatchObject({ action: 'putJobRule', target: 'default/api/v1/job-rules/test-board', outcome: 'ok' })
  expect(await put('/job-rules/nobody', { paused: true })).toMatchObject({ status: 404, json: { code: 'JOB_UNKNOWN' } })
  expect((await put('/job-rules/test-board', { rollout: { release: 'n+1', share: 101 } })).status).toBe(422)
  expect((await put('/job-rules/test-board', {})).json.data).toEqual({ job: 'test-board', paused: false })
  expect((await get('/job-rules')).json.data).toEqual([])
})

test('jobs of every tenant are for the admin of the installation alone', async () => {
  const own = await api.key({ tenant: await api.tenant('shop'), scopes: ['admin'] })
  const reader = await api.key({ scopes: ['read'] })
  for (const key of [own, reader]) {
    for (const path of ['/dlq', '/job-rules', '/queues/boards/jobs', '/queues/boards/jobs/n2']) expect((await get(path, key)).status).toBe(403)
    for (const path of ['/dlq/redrive', '/dlq/purge', '/queues/boards/jobs/n2/cancel']) expect((await post(path, {}, key)).status).toBe(403)
  }
})
