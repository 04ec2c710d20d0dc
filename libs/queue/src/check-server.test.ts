import { silentLog } from '@tallyfleet/ports'
import { startPrivateRedis } from '@tallyfleet/testing'
import { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { startWorkers } from './index.ts'

test('workers refuse a Redis that evicts or keeps no log, and the log alone may be waived', async () => {
  const server = await startPrivateRedis()
  const redis = new Redis(server.url)
  const start = (needsLog = true) => startWorkers<object>({
    url: server.url, jobs: [], needs: {}, queues: [{ name: 'tests', concurrency: 1 }], log: silentLog, drainMs: 0, needsLog,
  })
  try {
    await (await start())[Symbol.asyncDispose]()
    await redis.config('SET', 'appendonly', 'no')
    await expect(start()).rejects.toMatchObject({ code: 'STORE_REFUSED', message: expect.stringContaining('appendonly yes') })
    await (await start(false))[Symbol.asyncDispose]()
    await redis.config('SET', 'maxmemory-policy', 'volatile-lru')
    await expect(start(false)).rejects.toMatchObject({ code: 'STORE_REFUSED', message: expect.stringContaining('noeviction') })
  } finally {
    redis.disconnect()
    await server.stop()
  }
})
