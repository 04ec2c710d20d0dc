import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPrivateRedis, waitUntil } from '@tallyfleet/testing'
import { expect, test } from 'vitest'
import { cleanEnv, newHome, runCli, startFleet } from './fleet-process.ts'

test('a fleet whose Redis went back turns red, says why, and goes on once the right Redis is back', { timeout: 240_000 }, async () => {
  const { home, remove } = await newHome()
  const dir = await mkdtemp(join(tmpdir(), 'fleet-back-'))
  const args = ['--appendfsync', 'always']
  let server = await startPrivateRedis({ dir: join(dir, 'now'), args })
  const restore = async (name: string) => {
    await server.kill()
    await rm(join(dir, 'now'), { recursive: true, force: true })
    await cp(join(dir, name), join(dir, 'now'), { recursive: true })
    server = await startPrivateRedis({ dir: join(dir, 'now'), args, port: server.port })
  }
  const env = cleanEnv(home, { REDIS_URL: server.url, FREEZE_SETTLE_MS: '0', LOG_LEVEL: 'silent' })
  const fleet = await startFleet(env)
  const event = (event_id: string) => ({ domain: 'jav', entity_type: 'movie', entity_id: '1', action: 'view', event_id, occurred_at: new Date().toISOString() })
  try {
    expect(await fleet.post('/api/v1/events', event('a'))).toMatchObject({ status: 202 })
    await server.copyTo(join(dir, 'older'))
    expect(await fleet.cli('flush', '--wait')).toMatchObject({ exit: 0 })
    expect(await fleet.post('/api/v1/events', event('b'))).toMatchObject({ status: 202 })
    expect(await fleet.cli('flush', '--wait')).toMatchObject({ exit: 0 })
    await server.copyTo(join(dir, 'right'))
    expect(await fleet.cli('doctor')).toMatchObject({ exit: 0 })

    await restore('older')
    expect(await fleet.cli('flush')).toMatchObject({ exit: 6 })
    await waitUntil(async () => (await fleet.get('/readyz')).status === 503, { timeoutMs: 20_000 })
    expect(JSON.stringify((await fleet.get('/readyz')).body)).toContain('went back')
    expect(await fleet.post('/api/v1/events', event('c'))).toMatchObject({ status: 503, body: { code: 'SHARD_STOPPED' } })
    const doctor = await fleet.cli('doctor')
    expect(doctor).toMatchObject({ exit: 3 })
    expect(doctor.stdout).toContain('redis went back in time')
    expect(await fleet.cli('doctor', '--resume')).toMatchObject({ exit: 6 })

    await restore('right')
    await waitUntil(async () => (await fleet.get('/readyz')).status === 200, { timeoutMs: 20_000 })
    expect(await fleet.post('/api/v1/events', event('b'))).toMatchObject({ status: 202, body: { status: 'duplicate' } })
    expect(await fleet.post('/api/v1/events', event('c'))).toMatchObject({ status: 202, body: { status: 'accepted' } })
    expect(await fleet.cli('flush', '--wait')).toMatchObject({ exit: 0 })
    expect((await fleet.get('/api/v1/entities/jav/movie/1')).body.data.totals).toEqual({ view: 3 })
    expect(await fleet.cli('ledger')).toMatchObject({ exit: 0 })
  } finally {
    expect(await fleet.stop()).toBe(0)
    await server.stop()
    await rm(dir, { recursive: true, force: true })
    await remove()
  }
})

test('a Redis with numbers beside an empty rollup store is refused, with a reason', { timeout: 120_000 }, async () => {
  const { home, remove } = await newHome()
  const other = await newHome()
  const server = await startPrivateRedis()
  const env = cleanEnv(home, { REDIS_URL: server.url, FREEZE_SETTLE_MS: '0', LOG_LEVEL: 'silent' })
  const fleet = await startFleet(env)
  await fleet.post('/api/v1/events', { domain: 'jav', entity_type: 'movie', entity_id: '1', action: 'view', event_id: 'a', occurred_at: new Date().toISOString() })
  expect(await fleet.cli('flush')).toMatchObject({ exit: 0 })
  expect(await fleet.stop()).toBe(0)
  const refused = await runCli({ ...env, FLEET_HOME: other.home }, ['ledger'])
  expect(refused).toMatchObject({ exit: 4, json: { ok: false, error: { code: 'STORE_REFUSED' } } })
  await server.stop()
  await remove()
  await other.remove()
})
