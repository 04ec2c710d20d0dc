import { Redis } from 'ioredis'

/** The folder that the Redis at `url` works in, or undefined while it does not serve: away, starting or loading. */
export async function probeRedis(url: string): Promise<string | undefined> {
  const client = briefly(url)
  try {
    await client.connect()
    if (await client.ping() !== 'PONG') return undefined
    const answer = await client.config('GET', 'dir') as string[]
    return answer[1]
  } catch {
    return undefined
  } finally {
    client.disconnect()
  }
}

/** Sets when the Redis at `url` syncs its append-only file, while it runs. */
export async function setAppendFsync(url: string, policy: 'everysec' | 'always'): Promise<void> {
  const client = briefly(url)
  try {
    await client.connect()
    await client.config('SET', 'appendfsync', policy)
  } finally {
    client.disconnect()
  }
}

/** Asks the Redis at `url` to end; its append-only file is written out first. One that is gone already is fine. */
export async function stopRedis(url: string): Promise<void> {
  const client = briefly(url)
  try {
    await client.connect()
    await client.shutdown('NOSAVE')
  } catch {
    // it closes the connection instead of answering, or was gone
  } finally {
    client.disconnect()
  }
}

function briefly(url: string): Redis {
  const client = new Redis(url, {
    lazyConnect: true, retryStrategy: () => null, connectTimeout: 1_000, commandTimeout: 5_000, maxRetriesPerRequest: 0,
  })
  client.on('error', () => {})
  return client
}
