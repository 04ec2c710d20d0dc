import { AppError } from '@tallyfleet/domain'
import type { Redis } from 'ioredis'
import { unavailable, type Connection } from './redis-connection.ts'

/** The oldest release whose commands BullMQ's scripts may use. */
const MIN_VERSION = [6, 2] as const

/**
 * Refuses a server that would lose jobs in silence: one that evicts (locks go first, and workers then wait for days),
 * one without a log on disk, one that is too old.
 * @param needsLog false: whoever runs the server has another way to keep what was acknowledged
 * @throws AppError `STORE_REFUSED`, `STORE_UNAVAILABLE`
 */
export async function checkServer(connection: Connection, needsLog: boolean): Promise<void> {
  let info: string
  try {
    info = await (connection as Redis).info()
  } catch (error) {
    throw unavailable(error)
  }
  const field = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1]
  const version = field('redis_version') ?? ''
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major < MIN_VERSION[0] || (major === MIN_VERSION[0] && minor < MIN_VERSION[1])) {
    throw new AppError('STORE_REFUSED', `redis ${version} is too old: jobs need ${MIN_VERSION.join('.')} or later`)
  }
  const policy = field('maxmemory_policy')
  if (policy !== undefined && policy !== 'noeviction') {
    throw new AppError('STORE_REFUSED', `redis may evict jobs and their locks: maxmemory-policy is ${policy}, must be noeviction`)
  }
  if (needsLog && field('aof_enabled') === '0') {
    throw new AppError('STORE_REFUSED', 'redis keeps no log on disk, so a restart loses jobs: set appendonly yes, or WORKER_REDIS_LOG=optional')
  }
}
