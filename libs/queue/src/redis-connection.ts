import { AppError } from '@tallyfleet/domain'
import { Cluster, Redis, type RedisOptions } from 'ioredis'

export type Connection = Redis | Cluster

const ANSWER_MS = 5_000
const retryStrategy = (attempt: number) => Math.min(50 * 2 ** Math.min(attempt, 5), 1_000)

/**
 * Connects a producer: a command fails at once while Redis is away, and after 5 s without an answer.
 * Several URLs, joined by commas, are nodes of a Cluster.
 * @throws AppError `STORE_UNAVAILABLE` when Redis does not answer
 */
export async function connectProducer(url: string): Promise<Connection> {
  const client = connect(url, {
    enableOfflineQueue: false, maxRetriesPerRequest: 1, connectTimeout: ANSWER_MS, commandTimeout: ANSWER_MS,
  })
  try {
    await client.connect()
    return client
  } catch (cause) {
    client.disconnect()
    throw unavailable(cause)
  }
}

/**
 * Connects a worker: commands wait for a Redis that is away for as long as it takes. No command timeout, since a
 * worker blocks for seconds while its queue is empty.
 * @throws AppError `STORE_UNAVAILABLE` when Redis does not answer the first time
 */
export async function connectWorker(url: string): Promise<Connection> {
  const client = connect(url, { enableOfflineQueue: true, maxRetriesPerRequest: null, connectTimeout: ANSWER_MS })
  try {
    await client.connect()
    return client
  } catch (cause) {
    client.disconnect()
    throw unavailable(cause)
  }
}

function connect(url: string, options: RedisOptions): Connection {
  const urls = url.split(',')
  const redisOptions: RedisOptions = { ...options, lazyConnect: true, retryStrategy }
  const client = urls.length === 1
    ? new Redis(urls[0]!, redisOptions)
    : new Cluster(urls, {
        lazyConnect: true, enableOfflineQueue: options.enableOfflineQueue ?? true,
        redisOptions: { ...options }, clusterRetryStrategy: retryStrategy,
      })
  client.on('error', () => {}) // every command reports for itself; without a listener each would be printed
  return client
}

/** What time it is for Redis, the one clock that all hosts share, in ms. */
export async function redisNow(connection: Connection): Promise<number> {
  const [seconds, microseconds] = await connection.time()
  return Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000)
}

/** A driver's error as ours. */
export function unavailable(cause: unknown): AppError {
  if (cause instanceof AppError) return cause
  const message = cause instanceof Error ? cause.message : String(cause)
  if (message.includes('OOM command not allowed')) {
    return new AppError('OVERLOADED', 'redis is out of memory', { cause, details: { retryAfterSeconds: 5 } })
  }
  return new AppError('STORE_UNAVAILABLE', `redis does not answer: ${message}`, {
    cause, details: { retryAfterSeconds: 2 },
  })
}
