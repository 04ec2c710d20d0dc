import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { createKey } from '@tallyfleet/features'
import { packs } from '@tallyfleet/packs'
import { systemClock } from '@tallyfleet/ports'
import { openDurableStores, storesConfig } from '@tallyfleet/stores'
import { startPrivateRedis, waitUntil, type PrivateRedis } from '@tallyfleet/testing'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { eventOf } from './start-api.fixture.ts'

let redis: PrivateRedis
let home: string
let key: string
beforeAll(async () => {
  redis = await startPrivateRedis()
  home = mkdtempSync(join(tmpdir(), 'fleet-main-'))
  await using durable = await openDurableStores(storesConfig.parse({ FLEET_HOME: home }), { packs })
  key = (await createKey({ tenant: 'default', name: 'main', scopes: ['ingest'] }, { ...durable, clock: systemClock })).secret
})
const children: ChildProcess[] = []
afterEach(() => { for (const child of children.splice(0)) child.kill('SIGKILL') })
afterAll(async () => {
  await redis.stop()
  rmSync(home, { recursive: true, force: true })
})

async function start(env: Record<string, string> = {}): Promise<{ child: ChildProcess; url: string; code: Promise<number | null> }> {
  const child = fork(new URL('./main.ts', import.meta.url), [], {
    execArgv: [], silent: true,
    env: { ...process.env, FLEET_HOME: home, REDIS_URL: redis.url, HTTP_PORT: '0', LOG_LEVEL: 'fatal', ...env },
  })
  children.push(child)
  const code = once(child, 'exit').then(([status]) => status as number | null)
  const [message] = await Promise.race([once(child, 'message'), code.then((status) => { throw new Error(`exited with ${status}`) })])
  if (message.fault !== undefined) throw new Error(`exited with ${await code}`) // told before it exits
  expect(message).toMatchObject({ ready: true, port: expect.any(Number) })
  return { child, url: `http://127.0.0.1:${message.port}`, code }
}

test('on SIGTERM the API answers what it has begun, then exits 0', async () => {
  const { child, url, code } = await start()
  const body = JSON.stringify(eventOf())
  const sending = request(`${url}/api/v1/events`, {
    method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'content-length': body.length },
  })
  const answered = once(sending, 'response')
  sending.write(body.slice(0, 10))
  await fetch(`${url}/livez`) // a connection that stays open, idle
  await waitUntil(async () => (await fetch(`${url}/metrics`)).ok)
  child.kill('SIGTERM')
  await waitUntil(() => fetch(url).then(() => false, () => true))
  sending.end(body.slice(10))
  const [response] = await answered
  expect(response.statusCode).toBe(202)
  expect(JSON.parse(await text(response))).toEqual({ status: 'accepted' })
  expect(await code).toBe(0)
})

/** One event over a connection of its own, which any of the processes may get. */
async function post(url: string): Promise<number | undefined> {
  const sending = request(`${url}/api/v1/events`, {
    agent: false, method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
  })
  sending.end(JSON.stringify(eventOf()))
  const [response] = await once(sending, 'response')
  response.resume()
  return response.statusCode
}

test('several processes share the port and count as one; when one dies the others answer, and it is started again', async () => {
  const { child, url, code } = await start({ API_PROCESSES: '2', LOG_LEVEL: 'info' })
  const listening = new Set<number>()
  let deaths = 0
  createInterface(child.stdout!).on('line', (line) => {
    const { message, pid } = JSON.parse(line) as { message: string; pid: number }
    if (message === 'api listening' && pid !== child.pid) listening.add(pid)
    if (message === 'api process died') deaths++
  })
  await waitUntil(() => listening.size === 2, { timeoutMs: 30_000 })
  const statuses = await Promise.all(Array.from({ length: 10 }, () => post(url)))
  expect(statuses).toEqual(statuses.map(() => 202))
  const accepted = async () => Number(/^ingest_events_total\{[^}]*outcome="accepted"[^}]*\} (\d+)$/m
    .exec(await (await fetch(`${url}/metrics`)).text())?.[1])
  await waitUntil(async () => await accepted() >= 10, { timeoutMs: 30_000 })
  const [first] = listening
  process.kill(first!, 'SIGKILL')
  await waitUntil(() => deaths === 1, { timeoutMs: 30_000 })
  expect(await Promise.all([post(url), post(url), post(url)])).toEqual([202, 202, 202])
  await waitUntil(() => listening.size === 3, { timeoutMs: 30_000 })
  expect((await fetch(`${url}/readyz`)).status).toBe(200)
  child.kill('SIGTERM')
  expect(await code).toBe(0)
  for (const pid of listening) expect(() => process.kill(pid, 0), `process ${pid} is gone`).toThrow('ESRCH')
})

test('a taken port ends the start with a message', async () => {
  const { url } = await start()
  await expect(start({ HTTP_PORT: new URL(url).port })).rejects.toThrow('exited with 4')
})
