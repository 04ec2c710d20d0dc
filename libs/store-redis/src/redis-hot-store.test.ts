import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dedupeMemberOf, fieldOf, shardOf } from '@tallyfleet/domain'
import type { Floor, HotStore, IngestEvent, IngestRequest, OpenBatch } from '@tallyfleet/ports'
import { startPrivateRedis, startRedisCluster, waitUntil } from '@tallyfleet/testing'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RedisHotStore } from './redis-hot-store.ts'

const event = (entityId: string, eventId?: string, tenant = 'default'): IngestEvent => {
  const key = { tenant, domain: 'jav', entityType: 'movie', entityId }
  return {
    shard: shardOf(key), tenant, member: eventId === undefined ? undefined : dedupeMemberOf('secret', key, eventId),
    increments: [{ field: fieldOf({ ...key, action: 'view', measure: 'count', bucket: '2026-11-21' }), value: 1 }],
  }
}
const send = (hot: HotStore, events: IngestEvent[], more: Partial<IngestRequest> = {}) =>
  hot.ingest({ events, rejected: undefined, ...more })
/** Freezes shards in the life that they live now. */
async function freeze(hot: HotStore, shards: readonly number[], floor?: Floor): Promise<OpenBatch[]> {
  const lives = (await hot.listShards()).filter(({ shard }) => shards.includes(shard))
  return await hot.freeze(lives.flatMap(({ shard, epoch }) => (epoch === undefined ? [] : [{ shard, epoch, floor }])))
}
const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0)

/** What holds on one Redis and on a Cluster alike. Each test takes a tenant and entities of its own. */
function holdsEverywhere(title: string, start: () => Promise<{ url: string; stop: () => Promise<void> }>): void {
  describe(title, () => {
    let server: { url: string; stop: () => Promise<void> }
    let hot: RedisHotStore
    let other: RedisHotStore
    beforeAll(async () => {
      server = await start()
      hot = await RedisHotStore.open({ url: server.url, settleMs: 0 })
      other = await RedisHotStore.open({ url: server.url, settleMs: 0 })
    })
    afterAll(async () => {
      await hot?.[Symbol.asyncDispose]()
      await other?.[Symbol.asyncDispose]()
      await server?.stop()
    })

    test('an id counts once for its entity, in one request, in two, and through two clients', async () => {
      expect(await send(hot, [event('once', 'a'), event('once', 'a'), event('once', 'b')])).toEqual(['counted', 'duplicate', 'counted'])
      const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => send(i % 2 ? hot : other, [event('once', 'c')])))
      expect(answers.flat().filter((outcome) => outcome === 'counted')).toHaveLength(1)
      expect(await send(other, [event('twice', 'a')])).toEqual(['counted'])
    })

    test('requests in flight together get each their own answers, in order', async () => {
      const answers = await Promise.all(Array.from({ length: 200 }, (_, i) =>
        send(hot, [event(`o${i}`, 'x'), event(`o${i}`, 'x'), event(`o${i}`, 'y')])))
      expect(answers.every((answer) => answer.join() === 'counted,duplicate,counted')).toBe(true)
    })

    test('a chunk of an import counts once, also when only some of its shards had counted it', async () => {
      const events = Array.from({ length: 300 }, (_, i) => event(`imported-${i}`))
      const claim = { importId: 'file', chunk: 7 }
      await send(hot, events.slice(0, 1), { claim })
      const first = await send(hot, events, { claim })
      const again = await send(other, events, { claim })
      expect(first.filter((outcome) => outcome === 'counted').length).toBeGreaterThan(250)
      expect(first[0]).toBe('duplicate')
      expect(again.every((outcome) => outcome === 'duplicate')).toBe(true)
      expect(await send(hot, events.slice(0, 1), { claim: { importId: 'file', chunk: 8 } })).toEqual(['counted'])
    })

    test('a freeze is one numbered batch until it is finished, whoever asks', async () => {
      const one = event('frozen', 'f1')
      await send(hot, [one])
      const [batch] = await freeze(hot, [one.shard])
      await send(hot, [event('frozen', 'f2')])
      expect(await freeze(other, [one.shard])).toEqual([batch])
      const deltas = (await hot.findBatch(batch!))!
      expect(deltas.find(({ entityId }) => entityId === 'frozen')?.value).toBe(1)
      expect(await other.finish({ ...batch!, n: batch!.n + 1 })).toBe(false)
      expect(await other.finish({ ...batch!, name: 'of another life' })).toBe(false)
      expect(await hot.findBatch({ ...batch!, name: 'of another life' })).toBeUndefined()
      expect(await hot.freeze([{ shard: one.shard, epoch: 'another life' }])).toEqual([])
      expect(await hot.finish(batch!)).toBe(true)
      expect(await other.finish(batch!)).toBe(false)
      const [next] = await freeze(hot, [one.shard])
      expect(next!.n).toBe(batch!.n + 1)
      expect((await hot.findBatch(next!))!.map(({ entityId, value }) => [entityId, value])).toEqual([['frozen', 1]])
      await hot.finish(next!)
      expect(await freeze(hot, [one.shard])).toEqual([])
    })

    test('what is hot of an entity is told without what is hot of others, whatever their ids', async () => {
      const ids = ['hot*', 'hot-1', 'hot[a-z]', 'hot?', 'hot\\', 'hot']
      await send(hot, ids.flatMap((id, i) => Array.from({ length: i + 1 }, (_, j) => event(id, `${j}`, 'scanned'))))
      for (const [i, entityId] of ids.entries()) {
        const deltas = await hot.listHot({ tenant: 'scanned', domain: 'jav', entityType: 'movie', entityId })
        expect(deltas, entityId).toEqual([expect.objectContaining({ entityId, action: 'view', value: i + 1 })])
      }
    })

    test('a shard without a number goes on from its floor', async () => {
      const shards = new Set((await hot.listShards()).filter(({ done }) => done === undefined).map(({ shard }) => shard))
      let i = 0
      while (!shards.has(event(`floor-${i}`, 'a', 'floored').shard)) i++
      const { shard } = event(`floor-${i}`, 'a', 'floored')
      await send(hot, [event(`floor-${i}`, 'a', 'floored')])
      const [batch] = await freeze(hot, [shard], { n: 41, flushed: { floored: 100 } })
      expect(batch!.n).toBe(42)
      const [ledger] = (await hot.listLedger()).filter(({ tenant }) => tenant === 'floored')
      expect(ledger).toMatchObject({ counted: 101, open: 1, hot: 0, done: 41 })
    })

    test('the ledger tells counted, open and hot by tenant, and minutes tell outcomes', async () => {
      const tenant = 'ledgered'
      await send(hot, [event('l1', 'a', tenant), event('l1', 'a', tenant), event('l2', 'a', tenant)], { rejected: { tenant, count: 3 } })
      await send(hot, [], { rejected: { tenant, count: 2 } })
      const rows = (await hot.listLedger()).filter((row) => row.tenant === tenant)
      expect(sum(rows.map(({ counted }) => counted))).toBe(2)
      expect(sum(rows.map(({ open, hot: inHot }) => open + inHot))).toBe(2)
      const open = (await hot.listOpenMinutes()).filter((row) => row.tenant === tenant).map(({ counts }) => counts)
      expect(['counted', 'duplicate', 'rejected'].map((name) => sum(open.map((counts) => counts[name as 'counted'])))).toEqual([2, 1, 5])
      expect(await hot.listMinutes(await hot.currentMinute() + 1)).toBeUndefined()
    })

    test('a repair takes the next number of a shard that has one, and leaves what is hot alone', async () => {
      const one = event('repaired', 'a', 'repaired')
      await send(hot, [one])
      const { epoch } = (await hot.listShards())[one.shard]!
      const repair = () => hot.openRepair({ shard: one.shard, epoch: epoch! })
      if ((await hot.listShards())[one.shard]!.done === undefined) expect(await repair()).toBeUndefined()
      const [batch] = await freeze(hot, [one.shard])
      expect(await repair()).toBeUndefined() // a flush is open
      await hot.finish(batch!)
      await send(hot, [event('repaired', 'b', 'repaired')])
      const opened = await repair()
      expect(opened).toMatchObject({ n: batch!.n + 1, kind: 'repair' })
      expect(await other.openRepair({ shard: one.shard, epoch: epoch! })).toEqual(opened)
      expect(await freeze(other, [one.shard])).toMatchObject([{ n: opened!.n, name: opened!.name, kind: 'repair' }])
      expect(await hot.findBatch(opened!)).toEqual([])
      expect(await hot.openRepair({ shard: one.shard, epoch: 'another life' })).toBeUndefined()
      expect(await other.finish(opened!)).toBe(true)
      expect(await hot.finish(opened!)).toBe(false)
      expect((await freeze(hot, [one.shard]))[0]).toMatchObject({ n: batch!.n + 2, kind: 'flush' })
    })

    test('a shard is ready for logs once each that is needed was told, up to the same manifest', async () => {
      const { shard } = event('told', 'a', 'told')
      await hot.forgetShards([shard])
      const rebuild = async (name: string, n: number, told: string[], remembered = 0) => {
        await hot.beginRebuild([shard], name)
        return await hot.openShardLogs(shard, {
          rebuild: name, remembered, n, told, needed: ['here', 'there'], epoch: 'life', positions: { here: 3 },
        })
      }
      expect(await rebuild('lossy', 7, ['here'], 1)).toBe('refused')
      expect(await rebuild('first', 6, ['here'])).toBe('waits')
      expect(await rebuild('second', 7, ['there'])).toBe('waits') // here was told of another state
      expect((await other.listShardLogs())[shard]).toMatchObject({ ready: false, told: { here: 6, there: 7 } })
      expect(await rebuild('third', 7, ['here'])).toBe('opened')
      expect((await other.listShardLogs())[shard]).toEqual({
        shard, ready: true, epoch: 'life', stopped: false, positions: { here: 3 }, told: {},
      })
      expect(await rebuild('fourth', 7, ['here'])).toBe('refused')
      await hot.forgetShards([shard])
    })

    test('a stopped shard refuses events and freezes until it is resumed', async () => {
      const one = event('stopped', 's')
      await hot.stopShard(one.shard, 'on trial')
      await expect(send(other, [one])).rejects.toMatchObject({ code: 'SHARD_STOPPED' })
      expect(await freeze(hot, [one.shard])).toEqual([])
      expect((await hot.listShards())[one.shard]!.stopped).toBe('on trial')
      await hot.resumeShard(one.shard)
      expect(await send(other, [one])).toEqual(['counted'])
    })

    test('a stopped shard fails the requests that touch it, not those that share the write', async () => {
      const stuck = event('stuck', 's', 'neighbours')
      const others = Array.from({ length: 20 }, (_, i) => event(`free-${i}`, 'x', 'neighbours')).filter(({ shard }) => shard !== stuck.shard)
      await hot.stopShard(stuck.shard, 'on trial')
      const mixed = send(other, [others[0]!, stuck])
      const free = others.slice(1).map((one) => send(other, [one]))
      await expect(mixed).rejects.toMatchObject({ code: 'SHARD_STOPPED' })
      expect((await Promise.all(free)).flat().every((outcome) => outcome === 'counted')).toBe(true)
      await hot.resumeShard(stuck.shard)
      expect(await send(other, [others[0]!, stuck])).toEqual(['duplicate', 'counted'])
    })

    test('an id of any script is counted under its name', async () => {
      const ids = ['caf\u00e9', '\u{1f600}', '\u65e5\u672c']
      await send(hot, ids.map((id) => event(id, '1', 'scripts')))
      for (const entityId of ids) {
        const deltas = await hot.listHot({ tenant: 'scripts', domain: 'jav', entityType: 'movie', entityId })
        expect(deltas).toEqual([expect.objectContaining({ entityId, value: 1 })])
      }
    })

    test('a key may send as many events a minute as its limit says', async () => {
      const limit = { keyId: `k${Math.random()}`, eventsPerMinute: 5 }
      const three = (name: string) => [1, 2, 3].map((i) => event(`limited-${name}-${i}`, 'x'))
      expect(await send(hot, three('a'), { limit })).toEqual(['counted', 'counted', 'counted'])
      const refused = send(hot, three('b'), { limit })
      await expect(refused).rejects.toMatchObject({ code: 'LIMIT_REACHED', details: { retryAfterSeconds: expect.any(Number) } })
      expect(await send(hot, three('b').slice(0, 2), { limit })).toEqual(['counted', 'counted'])
      await expect(send(hot, three('c').slice(0, 1), { limit })).rejects.toMatchObject({ code: 'LIMIT_REACHED' })
    })

    test('ids take at most ten bytes each, at a size that needs several levels', async () => {
      const before = (await hot.dedupeStatus()).ids
      for (let chunk = 0; chunk < 300; chunk++) {
        await send(hot, Array.from({ length: 1_000 }, (_, i) => event(`many-${i % 300}`, `${chunk}-${i}`)))
      }
      const { ids, bytes } = await hot.dedupeStatus()
      expect(ids - before).toBe(300_000)
      expect(bytes / ids).toBeLessThan(10)
      const again = await send(hot, Array.from({ length: 1_000 }, (_, i) => event(`many-${i % 300}`, `0-${i}`)))
      expect(again.every((outcome) => outcome === 'duplicate')).toBe(true)
    })
  })
}

holdsEverywhere('one Redis', startPrivateRedis)
holdsEverywhere('Redis Cluster', async () => {
  const cluster = await startRedisCluster()
  return { url: cluster.nodes.slice(0, 3).map(({ url }) => url.replace(/\/$/, '')).join(','), stop: () => cluster.stop() }
})

test('a Redis that evicts is refused', async () => {
  const server = await startPrivateRedis({ args: ['--maxmemory-policy', 'allkeys-lru'] })
  await expect(RedisHotStore.open({ url: server.url })).rejects.toMatchObject({ code: 'STORE_REFUSED' })
  await server.stop()
})

test('an id is remembered for 48 hours and forgotten after 60, and time never goes back', async () => {
  const server = await startPrivateRedis()
  const hot = await RedisHotStore.open({ url: server.url, settleMs: 0 })
  const redis = new Redis(server.url)
  const one = event('aged', 'a')
  const meta = `meta:{t${one.shard}}`
  await send(hot, [one])
  // Winding the shard's own clock forward is what time does; TTLs are lifted, since Redis's own clock stays.
  const start = Number(await redis.hget(meta, 'clock'))
  for (const key of await redis.keys('seen:*')) await redis.persist(key)
  await redis.hset(meta, 'clock', start + 48 * 3600)
  expect(await send(hot, [one])).toEqual(['duplicate'])
  expect(Number(await redis.hget(meta, 'clock'))).toBe(start + 48 * 3600)
  await redis.hset(meta, 'clock', start + 60 * 3600)
  expect(await send(hot, [one])).toEqual(['counted'])
  const ttls = await Promise.all((await redis.keys('seen:*')).map((key) => redis.ttl(key)))
  expect(ttls.some((ttl) => ttl > 48 * 3600)).toBe(true)
  redis.disconnect()
  await hot[Symbol.asyncDispose]()
  await server.stop()
})

test('near the memory limit ingest sheds, and recovers by itself', async () => {
  const server = await startPrivateRedis({ args: ['--maxmemory', '20mb'] })
  const hot = await RedisHotStore.open({ url: server.url })
  const redis = new Redis(server.url)
  expect(await send(hot, [event('shed', 'a')])).toEqual(['counted'])
  for (let i = 0; i < 14; i++) await redis.set(`ballast${i}`, 'x'.repeat(1_000_000))
  await waitUntil(() => send(hot, [event('shed', 'b')]).then(() => false, (error) => error.code === 'OVERLOADED'), { timeoutMs: 5_000 })
  await redis.del(...Array.from({ length: 14 }, (_, i) => `ballast${i}`))
  await waitUntil(() => send(hot, [event('shed', 'c')]).then(() => true, () => false), { timeoutMs: 5_000 })
  redis.disconnect()
  await hot[Symbol.asyncDispose]()
  await server.stop()
})

test('a killed Redis answers unavailable at once, and serves again when it is back, with what it had', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'fleet-hot-'))
  const args = ['--appendfsync', 'always']
  const server = await startPrivateRedis({ dir, args })
  const hot = await RedisHotStore.open({ url: server.url })
  await send(hot, [event('killed', 'a')])
  await server.kill()
  await expect(send(hot, [event('killed', 'b')])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  const back = await startPrivateRedis({ dir, args, port: server.port })
  await waitUntil(() => send(hot, [event('killed', 'c')]).then(() => true, () => false), { timeoutMs: 10_000 })
  expect(await send(hot, [event('killed', 'a')])).toEqual(['duplicate'])
  await hot[Symbol.asyncDispose]()
  await back.stop()
  await rm(dir, { recursive: true, force: true })
})
