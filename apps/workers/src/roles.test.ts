import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TickRecord } from '@tallyfleet/features'
import { SqliteJournal } from '@tallyfleet/store-sql'
import { startPrivateRedis, waitUntil, type PrivateRedis } from '@tallyfleet/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'

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
