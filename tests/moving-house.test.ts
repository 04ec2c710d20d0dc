import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { hasRollups } from '@tallyfleet/stores'
import { describeWithServer, freshName, waitUntil } from '@tallyfleet/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { newHome, startFleet, cleanEnv, runCli, type FleetProcess } from './fleet-process.ts'

const SLOW = 180_000
let home: string
let remove: () => Promise<void>
let fleet: FleetProcess | undefined
beforeEach(async () => { ({ home, remove } = await newHome()) })
afterEach(async () => {
  await fleet?.stop().catch(() => {})
  fleet = undefined
  await remove()
})

const embedded = () => join(home, 'rollups.sqlite')
const up = async (more = {}) => (fleet = await startFleet(cleanEnv(home, { FLUSH_INTERVAL_MS: '600000', ...more })))
let sent = 0
async function view(count: number, status = 202) {
  for (let i = 0; i < count; i++, sent++) {
    const event = { domain: 'web', entity_type: 'page', entity_id: `/p${sent % 7}`, action: 'view', event_id: `e${sent}`, occurred_at: new Date().toISOString() }
    expect((await fleet!.post('/api/v1/events', event)).status).toBe(status)
  }
}
const total = async () => {
  const { body } = await fleet!.get('/api/v1/entities/top?domain=web&entity_type=page&action=view&limit=100')
  return (body.data as { count: number }[]).reduce((sum, { count }) => sum + count, 0)
}
/** All that the file holds of documents and manifests, in one order. */
function dump(path: string) {
  using database = new DatabaseSync(path, { readOnly: true })
  return [
    database.prepare('SELECT id, of, tenant, domain, entity_type, entity_id, interval, bucket, shard, seq, counts FROM documents ORDER BY id').all(),
    database.prepare('SELECT shard, n, kind, name, checksum, events, running, delta_count, state, created_at, done_at, job_id, blanked FROM manifests ORDER BY shard, n').all(),
    database.prepare('SELECT shard, n, part, hex(data) FROM manifest_parts ORDER BY shard, n, part').all().length,
  ]
}
async function allWell() {
  expect((await fleet!.cli('flush', '--wait')).exit).toBe(0)
  expect((await fleet!.cli('parity-check')).exit).toBe(0)
  expect((await fleet!.cli('ledger')).json.data).toMatchObject({ balanced: true, pending: 0 })
}

test('rollups that moved are refused where they were, by a worker that still runs there too, and nothing is lost', async () => {
  sent = 0
  await up({ FLUSH_INTERVAL_MS: '1000' })
  await view(20)
  const target = join(home, 'elsewhere.sqlite')
  expect((await fleet!.cli('migrate', 'stores', '--to', target, '--dry-run')).json.data).toMatchObject({ dryRun: true, journal: 0 })
  expect(existsSync(target)).toBe(false)
  const moved = await fleet!.cli('migrate', 'stores', '--to', target)
  expect(moved).toMatchObject({ exit: 0, json: { data: { before: false, differences: 0 } } })
  const left = dump(embedded())
  await view(5) // the shards go on; these wait in Redis, although a worker of the old store is at work
  await waitUntil(async () => {
    const { json } = await fleet!.cli('queues', 'ls')
    const { counts } = json.data.find(({ queue }: { queue: string }) => queue === 'flush')
    return counts.delayed + counts.failed > 0
  }, { timeoutMs: 60_000 })
  expect(dump(embedded())).toEqual(left)
  expect(await fleet!.cli('flush')).toMatchObject({ exit: 4, json: { error: { code: 'STORE_REFUSED' } } })
  expect(await runCli(cleanEnv(home), ['migrate', 'stores', '--to', target])).toMatchObject({ exit: 0, json: { data: { before: true } } })
  expect(await runCli(cleanEnv(home), ['migrate', 'status'])).toMatchObject({ exit: 3, json: { data: { moved: { to: `sqlite:${target}` } } } })
  await fleet!.stop()
  await expect(up()).rejects.toThrow('moved to')
  await up({ ROLLUPS_URL: `sqlite:${target}` })
  await allWell()
  expect(await total()).toBe(25)
  const other = join(home, 'other.sqlite')
  expect(await runCli(cleanEnv(home), ['migrate', 'stores', '--from', target, '--to', other])).toMatchObject({ exit: 0 })
  expect(dump(other)).toEqual(dump(target))
  // An older state is a target; one that is ahead, or of somebody else, is not.
  expect(await runCli(cleanEnv(home), ['migrate', 'stores', '--from', embedded(), '--to', target])).toMatchObject({ json: { data: { before: true } } })
}, SLOW)

describeWithServer('mongo', 'moving house', (serverUrl) => {
  test('embedded to servers and back holds the same, and counting goes on with no number off', async () => {
    sent = 0
    await up()
    await view(40)
    expect((await fleet!.cli('flush', '--wait')).exit).toBe(0)
    await view(7)
    const server = new URL(serverUrl)
    server.pathname = `/${freshName('house')}`
    expect((await fleet!.cli('migrate', 'stores', '--to', server.href, '--dry-run')).json.data).toMatchObject({ dryRun: true, journal: 0 })
    expect(await hasRollups(server.href)).toBe(false)
    expect((await fleet!.cli('migrate', 'stores', '--to', server.href)).exit).toBe(0)
    expect(await hasRollups(server.href)).toBe(true)
    const before = dump(embedded())
    await fleet!.stop()

    await up({ ROLLUPS_URL: server.href })
    await allWell()
    expect(await total()).toBe(47)
    const copy = join(home, 'copy.sqlite')
    await view(3)
    expect((await fleet!.cli('migrate', 'stores', '--to', `sqlite:${embedded()}`)).exit).toBe(0)
    await fleet!.stop()

    await up()
    expect(await runCli(cleanEnv(home), ['migrate', 'stores', '--from', server.href, '--to', copy])).toMatchObject({ exit: 4 })
    expect(dump(embedded())[1]).toEqual(expect.arrayContaining(before[1] as unknown[]))
    await view(5)
    await allWell()
    expect(await total()).toBe(55)
  }, SLOW)
})
