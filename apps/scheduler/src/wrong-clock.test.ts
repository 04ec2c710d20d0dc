import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TickRecord } from '@tallyfleet/features'
import { SqliteJournal } from '@tallyfleet/store-sql'
import { startPrivateRedis, waitUntil } from '@tallyfleet/testing'
import { expect, test } from 'vitest'

const AHEAD_MS = 3_600_000
const WRONG_CLOCK = `data:text/javascript,${encodeURIComponent(`
  const Right = Date
  globalThis.Date = class Date extends Right {
    constructor(...parts) { super(...(parts.length === 0 ? [Date.now()] : parts)) }
    static now() { return Right.now() + ${AHEAD_MS} }
  }`)}`

test('a scheduler whose clock is an hour ahead ticks by the clock of Redis, and settles nothing of the hour to come', { timeout: 120_000 }, async () => {
  await using stack = new AsyncDisposableStack()
  const home = await mkdtemp(join(tmpdir(), 'fleet-clock-'))
  stack.defer(() => rm(home, { recursive: true, force: true }))
  const redis = stack.adopt(await startPrivateRedis(), (server) => server.stop())
  const child = fork(new URL('./main.ts', import.meta.url), [], {
    execArgv: ['--import', WRONG_CLOCK], stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { PATH: process.env['PATH'], FLEET_HOME: home, REDIS_URL: redis.url, LOG_LEVEL: 'fatal', FLUSH_INTERVAL_MS: '500' },
  })
  const gone = once(child, 'exit')
  stack.defer(async () => { child.kill('SIGKILL'); await gone })
  const startedAt = Date.now()
  await once(child, 'message')
  const journal = stack.use(await SqliteJournal.open({ path: join(home, 'rollups.sqlite') }))
  const ticks = async () => (await journal.list('tick', { from: 'flush@', to: 'flush@~', limit: 100 })).map(({ body }) => body as TickRecord)

  await waitUntil(async () => (await ticks()).length >= 2, { timeoutMs: 60_000 })
  for (const { nominalAt } of await ticks()) {
    expect(Date.parse(nominalAt)).toBeGreaterThan(startedAt - 1_000)
    expect(Date.parse(nominalAt)).toBeLessThanOrEqual(Date.now())
  }
})
