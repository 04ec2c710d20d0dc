import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TickRecord } from '@tallyfleet/features'
import { jobs } from '@tallyfleet/jobs'
import { openQueueAdmin } from '@tallyfleet/queue'
import { SqliteJournal } from '@tallyfleet/store-sql'
import { startPrivateRedis, waitUntil } from '@tallyfleet/testing'
import { expect, test } from 'vitest'

const KILLS = process.env['FLEET_LONG'] === '1' ? 30 : 2
const EVERY_MS = 500
const HAND_OVER_MS = 5_000

test(`each tick becomes one job within 5 seconds though schedulers are killed, ${KILLS} of them between a claim and its job`, { timeout: 60_000 + KILLS * 20_000 }, async () => {
  await using stack = new AsyncDisposableStack()
  const home = await mkdtemp(join(tmpdir(), 'fleet-hand-over-'))
  stack.defer(() => rm(home, { recursive: true, force: true }))
  const redis = stack.adopt(await startPrivateRedis(), (server) => server.stop())
  const children = new Set<ChildProcess>()
  stack.defer(async () => {
    for (const child of children) child.kill('SIGKILL')
    await Promise.all([...children].map((child) => child.exitCode ?? child.signalCode ?? once(child, 'exit')))
  })
  const start = async (file: string) => {
    const child = fork(new URL(file, import.meta.url), [], {
      execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: { PATH: process.env['PATH'], FLEET_HOME: home, REDIS_URL: redis.url, LOG_LEVEL: 'fatal', FLUSH_INTERVAL_MS: String(EVERY_MS) },
    })
    children.add(child)
    const gone = once(child, 'exit').then(() => { throw new Error(`${file} ended before it was ready`) })
    gone.catch(() => {})
    await Promise.race([once(child, 'message'), gone])
    return child
  }
  const [first] = await Promise.all([start('./main.ts'), start('./main.ts')])
  const journal = stack.use(await SqliteJournal.open({ path: join(home, 'rollups.sqlite') }))
  const admin = stack.use(await openQueueAdmin({ url: redis.url, jobs }))
  const ticks = async () => (await journal.list('tick', { from: 'flush@', to: 'flush@~', limit: 10_000 })).map(({ body }) => body as TickRecord)
  const waiting = async () => await admin.listJobs('flush', 'waiting', 1_000)

  await waitUntil(async () => (await waiting()).length >= 2, { timeoutMs: 30_000 })
  first.kill('SIGKILL')
  let left = 0
  for (let kill = 0; kill < KILLS; kill++) {
    const dying = await start('./dies-before-enqueue.fixture.ts')
    if ((dying.exitCode ?? dying.signalCode) === null) await once(dying, 'exit')
    expect(dying.signalCode).toBe('SIGKILL')
    left += (await ticks()).filter(({ state }) => state === 'claimed').length
    await waitUntil(async () => (await ticks()).every(({ state }) => state !== 'claimed'), { timeoutMs: 30_000 })
  }
  expect(left).toBeGreaterThanOrEqual(KILLS)

  // No worker runs here: every job that was ever made still waits.
  const settled = (await ticks()).filter(({ nominalAt }) => Date.parse(nominalAt) < Date.now() - HAND_OVER_MS)
  for (const [index, { nominalAt, from }] of settled.entries()) {
    if (index > 0) expect(Date.parse(from ?? nominalAt) - Date.parse(settled[index - 1]!.nominalAt)).toBe(EVERY_MS)
  }
  const enqueued = settled.filter(({ state }) => state !== 'skipped')
  const madeAt = new Map((await waiting()).map(({ id, createdAt }) => [id, createdAt.getTime()]))
  const lateMs = enqueued.map(({ nominalAt }) => madeAt.get(`flush@${nominalAt.replaceAll(':', '-')}`)! - Date.parse(nominalAt))
  console.info(`ticks ${settled.length}, enqueued ${enqueued.length}, left by the dead ${left}, latest job ${Math.max(...lateMs)} ms after its time`)
  expect(Math.max(...lateMs)).toBeLessThan(HAND_OVER_MS)
})
