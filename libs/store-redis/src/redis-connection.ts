import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { AppError } from '@tallyfleet/domain'
import { Cluster, Command, Redis, type RedisOptions } from 'ioredis'

const TIMEOUT_MS = 5_000

/**
 * Connects to one Redis, or to a Cluster when the URL lists several nodes (`redis://a:7000,redis://b:7001`). Commands
 * fail at once while the server is away, and none is sent twice by the driver: what may be repeated is ours to decide.
 * Rejects with `STORE_UNAVAILABLE` when the server does not answer within 5 s.
 */
export async function connectRedis(url: string): Promise<Redis | Cluster> {
  const options: RedisOptions = {
    lazyConnect: true, enableOfflineQueue: false, autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0,
    commandTimeout: TIMEOUT_MS, connectTimeout: TIMEOUT_MS, enableAutoPipelining: true,
    retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 5), 1_000),
  }
  const urls = url.split(',')
  const client = urls.length === 1
    ? new Redis(url, options)
    : new Cluster(urls, {
        lazyConnect: true, enableOfflineQueue: false, enableAutoPipelining: true,
        redisOptions: { ...options, enableAutoPipelining: false },
        clusterRetryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 5), 1_000),
      })
  let reason: Error | undefined
  client.on('error', (error: Error) => { reason = error }) // every command reports for itself
  try {
    await client.connect()
    return client
  } catch (cause) {
    client.disconnect()
    // The driver rejects with "Connection is closed."; why it closed was told before.
    throw unavailable(reason ?? cause)
  }
}

/** The masters behind a client: itself, or those of the Cluster. */
export function mastersOf(client: Redis | Cluster): Redis[] {
  return client instanceof Cluster ? client.nodes('master') : [client]
}

/** Translates a driver error. */
export function unavailable(cause: unknown): AppError {
  if (cause instanceof AppError) return cause
  const message = cause instanceof Error ? cause.message : String(cause)
  if (message.includes('STOPPED')) return new AppError('SHARD_STOPPED', 'a shard stopped; see fleet doctor', { cause })
  if (message.startsWith('OOM') || message.includes('OOM command not allowed')) {
    return new AppError('OVERLOADED', 'redis is out of memory', { cause, details: { retryAfterSeconds: 5 } })
  }
  return new AppError('STORE_UNAVAILABLE', `redis does not answer: ${message}`, { cause, details: { retryAfterSeconds: 2 } })
}

/** A Lua script beside this file, run by its hash. */
export class Script {
  readonly #text: string
  readonly #sha: string

  constructor(name: string) {
    this.#text = readFileSync(new URL(`./scripts/${name}.lua`, import.meta.url), 'utf8')
    this.#sha = createHash('sha1').update(this.#text).digest('hex')
  }

  /** A server that does not know the script has run nothing, so sending its text is safe. */
  async run(client: Redis | Cluster, keys: string[], args: (string | number | Buffer)[]): Promise<unknown> {
    return await this.#orByText(client, keys, args, client.evalsha(this.#sha, keys.length, ...keys, ...args))
  }

  /**
   * The same at once. The driver's automatic pipelines go out one after another, each when the one before is answered
   * *and* the process has had time to hear it: server and process take turns then. On a Cluster, where a call goes to
   * many nodes, they are still the best.
   */
  async send(client: Redis | Cluster, keys: string[], args: (string | number | Buffer)[]): Promise<unknown> {
    if (client instanceof Cluster) return await this.run(client, keys, args)
    const command = new Command('evalsha', [this.#sha, keys.length, ...keys, ...args], { replyEncoding: 'utf8' })
    return await this.#orByText(client, keys, args, client.sendCommand(command) as Promise<unknown>)
  }

  async #orByText(
    client: Redis | Cluster, keys: string[], args: (string | number | Buffer)[], answer: Promise<unknown>,
  ): Promise<unknown> {
    try {
      return await answer
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
      return await client.eval(this.#text, keys.length, ...keys, ...args)
    }
  }
}
