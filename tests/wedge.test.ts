import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { flushJob, jobs } from '@tallyfleet/jobs'
import { openJobQueue, openQueueAdmin } from '@tallyfleet/queue'
import { startPrivateRedis, waitUntil } from '@tallyfleet/testing'
import { expect, test } from 'vitest'
import { cleanEnv, newHome, ROOT, startFleet } from './fleet-process.ts'

const RED_WITHIN_MS = 60_000

test.concurrent('a fleet whose worker hangs is not ready within a minute, takes requests all the same, and is ready again once it goes on', { timeout: 240_000 }, async () => {
  await using stack = new AsyncDisposableStack()
  const { home, remove } = await newHome()
  stack.defer(remove)
  const redis = stack.adopt(await startPrivateRedis(), (server) => server.stop())
  const fleet = stack.adopt(await startFleet(cleanEnv(home, { REDIS_URL: redis.url, LOG_LEVEL: 'fatal', FLUSH_INTERVAL_MS: '2000' })), async (up) => { await up.stop() })
  const [worker] = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(fleet.pid)]).toString().split('\n')
    .filter((line) => line.includes('apps/workers')).map((line) => Number(line.trim().split(' ')[0]))
  const status = async (path: string) => (await fleet.get(path)).status
  await waitUntil(async () => await status('/readyz') === 200, { timeoutMs: 30_000 })

  process.kill(worker!, 'SIGSTOP')
  const since = performance.now()
  try {
    await waitUntil(async () => await status('/readyz') === 503, { timeoutMs: 120_000, intervalMs: 500 })
    const redAfterMs = performance.now() - since
    console.info(`not ready ${Math.round(redAfterMs)} ms after the worker stopped`)
    expect(redAfterMs).toBeLessThan(RED_WITHIN_MS)
    expect((await fleet.get('/readyz')).body).toMatchObject({ failing: ['workers'], checks: { workers: { reason: expect.stringMatching(/^flush: (work has been ready for \d+ s|the worker that holds a job fell silent)/) } } })
    expect(await status('/readyz?for=traffic')).toBe(200)
  } finally {
    process.kill(worker!, 'SIGCONT')
  }
  await waitUntil(async () => await status('/readyz') === 200, { timeoutMs: 60_000, intervalMs: 200 })
})

test.concurrent('a worker that fetches no more is not ready within a minute, ends, and the next one is ready and does the work', { timeout: 240_000 }, async () => {
  await using stack = new AsyncDisposableStack()
  const { home, remove } = await newHome()
  stack.defer(remove)
  const redis = stack.adopt(await startPrivateRedis(), (server) => server.stop())
  const queue = stack.use(await openJobQueue({ url: redis.url }))
  const admin = stack.use(await openQueueAdmin({ url: redis.url, jobs }))
  const start = async () => {
    const child = fork(join(ROOT, 'apps/workers/src/main.ts'), {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'], env: cleanEnv(home, { REDIS_URL: redis.url, LOG_LEVEL: 'silent', WORKER_HTTP_PORT: '0', FLEET_QUEUES: 'flush' }),
    })
    stack.defer(() => { child.kill('SIGKILL') })
    const [{ httpPort }] = await once(child, 'message') as [{ httpPort: number }]
    return { exit: once(child, 'exit'), ready: async () => (await fetch(`http://127.0.0.1:${httpPort}/readyz`)).status === 200 }
  }
  const first = await start()
  expect(await first.ready()).toBe(true)
  // Nobody may fetch from this queue, and no worker knows why: as after a lost wake-up or a job that counts for ever.
  const flushes = admin.bullQueues().find(({ name }) => name === 'flush')!
  await flushes.setGlobalConcurrency(0)
  const id = await queue.enqueue(flushJob, {})
  const since = performance.now()
  await waitUntil(async () => !await first.ready(), { timeoutMs: 120_000, intervalMs: 200 })
  const redAfterMs = performance.now() - since
  console.info(`not ready ${Math.round(redAfterMs)} ms after the job`)
  expect(redAfterMs).toBeLessThan(RED_WITHIN_MS)
  expect(await first.exit).toEqual([1, null])

  await flushes.removeGlobalConcurrency()
  const next = await start()
  await waitUntil(async () => (await admin.getJob('flush', id)).state === 'completed', { timeoutMs: 30_000 })
  expect(await next.ready()).toBe(true)
})
