import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ALL_SHARDS, shardOf } from '@tallyfleet/domain'
import { checkShards, closeLedger, describeContradictions, flushShards, readLedger } from '@tallyfleet/features'
import { createMetrics } from '@tallyfleet/metrics'
import type { CatalogStore, QueueAdmin, SegmentStore } from '@tallyfleet/ports'
import { startPrivateRedis, waitUntil, type PrivateRedis } from '@tallyfleet/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { watchStores } from '../apps/scheduler/src/watch-stores.ts'
import { openCountingBench, type CountingBench } from './counting-bench.ts'

const args = ['--appendfsync', 'always']
let dir: string
let server: PrivateRedis
let bench: CountingBench

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fleet-aof-'))
  server = await startPrivateRedis({ dir: join(dir, 'now'), args })
  bench = await openCountingBench(server.url)
})
afterEach(async () => {
  await bench[Symbol.asyncDispose]()
  await server.stop()
  await rm(dir, { recursive: true, force: true })
})

const save = (name: string) => server.copyTo(join(dir, name))
/** Ends Redis and starts one with the data that was saved under `name`; `undefined` = with none. */
async function restore(name: string | undefined): Promise<void> {
  await server.kill()
  await rm(join(dir, 'now'), { recursive: true, force: true })
  if (name) await cp(join(dir, name), join(dir, 'now'), { recursive: true })
  server = await startPrivateRedis({ dir: join(dir, 'now'), args, port: server.port })
  await bench.reconnect(server.url)
}
const shardOfMovie = (entityId: string) => shardOf({ tenant: 'default', domain: 'jav', entityType: 'movie', entityId })

test('events are counted once, whoever flushes and however often', async () => {
  await bench.send([{ entityId: '1', eventId: 'a' }, { entityId: '1', eventId: 'a' }, { entityId: '2', eventId: 'a' }])
  await Promise.all([bench.flush(), bench.flush(), bench.flush()])
  await bench.send([{ entityId: '1', eventId: 'a' }, { entityId: '1', eventId: 'b' }])
  await Promise.all([bench.flush(), bench.flush()])
  expect(await bench.totals()).toEqual({ 1: 2, 2: 1 })
  expect(await readLedger({}, bench.needs)).toMatchObject({ counted: 3, duplicates: 2, pending: 0, balanced: true, received: 5 })
})

test('a flush says which shards it left hot, because somebody else had frozen them before', async () => {
  await bench.send([{ entityId: '1', eventId: 'a' }])
  await bench.freeze()
  await bench.send([{ entityId: '1', eventId: 'b' }])
  expect((await bench.flush()).left).toEqual([shardOfMovie('1')])
  expect(await bench.journal.find('flush', 'last')).toBeUndefined()
  expect(await bench.totals()).toEqual({ 1: 1 })
  expect((await bench.flush()).left).toEqual([])
  expect(await bench.journal.find('flush', 'last')).toBeDefined()
  expect(await bench.totals()).toEqual({ 1: 2 })
})

test('a Redis restored to before a batch was frozen stops the shard, and says why', async () => {
  await bench.send([{ entityId: '1', eventId: 'a' }])
  await bench.flush()
  await bench.send([{ entityId: '1', eventId: 'b' }])
  await save('older')
  await bench.send([{ entityId: '1', eventId: 'c' }])
  await bench.flush()
  expect(await bench.totals()).toEqual({ 1: 3 })
  await restore('older')
  const { stopped } = await bench.flush()
  expect(stopped).toEqual([shardOfMovie('1')])
  expect(await bench.totals()).toEqual({ 1: 3 })
  await expect(bench.send([{ entityId: '1', eventId: 'd' }])).rejects.toMatchObject({ code: 'SHARD_STOPPED' })
  expect(describeContradictions(await checkShards(bench.needs))).toContain('redis went back in time')
  expect((await bench.hot.listShards())[shardOfMovie('1')]!.stopped).toContain('went back')
})

test('a Redis restored to before its first batch stops the shard', async () => {
  await bench.send([{ entityId: '1', eventId: 'a' }])
  await save('older')
  await bench.flush()
  await restore('older')
  expect((await bench.flush()).stopped).toEqual([shardOfMovie('1')])
  expect(await bench.totals()).toEqual({ 1: 1 })
})

test('a Redis restored to the middle of a flush finishes that batch and counts on', async () => {
  await bench.send([{ entityId: '1', eventId: 'a' }])
  await bench.flush()
  await bench.send([{ entityId: '1', eventId: 'b' }])
  await bench.freeze()
  await save('frozen')
  await bench.flush()
  await restore('frozen')
  await bench.send([{ entityId: '1', eventId: 'c' }])
  expect((await bench.flush()).stopped).toEqual([])
  await bench.flush()
  expect(await bench.totals()).toEqual({ 1: 3 })
})

test('an empty Redis beside full rollups goes on with the next numbers, and the ledger balances', async () => {
  await bench.send([{ entityId: '1', eventId: 'a' }, { entityId: '2', eventId: 'a' }])
  await bench.flush()
  await restore(undefined)
  expect(await readLedger({}, bench.needs)).toMatchObject({ counted: 2, balanced: true })
  await bench.send([{ entityId: '1', eventId: 'b' }])
  expect(await readLedger({}, bench.needs)).toMatchObject({ counted: 3, pending: 1, balanced: true })
  expect((await bench.flush()).stopped).toEqual([])
  expect(await bench.totals()).toEqual({ 1: 2, 2: 1 })
  expect((await bench.hot.listShards())[shardOfMovie('1')]!.done).toBe(2)
  expect(await readLedger({}, bench.needs)).toMatchObject({ counted: 3, pending: 0, balanced: true })
})

test('a worker that wakes up after its batch was lost leaves the batch that has its number now', async () => {
  await bench.send([{ entityId: '1', eventId: 'a' }, { entityId: '1', eventId: 'b' }])
  const [late] = await bench.freeze()
  await restore(undefined)
  await bench.send([{ entityId: '1', eventId: 'c' }])
  const [now] = await bench.freeze()
  expect(now).toMatchObject({ shard: late!.shard, n: late!.n })
  expect(await bench.hot.findBatch(late!)).toBeUndefined()
  expect(await bench.hot.finish(late!)).toBe(false)
  expect((await bench.flush()).stopped).toEqual([])
  expect(await bench.totals()).toEqual({ 1: 1 })
})

test.each([['nothing more comes', []], ['the next event comes', [{ entityId: '1', eventId: 'b' }]]])(
  'a batch whose worker died before Redis lost everything is completed from its manifest, also when %s', async (_, more) => {
    await bench.send([{ entityId: '1', eventId: 'a' }])
    const dying = new Proxy(bench.rollups, {
      get: (rollups, name) => (name === 'apply' ? () => Promise.reject(new Error('died')) : Reflect.get(rollups, name).bind(rollups)),
    })
    await expect(flushShards(ALL_SHARDS, { ...bench.needs, rollups: dying }, { jobId: 'dying' })).rejects.toThrow('died')
    await restore(undefined)
    await bench.send(more)
    expect((await bench.flush()).stopped).toEqual([])
    expect(await bench.totals()).toEqual({ 1: 1 + more.length })
    expect(await readLedger({}, bench.needs)).toMatchObject({ counted: 1 + more.length, balanced: true })
  })

test('a freeze that the power took is made again, and no shard stops', async () => {
  await bench.send([{ entityId: '1', eventId: 'a' }])
  await save('before')
  const [lost] = await bench.freeze()
  await restore('before')
  expect(await bench.hot.findBatch(lost!)).toBeUndefined()
  expect((await bench.flush()).stopped).toEqual([])
  expect(await bench.totals()).toEqual({ 1: 1 })
})

test('data that is lost and counted anew between two flushes, then restored, is not counted twice', async () => {
  const { Redis } = await import('ioredis')
  const redis = new Redis(server.url)
  await redis.flushall()
  redis.disconnect()
  await bench.send([{ entityId: '1', eventId: 'a' }])
  await save('older')
  await bench.flush()
  await restore('older')
  expect((await bench.flush()).stopped).toEqual([shardOfMovie('1')])
  expect(await bench.totals()).toEqual({ 1: 1 })
})

test('an event that vanishes from Redis is a gap of its shard, with the minute that first closed with it', async () => {
  await bench.send([{ entityId: '1', eventId: 'a' }, { entityId: '1', eventId: 'b' }])
  const shard = shardOfMovie('1')
  const { Redis } = await import('ioredis')
  const redis = new Redis(server.url)
  const [field] = Object.keys(await redis.hgetall(`hot:{t${shard}}`))
  await redis.hincrby(`hot:{t${shard}}`, field!, -1)
  expect(await readLedger({}, bench.needs)).toMatchObject({ balanced: false, gaps: [{ shard, tenant: 'default', gap: 1 }] })
  expect(await alarm()).toBe(0) // no minute has closed with it yet
  const { gaps } = await closeLedger(bench.needs)
  expect(gaps).toMatchObject([{ shard, gap: 1, firstMinute: expect.stringMatching(/^\d{4}-/) }])
  expect(await readLedger({}, bench.needs)).toMatchObject({ gaps: [{ shard, gap: 1, firstMinute: gaps[0]!.firstMinute }] })
  expect(await alarm()).toBe(1)

  await redis.hincrby(`hot:{t${shard}}`, field!, 1)
  redis.disconnect()
  expect((await closeLedger(bench.needs)).gaps).toEqual([])
  expect(await alarm()).toBe(0)
})

/** `fleet_ledger_gap_events`, as a scheduler that starts now sets it. */
async function alarm(): Promise<number | undefined> {
  const metrics = createMetrics({ app: 'scheduler', runtimeMetrics: false })
  const none = { listMarks: async () => new Map(), listRevisions: async () => new Map() } as unknown as CatalogStore & SegmentStore
  const admin = { listQueues: async () => [] } as unknown as QueueAdmin
  const read = async (name: string) => (await metrics.registry.getSingleMetric(name)?.get())?.values[0]?.value
  await using watch = watchStores({ ...bench.needs, catalog: none, segments: none, admin, metrics })
  await waitUntil(() => read('fleet_redis_used_bytes')) // set after the gap
  void watch
  return await read('fleet_ledger_gap_events')
}
