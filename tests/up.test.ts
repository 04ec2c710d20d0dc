import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { waitUntil } from '@tallyfleet/testing'
import { expect, test } from 'vitest'
import { cleanEnv, newHome, runCli, startFleet } from './fleet-process.ts'

const lives = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
const childrenOf = (pid: number) => execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(pid)]).toString().trim().split('\n')
  .map((line) => ({ pid: Number(line.trim().split(' ')[0]), args: line }))
const redisOf = async (home: string) => {
  const { redisPid, redisUrl } = JSON.parse(await readFile(join(home, 'up.json'), 'utf8')) as { redisPid: number; redisUrl: string }
  return { redisPid, redisUrl }
}

test('up starts roles again, refuses a second one, survives its own kill -9, and stops all, Redis last', { timeout: 240_000 }, async () => {
  const { home, remove } = await newHome()
  const env = cleanEnv(home, { LOG_LEVEL: 'fatal', FLUSH_INTERVAL_MS: '3600000' }) // no flush but the commands'
  let fleet = await startFleet(env)
  expect(await runCli(env, ['up'])).toMatchObject({ exit: 4, json: { ok: false, error: { code: 'HOME_IN_USE' } } })

  const other = await newHome()
  const taken = await runCli(cleanEnv(other.home, { LOG_LEVEL: 'silent', HTTP_PORT: new URL(fleet.url).port }), ['up'])
  expect(taken).toMatchObject({ exit: 4, json: { ok: false, error: { code: 'CONFIG_INVALID', message: expect.stringMatching(/HTTP_PORT: .* is taken/) } } })
  await other.remove()

  const worker = childrenOf(fleet.pid).find(({ args }) => args.includes('apps/workers'))!
  process.kill(worker.pid, 'SIGKILL')
  await waitUntil(async () => childrenOf(fleet.pid).some(({ pid, args }) => pid !== worker.pid && args.includes('apps/workers')), { timeoutMs: 5_000 })
  await waitUntil(async () => /fleet_role_restarts_total\{role="worker"[^}]*\} 1/.test((await fleet.get('/metrics')).body), { timeoutMs: 20_000 })

  const event = { domain: 'web', entity_type: 'page', entity_id: '/', action: 'view', event_id: 'x', occurred_at: new Date().toISOString() }
  expect(await fleet.post('/api/v1/events', event)).toMatchObject({ status: 202, body: { status: 'accepted' } })
  const orphans = childrenOf(fleet.pid).filter(({ args }) => args.includes('apps/')).map(({ pid }) => pid)
  const left = await redisOf(home)
  const sameUrl = fleet.url
  await fleet.kill()
  fleet = await startFleet({ ...env, HTTP_PORT: new URL(sameUrl).port })
  expect(fleet.url).toBe(sameUrl)
  expect(await redisOf(home)).toEqual(left)
  expect(await fleet.post('/api/v1/events', event)).toMatchObject({ status: 202, body: { status: 'duplicate' } })
  await waitUntil(() => !orphans.some(lives), { timeoutMs: 30_000 })

  // As a terminal does on Ctrl-C: the whole process group at once.
  const roles = childrenOf(fleet.pid).filter(({ args }) => args.includes('apps/')).map(({ pid }) => pid)
  process.kill(-fleet.pid, 'SIGINT')
  await waitUntil(() => ![fleet.pid, left.redisPid, ...roles].some(lives), { timeoutMs: 40_000 })
  expect(fleet.stderr()).not.toMatch(/second signal/) // each role had the time to drain

  // What was acknowledged is still there.
  fleet = await startFleet(env)
  expect(await fleet.post('/api/v1/events', event)).toMatchObject({ status: 202, body: { status: 'duplicate' } })
  expect(await fleet.post('/api/v1/events', { ...event, event_id: 'y' })).toMatchObject({ status: 202, body: { status: 'accepted' } })
  expect(await fleet.cli('flush', '--wait', '--timeout', '0')).toMatchObject({ exit: 6, json: { ok: false, data: { lagging: expect.arrayContaining([expect.stringMatching(/^rollups of shard/)]) } } })
  expect(await fleet.cli('flush', '--wait')).toMatchObject({ exit: 0 })
  expect(await fleet.cli('ledger')).toMatchObject({ exit: 0, json: { data: { counted: 2, duplicates: 2 } } })
  expect(await fleet.stop()).toBe(0)
  await remove()
})

test('keys work before the fleet runs and while it does, and a revoked key stops within 5 s', { timeout: 120_000 }, async () => {
  const { home, remove } = await newHome()
  const env = cleanEnv(home, { LOG_LEVEL: 'silent' })
  const { data: before } = (await runCli(env, ['keys', 'create', '--scopes', 'read'])).json
  const fleet = await startFleet(env)
  const status = async (key: string) => (await fetch(`${fleet.url}/api/v1/ledger`, { headers: { 'x-api-key': key } })).status
  const { data: during } = (await fleet.cli('keys', 'create', '--scopes', 'read')).json
  expect([await status(before.key), await status(during.key), await status('tf_sk_wrong')]).toEqual([200, 200, 401])
  await fleet.cli('keys', 'revoke', before.id)
  await waitUntil(async () => await status(before.key) === 401, { timeoutMs: 5_000 })
  expect(await status(during.key)).toBe(200)
  expect(await fleet.cli('tenants', 'create', 'cz', '--zone', 'Europe/Prague')).toMatchObject({ exit: 0 })
  expect(await fleet.cli('tenants', 'create', 'bad', '--zone', 'Mars/Olympus')).toMatchObject({ exit: 2 })
  expect(await fleet.cli('nonsense')).toMatchObject({ exit: 2, json: { ok: false } })
  expect(await runCli({ ...env, LOG_LEVEL: 'loud' }, ['config', 'check'])).toMatchObject({ exit: 4 })
  expect(await runCli({ ...env, FLEET_QUEUES: 'flsh' }, ['config', 'check'])).toMatchObject({ exit: 4 })
  expect(await fleet.cli('ledger', '--tenant', 'nobody')).toMatchObject({ exit: 2, json: { error: { code: 'TENANT_UNKNOWN' } } })
  expect(await fleet.cli('ledger', '--from', '2026-02-30')).toMatchObject({ exit: 2, json: { error: { code: 'RANGE_INVALID' } } })
  expect(await fleet.cli('keys', 'nonsense')).toMatchObject({ exit: 2, json: { command: 'keys' } })
  expect(await fleet.cli('queues', 'ls')).toMatchObject({ exit: 0 })
  expect(await fleet.cli('openapi', 'export')).toMatchObject({ exit: 0, json: { data: { openapi: expect.stringMatching(/^3\.1/) } } })
  expect(await fleet.stop()).toBe(0)
  expect(await runCli(env, ['ledger'])).toMatchObject({ exit: 5 })
  await remove()
})
