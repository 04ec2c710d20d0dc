import { dedupeMemberOf, fieldOf, shardOf } from '@tallyfleet/domain'
import type { IngestEvent } from '@tallyfleet/ports'
import { startPrivateRedis, waitUntil, type PrivateRedis } from '@tallyfleet/testing'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { RedisHotStore } from './redis-hot-store.ts'

const event = (entityId: string, eventId: string): IngestEvent => {
  const key = { tenant: 'default', domain: 'jav', entityType: 'movie', entityId }
  return {
    shard: shardOf(key), tenant: 'default', member: dedupeMemberOf('secret', key, eventId),
    increments: [{ field: fieldOf({ ...key, action: 'view', measure: 'count', bucket: '2026-11-21' }), value: 1 }],
  }
}
const send = (hot: RedisHotStore, events: IngestEvent[]) => hot.ingest({ events, rejected: undefined })

let server: PrivateRedis
let replica: PrivateRedis
beforeAll(async () => {
  server = await startPrivateRedis({ args: ['--repl-diskless-sync-delay', '0'] })
  replica = await startPrivateRedis({ args: ['--replicaof', '127.0.0.1', String(server.port)] })
  const client = new Redis(server.url)
  await waitUntil(async () => (await client.info('replication')).includes('state=online'), { timeoutMs: 60_000 })
  client.disconnect()
})
afterAll(async () => {
  await replica?.stop()
  await server?.stop()
})

const openReplicated = () => RedisHotStore.open({
  url: server.url, settleMs: 0, durability: 'replica', replicas: { count: 1, timeoutMs: 1_000 },
})

test('a write is acknowledged once a replica has it', async () => {
  await using hot = await openReplicated()
  const one = event('replicated', 'a')
  expect(await send(hot, [one])).toEqual(['counted'])
  const copy = new Redis(replica.url)
  expect(await copy.hget(`meta:{t${one.shard}}`, 'counted:default')).toBe('1')
  copy.disconnect()
})

test('a store that waits for more replicas than there are says so', async () => {
  await using enough = await openReplicated()
  expect(await enough.serverStatus()).toMatchObject({ refusal: undefined })
  await using hot = await RedisHotStore.open({ url: server.url, durability: 'replica', replicas: { count: 2, timeoutMs: 300 } })
  expect((await hot.serverStatus()).refusal).toContain('2 replicas, and redis has 1')
})

test('while the replica stands still nothing is acknowledged, a repeat of the same id no more than its first try', async () => {
  await using hot = await openReplicated()
  await using other = await openReplicated()
  const one = event('still', 'a')
  process.kill(replica.pid, 'SIGSTOP')
  try {
    await expect(send(hot, [one])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    await expect(send(other, [one])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    await expect(hot.settle()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  } finally {
    process.kill(replica.pid, 'SIGCONT')
  }
  await waitUntil(async () => {
    try {
      return (await send(other, [one]))[0] === 'duplicate'
    } catch {
      return false
    }
  }, { timeoutMs: 30_000 })
})

test('requests that were written together wait together', async () => {
  await using hot = await openReplicated()
  const client = new Redis(server.url)
  const waits = async () => Number(/cmdstat_wait:calls=(\d+)/.exec(await client.info('commandstats'))?.[1] ?? 0)
  const before = await waits()
  await Promise.all(Array.from({ length: 100 }, (_, i) => send(hot, [event('together', `e${i}`)])))
  expect(await waits() - before).toBeLessThan(50)
  client.disconnect()
})

test('an answer over another connection than the one that wrote promises nothing', async () => {
  await using hot = await openReplicated()
  const client = new Redis(server.url)
  process.kill(replica.pid, 'SIGSTOP')
  try {
    const sent = send(hot, [event('cut', 'a')])
    const lost = expect(sent).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    await waitUntil(async () => (await client.client('LIST') as string).includes('cmd=wait'), { timeoutMs: 10_000 })
    await client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await lost
  } finally {
    process.kill(replica.pid, 'SIGCONT')
    client.disconnect()
  }
})

test('fsync opens only where every write is synced before its answer', async () => {
  const client = new Redis(server.url)
  const open = () => RedisHotStore.open({ url: server.url, durability: 'fsync' })
  await client.config('SET', 'appendfsync', 'everysec')
  const { canWaitForDisk } = await RedisHotStore.open({ url: server.url })
    .then(async (hot) => { await using it = hot; return await it.serverStatus() })
  if (!canWaitForDisk) await expect(open()).rejects.toMatchObject({ code: 'STORE_REFUSED', message: expect.stringContaining('CONFIG SET') })
  await client.config('SET', 'appendfsync', 'always')
  {
    await using hot = await open()
    expect(await send(hot, [event('synced', 'a')])).toEqual(['counted'])
    await hot.settle()
  }
  await client.config('SET', 'appendonly', 'no')
  await expect(open()).rejects.toMatchObject({ code: 'STORE_REFUSED' })
  client.disconnect()
})
