import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ALL_SHARDS, AppError } from '@tallyfleet/domain'
import { checkShards, flushShards, readLedger, recordEvents } from '@tallyfleet/features'
import { silentLog, type IngestRequest } from '@tallyfleet/ports'
import { forgetLog, LoggedHotStore } from '@tallyfleet/store-log'
import { startPrivateRedis, waitUntil, type PrivateRedis } from '@tallyfleet/testing'
import fc from 'fast-check'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openCountingBench, type CountingBench } from './counting-bench.ts'

const LONG = process.env['FLEET_LONG'] === '1'
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
  mishap = undefined
  for (const store of open) await store[Symbol.asyncDispose]()
  open = []
  await bench[Symbol.asyncDispose]()
  await server.stop()
  await rm(dir, { recursive: true, force: true })
})

/** What becomes of the next write to Redis: it is refused, or it is done and nobody hears of it. */
let mishap: 'refused' | 'unheard' | undefined

/** A process that writes a log of its own; disposing it is its death, as nothing is written then that was not before. */
function openWriter({ watchMs = 0, home = dir } = {}): LoggedHotStore {
  const hot = new Proxy(bench.hot, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name)
      if (name !== 'ingest' || mishap === undefined) return typeof value === 'function' ? value.bind(target) : value
      return async (request: IngestRequest) => {
        const kind = mishap
        mishap = undefined
        if (kind === 'unheard') await target.ingest(request)
        throw new AppError('STORE_UNAVAILABLE', 'the connection broke')
      }
    },
  })
  const store = new LoggedHotStore({ ...bench.needs, hot, home, log: silentLog, watchMs, segmentBytes: 2_000 })
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
  return await waitUntil(() => send(hot, entityId, eventIds), { timeoutMs: 60_000 })
}
const save = (name: string) => server.copyTo(join(dir, name))
/** Kills Redis and starts one on the same port, with the data saved under `name`, or none. */
async function restart(name?: string): Promise<void> {
  await server.kill()
  await rm(join(dir, 'now'), { recursive: true, force: true })
  if (name) await cp(join(dir, name), join(dir, 'now'), { recursive: true })
  server = await startPrivateRedis({ dir: join(dir, 'now'), args, port: server.port })
  await waitUntil(async () => await bench.hot.listShards().then(() => true, () => false), { timeoutMs: 30_000 })
}
/** Freezes every shard and goes no further, as a worker that died there. */
const freeze = async () => {
  const { shards, floors } = await checkShards(bench.needs)
  await bench.hot.freeze(shards.flatMap(({ shard, epoch }) => (epoch ? [{ shard, epoch, floor: floors.get(shard) }] : [])))
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
  await freeze()
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

test('an event that was logged and never reached Redis is counted by the next process', async () => {
  const dying = openWriter()
  await send(dying, '1', ['a'])
  mishap = 'refused'
  await expect(send(dying, '1', ['b'])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  await dying[Symbol.asyncDispose]()
  const next = openWriter()
  await next.start()
  expect(await send(next, '1', ['b'])).toEqual(['duplicate'])
  await flush()
  expect(await bench.totals()).toEqual({ 1: 2 })
})

test('while a record is missing in Redis nothing overtakes it', async () => {
  const hot = openWriter()
  await send(hot, '1', ['a'])
  mishap = 'refused'
  const answers = await Promise.allSettled([send(hot, '1', ['b']), send(hot, '1', ['c'])])
  expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(await sendPatiently(hot, '1', ['b', 'c'])).toEqual(['duplicate', 'duplicate'])
  await flush()
  expect(await bench.totals()).toEqual({ 1: 3 })
})

test('a log of a process that is gone is counted as well, and two processes write beside each other', async () => {
  const one = openWriter()
  const two = openWriter()
  await Promise.all([send(one, '1', ['a', 'b']), send(two, '1', ['b', 'c']), send(two, '2', ['a'])])
  await flush()
  await send(one, '1', ['d'])
  await one[Symbol.asyncDispose]()
  await restart()
  expect(await sendPatiently(two, '1', ['a', 'b', 'c', 'd'])).toEqual(['duplicate', 'duplicate', 'duplicate', 'duplicate'])
  await flush()
  expect(await bench.totals()).toEqual({ 1: 4, 2: 1 })
})

test('logs of two homes: a lost Redis takes nothing before it remembers the ids of both', async () => {
  const one = openWriter({ home: join(dir, 'one') })
  const other = () => openWriter({ home: join(dir, 'other'), watchMs: 50 })
  const first = other()
  await send(one, '1', ['a'])
  await send(first, '1', ['b'])
  await flush()
  await send(first, '1', ['c'])
  await first[Symbol.asyncDispose]()
  await restart()
  await expect(send(one, '1', ['d'])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  await waitUntil(async () => (await one.serverStatus()).refusal?.includes(join(dir, 'other')), { timeoutMs: 30_000 })
  expect((await bench.hot.listLedger()).reduce((sum, { hot }) => sum + hot, 0)).toBe(0)

  await other().start()
  expect(await sendPatiently(one, '1', ['a', 'b', 'c'])).toEqual(['duplicate', 'duplicate', 'duplicate'])
  await sendPatiently(one, '1', ['d'])
  await flush()
  expect(await bench.totals()).toEqual({ 1: 4 })
  expect(await readLedger({}, bench.needs)).toMatchObject({ balanced: true, counted: 4, pending: 0 })
})

test('a log that was given up is not waited for', async () => {
  const gone = openWriter({ home: join(dir, 'gone') })
  await send(gone, '1', ['a'])
  await flush()
  await gone[Symbol.asyncDispose]()
  const hot = openWriter()
  await hot.start()
  await restart()
  await waitUntil(async () => (await send(hot, '1', ['b']).catch(() => undefined), hot.serverStatus().then(({ refusal }) => refusal)), { timeoutMs: 30_000 })
  const id = (await readFile(join(dir, 'gone/log/000/id'), 'utf8')).trim()
  expect(await forgetLog(id, bench.journal)).toBe(true)
  expect(await forgetLog(id, bench.journal)).toBe(false)
  expect(await sendPatiently(hot, '1', ['b'])).toEqual(['duplicate'])
  await flush()
  expect(await bench.totals()).toEqual({ 1: 2 })
})

test('a lost Redis is noticed while no request comes', async () => {
  const hot = openWriter({ watchMs: 50 })
  await send(hot, '1', ['a'])
  await restart()
  await waitUntil(async () => (await bench.hot.listLedger())[0]?.hot === 1, { timeoutMs: 30_000 })
  await flush()
  expect(await bench.totals()).toEqual({ 1: 1 })
})

test('a shard that stopped is made again from rollups and log', async () => {
  const hot = openWriter()
  await send(hot, '1', ['a'])
  await save('older')
  await flush()
  await send(hot, '1', ['b'])
  await send(hot, '2', ['a'])
  await restart('older')
  const { stopped } = await flushShards(ALL_SHARDS, bench.needs, { jobId: 'log' })
  expect(stopped).toHaveLength(1)
  await waitUntil(async () => (await hot.rebuild(stopped)).stopped === 0, { timeoutMs: 30_000 })
  expect(await sendPatiently(hot, '1', ['a', 'b'])).toEqual(['duplicate', 'duplicate'])
  await flush()
  expect(await bench.totals()).toEqual({ 1: 2, 2: 1 })
})

test('segments go when they are flushed and older than the memory of ids, and not before', async () => {
  const hot = openWriter()
  for (let i = 0; i < 40; i++) await send(hot, `${i % 3}`, [`e${i}`])
  const later = new Date(Date.now() + 61 * 3_600_000)
  expect(await hot.prune(later)).toBe(0) // nothing is flushed
  await flush()
  expect(await hot.prune(new Date(Date.now() + 59 * 3_600_000))).toBe(0)
  expect(await hot.prune(later)).toBeGreaterThan(0)
  await restart()
  await sendPatiently(hot, '1', ['last'])
  await flush()
  expect(Object.values(await bench.totals()).reduce((sum, count) => sum + count, 0)).toBe(41)
})

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('send' as const), writer: fc.nat(1), entity: fc.nat(2), id: fc.nat(30) }) },
  { weight: 5, arbitrary: fc.constantFrom('refused', 'unheard', 'die', 'flush', 'freeze', 'lose', 'save', 'back').map((name) => ({ do: name })) },
)

/** All keys at one moment, as a server that is killed leaves them. */
const SNAPSHOT = `
  local cells = {}
  for _, key in ipairs(redis.call('KEYS', '*')) do
    cells[#cells + 1] = key
    cells[#cells + 1] = redis.call('DUMP', key)
  end
  return cells`

test('whatever is lost, refused or unheard and in which order: each event counts once', { timeout: LONG ? 3_600_000 : 240_000 }, async () => {
  const client = new Redis(server.url)
  let tenth = 0
  let snapshot: { key: Buffer; bytes: Buffer }[] = []
  const save = async () => {
    const cells = await client.callBuffer('EVAL', SNAPSHOT, 0) as Buffer[]
    snapshot = Array.from({ length: cells.length / 2 }, (_, i) => ({ key: cells[2 * i]!, bytes: cells[2 * i + 1]! }))
  }
  try {
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 30 }), async (steps) => {
      const run = ++tenth
      mishap = undefined
      const writers = [openWriter(), openWriter()]
      const sent = new Map<string, Set<string>>()
      await save()
      for (const it of steps) {
        if ('entity' in it) {
          const entity = `${run}-${it.entity}`
          sent.set(entity, (sent.get(entity) ?? new Set()).add(`e${it.id}`))
          await send(writers[it.writer]!, entity, [`e${it.id}`]).catch(() => {})
        } else if (it.do === 'refused' || it.do === 'unheard') mishap = it.do
        else if (it.do === 'die') {
          await writers[0]![Symbol.asyncDispose]()
          writers[0] = openWriter()
        } else if (it.do === 'flush') {
          await flush()
          await save() // a manifest is written only when its freeze is durable: Redis never goes back behind it
        } else if (it.do === 'freeze') await freeze()
        else if (it.do === 'lose') {
          await client.flushall()
          snapshot = []
        } else if (it.do === 'save') await save()
        else {
          const transaction = client.multi().flushall()
          for (const { key, bytes } of snapshot) transaction.restore(key, 0, bytes)
          await transaction.exec()
        }
      }
      mishap = undefined
      for (const [entity, ids] of sent) for (const id of ids) await sendPatiently(writers[1]!, entity, [id])
      for (const writer of writers) await writer[Symbol.asyncDispose]()
      await flush()
      await flush()
      const totals = await bench.totals()
      for (const [entity, ids] of sent) expect([entity, totals[entity]]).toEqual([entity, ids.size])
      expect(await readLedger({}, bench.needs)).toMatchObject({ balanced: true, pending: 0 })
    }), { numRuns: LONG ? 150 : 12 })
  } finally {
    client.disconnect()
  }
})
