import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { untilStopped } from '@tallyfleet/config'
import { AppError } from '@tallyfleet/domain'
import { createKey, createLoginLink, Keyring } from '@tallyfleet/features'
import { createMetrics, MetricsHub } from '@tallyfleet/metrics'
import { silentLog, systemClock } from '@tallyfleet/ports'
import type { Stores } from '@tallyfleet/stores'
import { buildDashboard } from '../build-dashboard.ts'
import { homeStateFile, openAll, readHomeState, storesConfigOf, type Environment, type HomeState } from '../context.ts'
import { lockHome } from '../home-lock.ts'
import { loadingDemo } from '../load-demo.ts'
import { startLocalRedis } from '../local-redis.ts'
import { EXIT, type CommandResult } from '../output.ts'
import { Role, type RoleName } from '../role.ts'

const READY_TIMEOUT_MS = 60_000
const STOP_DEADLINE_MS = 28_000

/**
 * Runs the whole fleet in the foreground until it is told to stop: Redis when none is named, then api, scheduler and
 * worker; with `demo` it fills the tenant `default` with films and their traffic. Tells by `answer` where it is when it
 * is ready. Answers the exit code. Rejects with `HOME_IN_USE` when another
 * fleet runs on this home, and when a role cannot run with these settings.
 */
export async function up(
  env: Environment, given: Environment, { demo = false }: { demo?: boolean }, answer: (ready: CommandResult) => void,
): Promise<number> {
  const { FLEET_HOME: home, INGEST_DURABILITY } = storesConfigOf(env)
  const say = (line: string) => process.stderr.write(`fleet up: ${line}\n`)
  using lock = lockHome(home)
  lock satisfies Disposable
  const stopped = untilStopped({ deadlineMs: STOP_DEADLINE_MS + 5_000, log: { info() {}, fatal: (_, message) => say(message) } })

  await using stack = new AsyncDisposableStack()
  const left = readHomeState(home)
  const ownRedis = !given['REDIS_URL'] && !given['REDIS_URL_FILE']
  const building = buildDashboard(say)
  const redis = ownRedis ? await startLocalRedis(home, left, INGEST_DURABILITY === 'fsync' ? 'always' : 'everysec') : undefined
  if (redis) stack.defer(() => redis.stop())
  const fleetEnv: Environment = { ...env, ...(redis ? { REDIS_URL: redis.url, REDIS_URL_FILE: undefined } : {}), LOG_LEVEL: env['LOG_LEVEL'] || 'warn' }
  const state: HomeState = { pid: process.pid, redisUrl: fleetEnv['REDIS_URL']!, redisPid: redis?.pid, apiUrl: undefined }
  const save = () => writeFileSync(homeStateFile(home), JSON.stringify(state), { mode: 0o600 })
  save()
  stack.defer(() => rmSync(homeStateFile(home), { force: true }))

  // Opening the stores brings their schemas up to date, before any role meets them.
  const stores = stack.use(await openAll(fleetEnv))
  const metrics = createMetrics({ app: 'up', runtimeMetrics: false })
  const restarts = metrics.counter('fleet_role_restarts_total', 'Roles that died and were started again', ['role'])
  for (const role of ['api', 'scheduler', 'worker']) restarts.inc({ role }, 0)
  stack.use(new MetricsHub({ metrics, publish: (process, list) => stores.metrics.publish(process, list), log: silentLog }))

  const loading = demo ? stack.use(loadingDemo(stores, say)) : undefined
  await building
  const onRestart = (role: RoleName, reason: string) => {
    restarts.inc({ role })
    say(`${role} died (${reason}), starting it again`)
  }
  // The roles of a killed fleet are still ending, and one of them has the port.
  const patienceMs = left ? STOP_DEADLINE_MS : 0
  const roles = (['api', 'scheduler', 'worker'] as const).map((name) => new Role(name, fleetEnv, { patienceMs, onRestart }))
  stack.defer(async () => { await Promise.all(roles.map((role) => role.stop(STOP_DEADLINE_MS))) })

  const ready = await Promise.race([
    Promise.all(roles.map((role) => role.ready)), stopped,
    new Promise<'late'>((resolve) => setTimeout(() => resolve('late'), READY_TIMEOUT_MS).unref()),
  ])
  if (ready === 'late') {
    throw new AppError('STORE_UNAVAILABLE', `not ready after ${READY_TIMEOUT_MS / 1_000} s: see the lines above`)
  }
  if (typeof ready === 'string') {
    answer({ data: null, text: '' })
    return EXIT.ok
  }
  await Promise.race([loading?.done, stopped])
  const host = env['HTTP_HOST'] || '127.0.0.1'
  state.apiUrl = `http://${host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host}:${String(ready[0]!['port'])}`
  save()
  const key = await firstKey(home, stores)
  const link = await createLoginLink({ ...stores, clock: systemClock })
  const loginUrl = `${state.apiUrl}/login/link/${link}`
  answer({
    data: { url: state.apiUrl, loginUrl, key, home, pid: process.pid },
    text: banner(state.apiUrl, loginUrl, key),
  })
  await stopped
  say('stopping')
  return EXIT.ok
}

/** A key to try the fleet with: made once, kept in the home as long as it works. */
async function firstKey(home: string, { accounts }: Stores): Promise<string> {
  const file = join(home, 'first-key')
  const needs = { accounts, clock: systemClock }
  try {
    const secret = readFileSync(file, 'utf8').trim()
    await new Keyring(needs).authenticate(secret)
    return secret
  } catch {
    // there is none yet, or it was revoked
  }
  const { secret } = await createKey({ tenant: 'default', name: 'first key', scopes: ['ingest', 'read'] }, needs)
  writeFileSync(file, `${secret}\n`, { mode: 0o600 })
  return secret
}

function banner(url: string, loginUrl: string, key: string): string {
  return `
Tallyfleet is up.

  start page    ${url}/   (the dashboard)
  queues        ${url}/admin/queues
  API console   ${url}/docs
  metrics       ${url}/metrics
  first login   ${loginUrl}   (works once, for a day)

Send an event:

  curl -sS ${url}/api/v1/events -H 'Authorization: Bearer ${key}' -H 'Content-Type: application/json' \\
    -d '{"domain":"jav","entity_type":"movie","entity_id":"m-1","action":"view","occurred_at":"'$(date -u +%FT%TZ)'","event_id":"e-1"}'

Count it:   ./fleet flush --wait
Read it:    curl -sS '${url}/api/v1/entities/top?domain=jav&entity_type=movie&action=view' -H 'Authorization: Bearer ${key}'

Ctrl-C stops everything.`
}
