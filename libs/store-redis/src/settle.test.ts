import { mkdtemp, readdir, rm, stat, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPrivateRedis, waitUntil } from '@tallyfleet/testing'
import { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { RedisHotStore } from './redis-hot-store.ts'

test('a freeze is not safe while a Redis that died and came back may hold it in memory alone', { timeout: 60_000 }, async () => {
  const dir = await mkdtemp(join(tmpdir(), 'fleet-settle-'))
  const first = await startPrivateRedis({ dir })
  await using hot = await RedisHotStore.open({ url: first.url, settleMs: 4_000 })
  const settling = hot.settle().catch((error: unknown) => error)
  const watcher = new Redis(first.url)
  await waitUntil(() => watcher.exists('fleet:settled')) // now it waits for the log
  watcher.disconnect()
  await first.kill()
  const second = await startPrivateRedis({ dir, port: first.port })
  try {
    expect(await settling).toMatchObject({ code: 'STORE_UNAVAILABLE' })
    // What it found on its start is synced together with the next write, so a settle makes one.
    const client = new Redis(second.url)
    await client.del('fleet:settled')
    await waitUntil(() => hot.settle().then(() => true, () => false)) // until it is connected again
    expect(await client.exists('fleet:settled')).toBe(1)
    client.disconnect()
  } finally {
    await second.stop()
    await rm(dir, { recursive: true, force: true })
  }
})

test('a transaction that a power loss tore is not half applied by a later start', { timeout: 60_000 }, async () => {
  const dir = await mkdtemp(join(tmpdir(), 'fleet-torn-'))
  const lives = [await startPrivateRedis({ dir, args: ['--appendfsync', 'always'] })]
  const { url, port } = lives[0]!
  const again = async () => {
    await lives.at(-1)!.kill()
    lives.push(await startPrivateRedis({ dir, port, args: ['--appendfsync', 'always'] }))
  }
  const client = new Redis(url, { retryStrategy: () => 50 }).on('error', () => {}) // it dies twice
  try {
    await client.eval("for _, key in ipairs({'a', 'b', 'c'}) do redis.call('INCRBY', key, 5) end", 0)
    await lives[0]!.kill()
    const folder = join(dir, 'appendonlydir')
    const log = join(folder, (await readdir(folder)).find((name) => name.endsWith('.incr.aof'))!)
    await truncate(log, (await stat(log)).size - 45) // in the middle of the second command of three
    lives.push(await startPrivateRedis({ dir, port, args: ['--appendfsync', 'always'] }))
    {
      await using hot = await RedisHotStore.open({ url, settleMs: 0 })
      await hot.settle()
      await waitUntil(async () => /aof_rewrites:1\b/.test(await client.info('persistence'))
        && /aof_rewrite_in_progress:0/.test(await client.info('persistence')))
    }
    await again()
    expect(await client.mget('a', 'b', 'c')).toEqual([null, null, null])
  } finally {
    client.disconnect()
    await lives.at(-1)!.stop()
    await rm(dir, { recursive: true, force: true })
  }
})
