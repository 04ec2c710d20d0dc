import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FLEET_TENANT, type TickRecord } from '@tallyfleet/features'
import { flushJob } from '@tallyfleet/jobs'
import { openJobQueue } from '@tallyfleet/queue'
import { SqliteJournal, SqlTelemetryStore } from '@tallyfleet/store-sql'
import { startPrivateRedis, waitUntil, type PrivateRedis } from '@tallyfleet/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'

let home: string
let redis: PrivateRedis
let children: ChildProcess[]

beforeEach(async () => {
  children = []
  home = await mkdtemp(join(tmpdir(), 'fleet-roles-'))
  redis = await startPrivateRedis()
})
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL')
  await redis.stop()
  await rm(home, { recursive: true, force: true })
})

/** Starts a role and waits until it says that it is ready. */
async function start(role: 'workers' | 'scheduler', env: Record<string, string> = {}): Promise<ChildProcess> {
  const child = fork(new URL(`../../${role}/src/main.ts`, import.meta.url), [], {
    execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: {
      PATH: process.env['PATH'], FLEET_HOME: home, REDIS_URL: redis.url, LOG_LEVEL: 'warn', FREEZE_SETTLE_MS: '0', FLUSH_INTERVAL_MS: '400', ...env,
    },
  })
  children.push(child)
  const [message] = await once(child, 'message') as [{ ready: boolean; httpPort?: number }]
  expect(message.ready).toBe(true)
  return Object.assign(child, { httpPort: message.httpPort })
}

test('two schedulers and a worker run each tick once, though one scheduler is killed, and end in order', async () => {
  const worker = await start('workers', { FLEET_QUEUES: 'flush', WORKER_HTTP_PORT: '0' })
  const [first, second] = [await start('scheduler'), await start('scheduler')]
  await using journal = await SqliteJournal.open({ path: join(home, 'rollups.sqlite') })
  const flushes = async () => (await journal.list('tick', { from: 'flush@', to: 'flush@~', limit: 1_000 })).map(({ body }) => body as TickRecord)
  const done = async () => (await flushes()).filter(({ state }) => state === 'done').length

  await waitUntil(async () => await done() >= 3, { timeoutMs: 40_000 })
  first.kill('SIGKILL')
  const before = await done()
  await waitUntil(async () => await done() >= before + 3, { timeoutMs: 40_000 })
  for (const tick of await flushes()) expect(tick.runs).toBeLessThanOrEqual(1)

  const { httpPort } = worker as ChildProcess & { httpPort: number }
  expect((await fetch(`http://127.0.0.1:${httpPort}/readyz`)).status).toBe(200)
  expect(await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text()).toMatch(/fleet_job_starts_total\{queue="flush",job="flush",app="worker"\} [1-9]/)

  const ended = [worker, second].map((child) => once(child, 'exit'))
  worker.kill('SIGTERM')
  second.disconnect() // whoever started it is gone
  expect(await Promise.all(ended)).toEqual([[0, null], [0, null]])
})

test('what jobs do is kept as events: of one that ends well, one that is refused, and one whose end nobody waits for', async () => {
  const worker = await start('workers', { FLEET_QUEUES: 'flush' })
  await using queue = await openJobQueue({ url: redis.url })
  await using telemetry = await SqlTelemetryStore.open({ url: `sqlite:${join(home, 'catalog.sqlite')}` })
  const events = async () => {
    const range = { tenants: [FLEET_TENANT], from: new Date(Date.now() - 60_000), to: new Date(Date.now() + 60_000), queue: 'flush' }
    const rows = await telemetry.summarize(range, { by: ['type', 'job', 'reason', 'worker'] })
    return rows.map(({ type, job, reason, worker: by, count }) => [type, job, reason, by?.endsWith(`-${worker.pid}`), count]).sort()
  }
  await queue.enqueue(flushJob, {}, { jobId: 'good' })
  await queue.enqueue({ ...flushJob, payload: z.any() }, { shards: [999] }, { jobId: 'bad' })
  await waitUntil(async () => (await events()).length === 3, { timeoutMs: 20_000 })
  expect(await events()).toEqual([
    ['completed', 'flush', null, true, 1], ['failed', 'flush', 'FIELD_INVALID', true, 1], ['started', 'flush', null, true, 1],
  ])

  await queue.enqueue(flushJob, {}, { jobId: 'last' })
  worker.kill('SIGTERM')
  await once(worker, 'exit')
  const ends = (await events()).filter(([type]) => type === 'started' || type === 'completed').map(([, , , , count]) => count)
  expect(new Set(ends).size).toBe(1) // what started before the end also ended, and both were written
})
