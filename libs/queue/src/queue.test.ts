import { AppError } from '@tallyfleet/domain'
import { createMetrics } from '@tallyfleet/metrics'
import { defineJob, silentLog, type Job, type JobContext, type JobDefinition, type Processor } from '@tallyfleet/ports'
import { describeWithServer, freshName, startPrivateRedis, startRedisCluster, waitUntil } from '@tallyfleet/testing'
import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { openJobQueue, openQueueAdmin, startWorkers, type RunObserver } from './index.ts'

type Needs = Record<string, never>

const greet = defineJob({
  name: 'greet', queue: 'tests', payload: z.strictObject({ name: z.string(), at: z.coerce.date().optional() }),
  softTimeoutMs: 30_000, timeoutMs: 60_000, attempts: 3, backoffMs: 5, maxBackoffMs: 20,
})

describeWithServer('redis', 'jobs on Redis', (url) => {
  const open: AsyncDisposable[] = []
  afterEach(async () => { for (const resource of open.splice(0).reverse()) await resource[Symbol.asyncDispose]() })
  function keep<R extends AsyncDisposable>(resource: R): R {
    open.push(resource)
    return resource
  }

  /** Queues of their own for one test. */
  async function setup(definition: JobDefinition<any> = greet) {
    const prefix = `{${freshName('queue')}}`
    const queue = keep(await openJobQueue({ url, prefix }))
    const admin = keep(await openQueueAdmin({ url, prefix, jobs: [definition] }))
    const metrics = createMetrics({ runtimeMetrics: false })
    const work = async <P>(process: Processor<P, Needs>, options: { drainMs?: number; concurrency?: number; observer?: RunObserver } = {}) => {
      const { drainMs = 0, concurrency = 4, observer } = options
      const jobs: Job<any, Needs>[] = [{ definition, process: process as Processor<any, Needs> }]
      return keep(await startWorkers({
        url, prefix, jobs, needs: {}, queues: [{ name: 'tests', concurrency }], log: silentLog, metrics, drainMs, ...(observer && { observer }),
      }))
    }
    const counts = async () => (await admin.listQueues())[0]!.counts
    const settled = (state: 'completed' | 'failed', count = 1) => waitUntil(async () => (await counts())[state] === count)
    const findJob = async (id: string) => (await admin.bullQueues()[0]!.getJob(id))!
    return { queue, admin, metrics, work, counts, settled, findJob }
  }

  test('a job reaches its processor, its payload parsed again', async () => {
    const { queue, work, settled, findJob } = await setup()
    const seen: JobContext<any>[] = []
    await work<any>(async (context) => { seen.push(context); return { ok: true } })
    const tick = { schedule: 'greet', nominalAt: new Date('2026-11-21T10:00:00Z'), backfilled: true }
    const id = await queue.enqueue(greet, { name: 'Ada', at: new Date('2026-01-02T03:04:05Z') }, { jobId: 'one', tick })
    await settled('completed')
    expect(id).toBe('one')
    expect(seen).toMatchObject([{ payload: { name: 'Ada', at: new Date('2026-01-02T03:04:05Z') }, jobId: 'one', attempt: 1, tick }])
    expect((await findJob(id)).returnvalue).toEqual({ ok: true })
  })

  test('a bad payload or id is refused where it is made', async () => {
    const { queue, counts } = await setup()
    await expect(queue.enqueue(greet, { name: 7 } as never)).rejects.toMatchObject({ code: 'FIELD_INVALID' })
    await expect(queue.enqueue(greet, { name: 'x'.repeat(70_000) })).rejects.toMatchObject({ code: 'FIELD_INVALID' })
    for (const jobId of ['12', 'a:b', '']) {
      await expect(queue.enqueue(greet, { name: 'Ada' }, { jobId })).rejects.toMatchObject({ code: 'FIELD_INVALID' })
    }
    expect((await counts()).waiting).toBe(0)
  })

  test('a payload that this release does not know is dead at once', async () => {
    const { admin, work, settled, findJob } = await setup()
    const bull = admin.bullQueues()[0]!
    let runs = 0
    await bull.add('greet', { payload: { greeting: 'hello' } }, { jobId: 'payload', attempts: 5 })
    await bull.add('greet', 'no envelope', { jobId: 'envelope', attempts: 5 })
    await work(async () => { runs += 1 })
    await settled('failed', 2)
    expect(runs).toBe(0)
    for (const id of ['payload', 'envelope']) expect((await findJob(id)).attemptsStarted).toBe(1)
    expect((await findJob('payload')).failedReason).toContain('FIELD_INVALID')
  })

  test('a second job with a known id is ignored', async () => {
    const { queue, work, counts, settled } = await setup()
    await queue.enqueue(greet, { name: 'Ada' }, { jobId: 'once' })
    await queue.enqueue(greet, { name: 'Bob' }, { jobId: 'once' })
    const names: string[] = []
    await work<any>(async ({ payload }) => { names.push(payload.name) })
    await settled('completed')
    await queue.enqueue(greet, { name: 'Eve' }, { jobId: 'once' })
    expect(await counts()).toMatchObject({ waiting: 0, completed: 1 })
    expect(names).toEqual(['Ada'])
  })

  test('a job that fails comes back until its tries are used up', async () => {
    const { queue, work, settled, metrics } = await setup()
    const attempts: number[] = []
    await work(async ({ attempt }) => { attempts.push(attempt); throw new AppError('STORE_UNAVAILABLE', 'away') })
    await queue.enqueue(greet, { name: 'Ada' })
    await settled('failed')
    expect(attempts).toEqual([1, 2, 3])
    expect(await metrics.registry.metrics()).toMatch(/fleet_job_failures_total\{queue="tests",job="greet",outcome="dead"\} 1/)
    expect(await metrics.registry.metrics()).toMatch(/fleet_job_failures_total\{queue="tests",job="greet",outcome="retry"\} 2/)
  })

  test('an error that another try cannot cure is dead at once, and a rate limit uses up no try', async () => {
    const { queue, work, settled, findJob, counts } = await setup()
    let limited = 0
    await work<any>(async ({ payload }) => {
      if (payload.name === 'wrong') throw new AppError('TENANT_UNKNOWN', 'no such tenant')
      if (limited++ < 4) throw new AppError('LIMIT_REACHED', 'slow down', { details: { retryAfterSeconds: 0.01 } })
    })
    await queue.enqueue(greet, { name: 'wrong' }, { jobId: 'wrong' })
    await settled('failed')
    expect(await findJob('wrong')).toMatchObject({ attemptsStarted: 1, failedReason: 'TENANT_UNKNOWN: no such tenant' })
    await queue.enqueue(greet, { name: 'limited' }, { jobId: 'limited' })
    await settled('completed')
    expect(await findJob('limited')).toMatchObject({ attemptsStarted: 5, attemptsMade: 1 })
    expect((await counts()).failed).toBe(1)
  })

  test('the signal aborts with JOB_TIMED_OUT when the job runs too long', async () => {
    const slow = { ...greet, softTimeoutMs: 10, timeoutMs: 30, attempts: 1 }
    const { queue, work, settled, findJob } = await setup(slow)
    let reason: unknown
    await work(({ signal }) => new Promise((_, reject) => {
      signal.addEventListener('abort', () => { reason = signal.reason; reject(new Error('stopped')) })
    }))
    const id = await queue.enqueue(slow, { name: 'Ada' })
    await settled('failed')
    expect(reason).toMatchObject({ code: 'JOB_TIMED_OUT' })
    expect((await findJob(id)).failedReason).toBe('JOB_TIMED_OUT: greet ran longer than 30 ms')
  })

  test('a job that runs at shutdown goes on elsewhere within a second, and no try is used up', async () => {
    const { queue, work, settled, findJob } = await setup()
    const { promise: started, resolve: start } = Promise.withResolvers<void>()
    let reason: unknown
    const ends: string[] = []
    const first = await work(({ signal }) => {
      start()
      return new Promise((_, reject) => signal.addEventListener('abort', () => { reason = signal.reason; reject(signal.reason) }))
    }, { observer: { async started() {}, async ended(_, end) { ends.push(end) } } })
    const id = await queue.enqueue(greet, { name: 'Ada' })
    await started
    let resumedAt = 0
    await work(async ({ attempt }) => { resumedAt = performance.now(); return attempt })
    const closedAt = performance.now()
    await first[Symbol.asyncDispose]()
    await settled('completed')
    expect(resumedAt - closedAt).toBeLessThan(1_000)
    expect(reason).toMatchObject({ why: 'drain' })
    expect(ends).toEqual(['handed back'])
    expect(await findJob(id)).toMatchObject({ returnvalue: 2, attemptsStarted: 2, attemptsMade: 1, stalledCounter: 0 })
  })

  test('a job may end within the drain time, and none is fetched meanwhile', async () => {
    const { queue, work, counts } = await setup()
    const { promise: started, resolve: start } = Promise.withResolvers<void>()
    const { promise: gate, resolve: finish } = Promise.withResolvers<void>()
    const fleet = await work(async () => { start(); await gate }, { drainMs: 60_000, concurrency: 1 })
    await queue.enqueue(greet, { name: 'Ada' })
    await started
    const closed = fleet[Symbol.asyncDispose]()
    await queue.enqueue(greet, { name: 'Bob' })
    finish()
    await closed
    expect(await counts()).toMatchObject({ completed: 1, waiting: 1, active: 0 })
  })

  test('at most one job of a key waits, and one that comes while it runs is run once after it', async () => {
    const { queue, work, counts, settled } = await setup()
    const add = (name: string) => queue.enqueue(greet, { name }, { onlyOne: 'greetings' })
    const ids = [await add('first'), await add('dropped')]
    expect(ids[0]).toBe(ids[1])
    expect((await counts()).waiting).toBe(1)
    const names: string[] = []
    const { promise: gate, resolve: finish } = Promise.withResolvers<void>()
    const { promise: started, resolve: start } = Promise.withResolvers<void>()
    await work<any>(async ({ payload }) => { names.push(payload.name); start(); await gate })
    await started
    await add('replaced')
    await add('last')
    finish()
    await settled('completed', 2)
    expect(names).toEqual(['first', 'last'])
    expect(await counts()).toMatchObject({ waiting: 0, active: 0, delayed: 0 })
  })

  test('an operator pauses, resumes, retries and drains', async () => {
    const { queue, admin, work, counts, settled, findJob } = await setup()
    await admin.pause('tests')
    let fails = true
    await work(async () => { if (fails) throw new AppError('FIELD_INVALID', 'no') })
    const id = await queue.enqueue(greet, { name: 'Ada' })
    const [paused] = await admin.listQueues()
    expect(paused).toMatchObject({ queue: 'tests', paused: true, counts: { waiting: 1, active: 0 }, workers: 1 })
    expect(paused!.oldestReadySeconds).toBeGreaterThanOrEqual(0)
    await admin.resume('tests')
    await settled('failed')
    fails = false
    expect(await admin.retryFailed('tests')).toBe(1)
    await settled('completed')
    expect((await findJob(id)).attemptsMade).toBe(1)
    await admin.pause('tests')
    await queue.enqueue(greet, { name: 'Bob' })
    await queue.enqueue(greet, { name: 'Eve' }, { delayMs: 60_000 })
    expect(await admin.drain('tests')).toBe(2)
    expect(await counts()).toMatchObject({ waiting: 0, delayed: 0 })
    await expect(admin.pause('nobody')).rejects.toMatchObject({ code: 'QUEUE_UNKNOWN' })
  })

  test('the age of the oldest ready job leaves out what is not due', async () => {
    const { queue, admin } = await setup()
    await queue.enqueue(greet, { name: 'Ada' }, { delayMs: 60_000 })
    expect((await admin.listQueues())[0]!.oldestReadySeconds).toBeUndefined()
    await queue.enqueue(greet, { name: 'Bob' }, { delayMs: 1 })
    await waitUntil(async () => ((await admin.listQueues())[0]!.oldestReadySeconds ?? 0) > 0)
  })

  test('waiting time is counted from when the job could run', async () => {
    const { queue, work, settled, metrics } = await setup()
    await work(async () => {})
    await queue.enqueue(greet, { name: 'Ada' }, { delayMs: 700 })
    await settled('completed')
    const text = await metrics.registry.metrics()
    const sum = Number(/fleet_job_wait_seconds_sum\{[^}]*\} (\S+)/.exec(text)?.[1])
    expect(sum).toBeGreaterThanOrEqual(0)
    expect(sum).toBeLessThan(0.6)
  })
})

test('a producer fails fast while Redis is away, and a worker goes on when it is back', async () => {
  const server = await startPrivateRedis()
  await using queue = await openJobQueue({ url: server.url })
  let runs = 0
  await using fleet = await startWorkers<Needs>({
    url: server.url, queues: [{ name: 'tests', concurrency: 1 }], needs: {}, drainMs: 0, log: silentLog,
    jobs: [{ definition: greet, process: async () => { runs += 1 } }],
  })
  await queue.enqueue(greet, { name: 'Ada' })
  await waitUntil(() => runs === 1)
  await server.kill()
  const triedAt = performance.now()
  await expect(queue.enqueue(greet, { name: 'Bob' })).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  expect(performance.now() - triedAt).toBeLessThan(6_000)
  await waitUntil(() => !fleet.health().ok)
  const back = await startPrivateRedis({ port: server.port })
  await waitUntil(() => queue.enqueue(greet, { name: 'Eve' }), { timeoutMs: 20_000 })
  await waitUntil(() => runs === 2 && fleet.health().ok, { timeoutMs: 30_000 })
  await using stopped = { [Symbol.asyncDispose]: () => back.stop() }
  stopped satisfies AsyncDisposable
  await fleet[Symbol.asyncDispose]()
  await queue[Symbol.asyncDispose]()
})

test('no Redis at all is STORE_UNAVAILABLE', async () => {
  await expect(openJobQueue({ url: 'redis://127.0.0.1:1' })).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
})

test('jobs run on a Redis Cluster', async () => {
  const cluster = await startRedisCluster()
  try {
    const url = cluster.nodes.map((node) => node.url).join(',')
    await using queue = await openJobQueue({ url })
    await using admin = await openQueueAdmin({ url, jobs: [greet] })
    let tries = 0
    await using fleet = await startWorkers<Needs>({
      url, queues: [{ name: 'tests', concurrency: 2 }], needs: {}, drainMs: 0, log: silentLog,
      jobs: [{ definition: greet, process: async () => { if (++tries === 1) throw new AppError('STORE_UNAVAILABLE', 'away') } }],
    })
    await queue.enqueue(greet, { name: 'Ada' }, { onlyOne: 'ada' })
    await waitUntil(async () => (await admin.listQueues())[0]!.counts.completed === 1)
    expect(tries).toBe(2)
    await waitUntil(() => fleet.health().ok)
  } finally {
    await cluster.stop()
  }
})
