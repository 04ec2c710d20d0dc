import { existsSync, readFileSync } from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'
import { loadConfig } from '@tallyfleet/config'
import { packs } from '@tallyfleet/packs'
import { silentLog } from '@tallyfleet/ports'
import { openDurableStores, openStores, storesConfig, type DurableStores, type Stores, type StoresConfig } from '@tallyfleet/stores'

export type Environment = Record<string, string | undefined>

/** The folder of the checkout. */
export const ROOT = resolve(import.meta.dirname, '../../..')

/** What `up` leaves in its home for the other commands. */
export type HomeState = { pid: number; redisUrl: string; redisPid: number | undefined; apiUrl: string | undefined }

const STATE_FILE = 'up.json'

/** The environment of a command: `.env` beside the script fills what the shell leaves open; FLEET_HOME is absolute. */
export function loadEnvironment(env: Environment): Environment {
  const merged = { ...env }
  const file = join(ROOT, '.env')
  if (existsSync(file)) {
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      const match = /^\s*([A-Z][A-Z0-9_]*)\s*=\s*(.*?)\s*$/.exec(line)
      if (match && merged[match[1]!] === undefined) merged[match[1]!] = match[2]!.replace(/^(['"])(.*)\1$/, '$2')
    }
  }
  const home = merged['FLEET_HOME'] || join(ROOT, '.fleet')
  merged['FLEET_HOME'] = isAbsolute(home) ? home : resolve(home)
  if (!merged['REDIS_URL'] && !merged['REDIS_URL_FILE']) {
    const running = readHomeState(merged['FLEET_HOME'])
    if (running) merged['REDIS_URL'] = running.redisUrl
  }
  return merged
}

/** The state that a running `up` left in this home, whoever runs it. */
export function readHomeState(home: string): HomeState | undefined {
  try {
    return JSON.parse(readFileSync(join(home, STATE_FILE), 'utf8')) as HomeState
  } catch {
    return undefined
  }
}

export function homeStateFile(home: string): string {
  return join(home, STATE_FILE)
}

export function storesConfigOf(env: Environment): StoresConfig {
  return loadConfig(storesConfig, env)
}

/** Every store, for commands that count or read. */
export function openAll(env: Environment): Promise<Stores> {
  return openStores(storesConfigOf(env), { packs, log: silentLog })
}

/** Every store but Redis, for commands that work before the fleet does. */
export function openDurable(env: Environment): Promise<DurableStores> {
  return openDurableStores(storesConfigOf(env), { packs })
}

export { packs }
