import { execFileSync, spawn } from 'node:child_process'
import { mkdir, open } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '@tallyfleet/domain'
import { probeRedis, setAppendFsync, stopRedis } from '@tallyfleet/store-redis'
import { ROOT, type HomeState } from './context.ts'

const START_TIMEOUT_MS = 60_000

export type LocalRedis = { url: string; pid: number | undefined; stop: () => Promise<void> }

/**
 * The Redis of a home: the one that a killed fleet left behind, if it still runs, else a new one with its append-only
 * file under the home. It stands in a process group of its own, so that a Ctrl-C reaches it last, by {@link LocalRedis.stop}.
 * @param fsync when it syncs that file: each second, or before it answers any write
 */
export async function startLocalRedis(home: string, left: HomeState | undefined, fsync: 'everysec' | 'always'): Promise<LocalRedis> {
  const dir = join(home, 'redis')
  await mkdir(dir, { recursive: true, mode: 0o700 })
  if (left && await probeRedis(left.redisUrl) === dir) {
    await setAppendFsync(left.redisUrl, fsync)
    return handle(left.redisUrl, left.redisPid)
  }

  const binary = findBinary()
  const port = await freePort()
  const url = `redis://127.0.0.1:${port}`
  const log = await open(join(dir, 'redis.log'), 'a')
  const child = spawn(binary, [
    '--bind', '127.0.0.1', '--port', String(port), '--dir', dir, '--appendonly', 'yes', '--appendfsync', fsync,
    '--maxmemory-policy', 'noeviction', '--save', '', '--daemonize', 'no',
  ], { detached: true, stdio: ['ignore', log.fd, log.fd] })
  await log.close()
  let ended: string | undefined
  child.once('exit', (code, signal) => { ended = `exit ${code ?? signal}` })
  child.once('error', (error) => { ended = error.message })
  const deadline = performance.now() + START_TIMEOUT_MS
  while (await probeRedis(url) !== dir) {
    if (ended !== undefined || performance.now() > deadline) {
      child.kill('SIGKILL')
      throw new AppError('STORE_UNAVAILABLE', `redis-server did not start (${ended ?? 'timeout'}): see ${join(dir, 'redis.log')}`)
    }
    await sleep(50)
  }
  child.unref()
  return handle(url, child.pid)
}

function handle(url: string, pid: number | undefined): LocalRedis {
  return { url, pid, stop: () => stopRedis(url) }
}

function findBinary(): string {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' })
    return 'redis-server'
  } catch {
    // none on PATH: a private one is unpacked, once
  }
  try {
    // It says on standard error what it unpacks.
    return execFileSync(join(ROOT, 'ops/services/redis/start'), ['--print-binary'], { stdio: ['ignore', 'pipe', 'inherit'], timeout: 300_000 })
      .toString().trim()
  } catch (cause) {
    throw new AppError('STORE_UNAVAILABLE', 'no redis-server: install it (Debian: apt-get install redis-server; macOS: brew install redis) or set REDIS_URL', { cause })
  }
}

async function freePort(): Promise<number> {
  return await new Promise((resolve, reject) => {
    const server = createServer().once('error', reject).listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}
