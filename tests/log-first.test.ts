import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ALL_SHARDS, shardOf } from '@tallyfleet/domain'
import { checkShards, flushShards, readLedger, recordEvents } from '@tallyfleet/features'
import { silentLog } from '@tallyfleet/ports'
import { LoggedHotStore } from '@tallyfleet/store-log'
import { startPrivateRedis, waitUntil, type PrivateRedis } from '@tallyfleet/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openCountingBench, type CountingBench } from './counting-bench.ts'

const args = ['--appendfsync', 'always']
let dir: string
let server: PrivateRedis
let bench: CountingBench
let open: LoggedHotStore[] = []

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fleet-log-'))
  server = await startPrivateRedis({ dir: join(dir, 'now'), args })
  bench = await openCountingBench(server.url)
})
afterEach(async () => {
  for (const store of open) await store[Symbol.asyncDispose]()
  open = []
  await bench[Symbol.asyncDispose]()
  await server.stop()
  await rm(dir, { recursive: true, force: true })
})

/** A process that writes a log of its own; disposing it is its death, as nothing is written then that was not before. */
function openWriter({ watchMs = 0 } = {}): LoggedHotStore {
  const store = new LoggedHotStore({ ...bench.needs, home: dir, log: silentLog, watchMs, segmentBytes: 2_000 })
  open.push(store)
  return store
}
async function send(hot: LoggedHotStore, entityId: string, eventIds: string[]): Promise<string[]> {
  const answers = await recordEvents(eventIds.map((event_id) => ({
    domain: 'jav', entity_type: 'movie', entity_id: entityId, action: 'view', event_id, occurred_at: new Date().toISOString(),
  })), { tenant: 'default', zone: 'UTC', keyId: 'k', eventsPerMinute: 0 }, { ...bench.needs, hot })
  return answers.map(({ status }) => status)
}
/** Sends as a client does: again, with the same ids, until it is acknowledged. */
async function sendPatiently(hot: LoggedHotStore, entityId: string, eventIds: string[]): Promise<string[]> {
  return await waitUntil(async () => await send(hot, entityId, eventIds).catch(() => undefined), { timeoutMs: 30_000 }) as string[]
}
const save = (name: string) => cp(join(dir, 'now'), join(dir, name), { recursive: true })
/** Kills Redis and starts one on the same port, with the data saved under `name`, or none. */
async function restart(name?: string): Promise<void> {
  await server.kill()
  await rm(join(dir, 'now'), { recursive: true, force: true })
  if (name) await cp(join(dir, name), join(dir, 'now'), { recursive: true })
  server = await startPrivateRedis({ dir: join(dir, 'now'), args, port: server.port })
  await waitUntil(async () => await bench.hot.listShards().then(() => true, () => false), { timeoutMs: 30_000 })
}
const flush = async () => {
  expect((await flushShards(ALL_SHARDS, bench.needs, { jobId: 'log' })).stopped).toEqual([])
}

test('Redis lost altogether: what was flushed, frozen and hot is counted once, and its ids are known', async () => {
  const hot = openWriter()
  await send(hot, '1', ['flushed'])
  await send(hot, '2', ['flushed'])
  await flush()
  await send(hot, '1', ['frozen'])
  await bench.freeze()
  await send(hot, '1', ['hot', 'hot2'])
  await restart()
  expect(await sendPatiently(hot, '1', ['flushed', 'frozen', 'hot'])).toEqual(['duplicate', 'duplicate', 'duplicate'])
  expect(await send(hot, '1', ['new'])).toEqual(['accepted'])
  expect(await sendPatiently(hot, '2', ['flushed'])).toEqual(['duplicate'])
  await flush()
  expect(await bench.totals()).toEqual({ 1: 5, 2: 1 })
  expect(await readLedger({}, bench.needs)).toMatchObject({ balanced: true, counted: 6, pending: 0 })
})

test('Redis that lost its tail gets it again, before anything that came later', async () => {
  const hot = openWriter()
  await send(hot, '1', ['a'])
  await save('older')
  await send(hot, '1', ['b'])
  await send(hot, '2', ['c'])
  await restart('older')
  expect(await sendPatiently(hot, '1', ['b'])).toEqual(['duplicate'])
  expect(await send(hot, '1', ['d'])).toEqual(['accepted'])
  await flush()
  expect(await bench.totals()).toEqual({ 1: 3, 2: 1 })
})
