import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { packs } from '@tallyfleet/packs'
import { silentLog } from '@tallyfleet/ports'
import { openStores, storesConfig } from '@tallyfleet/stores'
import { startPrivateRedis } from '@tallyfleet/testing'
import { expect, test } from 'vitest'
import { cleanEnv, newHome, ROOT, runCli } from './fleet-process.ts'
import { storesOnServers } from './stores-on-servers.ts'

const LONG = process.env.FLEET_LONG === '1'
const TRAFFIC_MS = LONG ? 600_000 : 60_000
const KILL_EVERY_MS = LONG ? 20_000 : 10_000
/** On a slow machine the traffic goes on until so many workers were killed. */
const LEAST_KILLS = LONG ? 20 : 3
const SENDERS = 4

type Role = { process: ChildProcess; port: number }

test('two APIs, two schedulers and three workers count exactly while workers are killed', { timeout: TRAFFIC_MS + 400_000 }, async () => {
  await using stack = new AsyncDisposableStack()
  const { home, remove } = await newHome()
  stack.defer(remove)
  const redis = await startPrivateRedis()
  stack.defer(() => redis.stop())
  const env = cleanEnv(home, {
    REDIS_URL: redis.url, ...storesOnServers('mongo', 'mysql', 'elasticsearch'),
    FLUSH_INTERVAL_MS: '4000', FREEZE_SETTLE_MS: '0', LOG_LEVEL: 'error', FLEET_QUEUES: 'flush:2,sync,housekeeping,maintenance',
  })
  const roles = new Set<ChildProcess>()
  stack.defer(async () => {
    for (const role of roles) role.kill('SIGTERM')
    await Promise.all([...roles].map((role) => (role.exitCode ?? role.signalCode) !== null || once(role, 'exit')))
  })
  const start = async (app: string): Promise<Role> => {
    const child = fork(join(ROOT, `apps/${app}/src/main.ts`), { env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    roles.add(child)
    child.once('exit', () => roles.delete(child))
    const [message] = await once(child, 'message') as [{ port?: number }]
    return { process: child, port: message.port ?? 0 }
  }

  const { json: { data: { key } } } = await runCli(env, ['keys', 'create', '--scopes', 'ingest,read'])
  const apis = [await start('api'), await start('api')]
  await Promise.all([start('scheduler'), start('scheduler')])
  const workers = await Promise.all([start('workers'), start('workers'), start('workers')])

  // Every sender repeats what was not acknowledged, with the same ids, and some of what was.
  const expected = new Map<string, number>()
  let acknowledged = 0
  const until = performance.now() + TRAFFIC_MS
  let kills = 0
  const goesOn = () => performance.now() < until || kills < LEAST_KILLS
  const post = async (body: unknown): Promise<number> => {
    const api = apis[Math.floor(Math.random() * apis.length)]!
    try {
      const answer = await fetch(`http://127.0.0.1:${api.port}/api/v1/events`, {
        method: 'POST', body: JSON.stringify(body), headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      })
      await answer.body?.cancel()
      return answer.status
    } catch {
      return 0
    }
  }
  const senders = Array.from({ length: SENDERS }, async (_, sender) => {
    for (let round = 0; goesOn(); round++) {
      const size = 1 + (round % 20)
      const events = Array.from({ length: size }, (_, i) => ({
        domain: 'jav', entity_type: 'movie', entity_id: `m-${(round * 7 + i * 13) % 300}`, action: i % 3 ? 'view' : 'download',
        event_id: `${sender}-${round}-${i}`, occurred_at: new Date().toISOString(),
      }))
      while (await post(events) !== 202) await sleep(100)
      acknowledged += size
      for (const { entity_id, action } of events) {
        if (action === 'view') expected.set(entity_id, (expected.get(entity_id) ?? 0) + 1)
      }
      if (round % 5 === 0) await post(events)
      await sleep(20)
    }
  })
  const killing = (async () => {
    while (goesOn()) {
      await sleep(KILL_EVERY_MS)
      const victim = kills++ % workers.length
      workers[victim]!.process.kill('SIGKILL')
      workers[victim] = await start('workers')
    }
  })()
  await Promise.all([...senders, killing])

  expect(await runCli(env, ['flush', '--wait', '--timeout', '200'])).toMatchObject({ exit: 0 })
  const counted = new Map<string, number>()
  const answer = await fetch(`http://127.0.0.1:${apis[0]!.port}/api/v1/entities/top?domain=jav&entity_type=movie&action=view&limit=1000`, {
    headers: { authorization: `Bearer ${key}` },
  })
  for (const { entity_id, count } of (await answer.json() as { data: { entity_id: string; count: number }[] }).data) counted.set(entity_id, count)
  expect(counted).toEqual(expected)
  expect(await runCli(env, ['parity-check'])).toMatchObject({ exit: 0, json: { data: { equal: true } } })
  expect(await runCli(env, ['ledger'])).toMatchObject({ exit: 0, json: { data: { counted: acknowledged, pending: 0, balanced: true } } })

  // A tick has one record and one job; only a job whose worker was killed starts again.
  await using stores = await openStores(storesConfig.parse(env), { packs, log: silentLog })
  const ticks = (await stores.journal.list('tick', { limit: 10_000 })).map(({ id, body }) => ({ id, ...(body as { state: string; runs: number }) }))
  const flushes = ticks.filter(({ id }) => id.startsWith('flush@'))
  expect(flushes.length).toBeGreaterThan(TRAFFIC_MS / 4_000 / 2)
  const again = ticks.filter(({ runs }) => runs > 1)
  expect(again.length, JSON.stringify(again)).toBeLessThanOrEqual(kills * 5)
  const unfinished = ticks.filter(({ state }) => !['done', 'skipped'].includes(state))
  expect(unfinished.length, JSON.stringify(unfinished)).toBeLessThan(12) // the last ones may still be on their way
  process.stderr.write(`kills ${kills}, acknowledged ${acknowledged}, ticks ${ticks.length}, started again ${again.length}\n`)
})
