import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { globSync, mkdirSync, openSync, closeSync, rmSync, statSync, truncateSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '@tallyfleet/domain'
import { probeRedis } from '@tallyfleet/store-redis'
import { Redis } from 'ioredis'
import { end, own } from './owned-process.ts'
import { noteSynced, syncedBytes, watchingSyncs } from './sync-watch.ts'

export const ROOT = resolve(import.meta.dirname, '../../..')

const START_TIMEOUT_MS = 60_000
const SAMPLE_MS = 25
const SAMPLES = 400
const RENEWAL_TIMEOUT_MS = 20_000

/** A Redis of this run alone, on a folder and port of its own, with its append-only file. */
export class RedisServer implements AsyncDisposable {
  readonly url: string
  readonly #dir: string
  readonly #port: number
  readonly #appendFsync: 'everysec' | 'always'
  #child: ChildProcess | undefined
  /** How long the append-only file was, and when: what a power loss could still take. */
  readonly #lengths: { at: number; bytes: number; file: string | undefined }[] = []
  /** The end of its log was taken, and the log not written anew since. */
  #torn = false
  readonly #timer: NodeJS.Timeout

  private constructor(dir: string, port: number, appendFsync: 'everysec' | 'always') {
    this.#dir = dir
    this.#port = port
    this.#appendFsync = appendFsync
    this.url = `redis://127.0.0.1:${port}`
    this.#timer = setInterval(() => {
      this.#lengths.push({ at: performance.now(), bytes: this.#logBytes(), file: this.#logFile() })
      if (this.#lengths.length > SAMPLES) this.#lengths.shift()
    }, SAMPLE_MS)
  }

  static async start(dir: string, appendFsync: 'everysec' | 'always'): Promise<RedisServer> {
    mkdirSync(dir, { recursive: true })
    const server = new RedisServer(dir, await freePort(), appendFsync)
    await server.start()
    return server
  }

  /** Starts it again on the same data and port. */
  async start(): Promise<void> {
    const log = openSync(join(this.#dir, 'redis.log'), 'a')
    const env = { ...process.env, ...watchingSyncs(this.#notes) }
    const child = own(spawn(redisBinary(), [
      '--bind', '127.0.0.1', '--port', String(this.#port), '--dir', this.#dir, '--appendonly', 'yes',
      '--appendfsync', this.#appendFsync, '--maxmemory-policy', 'noeviction', '--save', '', '--auto-aof-rewrite-percentage', '0',
    ], { stdio: ['ignore', log, log], env }))
    closeSync(log)
    this.#child = child
    const deadline = performance.now() + START_TIMEOUT_MS
    while (await probeRedis(this.url) !== this.#dir) {
      if (child.exitCode !== null || performance.now() > deadline) {
        throw new AppError('STORE_UNAVAILABLE', `redis did not start: see ${join(this.#dir, 'redis.log')}`)
      }
      await sleep(20)
    }
  }

  /**
   * After a power loss the fleet has the log written anew; one that dies again before that may half apply a torn
   * transaction, which is a fault of Redis (docs/durability.md), and not played.
   */
  async kill(): Promise<void> {
    if (this.#torn) await this.#isRenewed()
    if (this.#child) await end(this.#child, 'SIGKILL')
  }

  async #isRenewed(): Promise<void> {
    const deadline = performance.now() + RENEWAL_TIMEOUT_MS
    for (let renewed = false; !renewed && performance.now() < deadline; await sleep(20)) {
      const info = await this.command('INFO', 'persistence').then(String, () => '')
      renewed = /aof_rewrites:[1-9]/.test(info) && info.includes('aof_rewrite_in_progress:0') && info.includes('aof_last_bgrewrite_status:ok')
    }
    this.#torn = false
  }

  /** Deletes all its data. The server must be dead. */
  forget(): void {
    this.#torn = false
    for (const one of [join(this.#dir, 'appendonlydir'), this.#notes]) rmSync(one, { recursive: true, force: true })
    this.#lengths.length = 0
  }

  /**
   * Takes from the end of the append-only file what was written in the last `ms`, as a power loss can. The server must
   * be dead. Answers how many bytes.
   */
  cutLog(ms: number): number {
    const file = this.#logFile()
    const bytes = this.#logBytes()
    const since = performance.now() - ms
    const kept = this.#lengths.findLast((length) => length.at <= since && length.file === file)?.bytes ?? bytes
    this.#lengths.length = 0
    this.#torn = true
    if (file) truncateSync(file, kept)
    return bytes - kept
  }

  /**
   * Takes from the end of the append-only file what no sync has confirmed: all of it, or from `draw` 0.5 on only a part,
   * as the kernel may have written some by itself. The server must be dead, and its syncs noted
   * ({@link watchingSyncs}). Answers how many bytes.
   */
  loseUnsynced(draw: number): number {
    const file = this.#logFile()
    if (!file) return 0
    const { size } = statSync(file)
    const synced = Math.min(size, syncedBytes(this.#notes, file))
    const kept = synced + Math.floor((size - synced) * Math.max(0, 2 * draw - 1))
    this.#lengths.length = 0
    truncateSync(file, kept)
    noteSynced(this.#notes, file, kept)
    this.#torn = true
    return size - kept
  }

  async command(...words: [string, ...(string | number)[]]): Promise<unknown> {
    const client = new Redis(this.url, { lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => null })
    client.on('error', () => {})
    try {
      await client.connect()
      return await client.call(...words)
    } finally {
      client.disconnect()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    if (this.#child) await end(this.#child, 'SIGKILL')
  }

  get #notes(): string {
    return join(this.#dir, 'syncs')
  }

  #logFile(): string | undefined {
    return globSync(join(this.#dir, 'appendonlydir', '*.incr.aof'))
      .sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1)
  }

  #logBytes(): number {
    const file = this.#logFile()
    return file ? statSync(file, { throwIfNoEntry: false })?.size ?? 0 : 0
  }
}

let binary: string | undefined

function redisBinary(): string {
  binary ??= execFileSync(join(ROOT, 'ops/services/redis/start'), ['--print-binary'], { stdio: ['ignore', 'pipe', 'inherit'] })
    .toString().trim()
  return binary
}

export function redisVersion(): string {
  return / v=(\S+)/.exec(execFileSync(redisBinary(), ['--version']).toString())?.[1] ?? 'unknown'
}

export async function freePort(): Promise<number> {
  return await new Promise((found, lost) => {
    const server = createServer().once('error', lost).listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => found(port))
    })
  })
}
