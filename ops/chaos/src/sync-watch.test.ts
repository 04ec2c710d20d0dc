import { globSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { RedisServer } from './redis-server.ts'
import { syncedBytes, syncLibrary } from './sync-watch.ts'

test.runIf(syncLibrary())('a power loss takes what no fsync has confirmed, and nothing else', { timeout: 60_000 }, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'fleet-syncs-'))
  try {
    await using redis = await RedisServer.start(dir, 'everysec')
    const log = globSync(join(dir, 'appendonlydir', '*.incr.aof'))[0]!
    const synced = () => syncedBytes(join(dir, 'syncs'), log)
    await redis.command('SET', 'before', 1)
    while (statSync(log).size === 0 || synced() < statSync(log).size) await sleep(20)
    await redis.command('SET', 'after', 1)
    await redis.kill()
    const [kept, written] = [synced(), statSync(log).size]
    expect(redis.loseUnsynced(0)).toBe(written - kept)
    expect(statSync(log).size).toBe(kept)
    await redis.start()
    expect(await redis.command('GET', 'before')).toBe('1')
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})
