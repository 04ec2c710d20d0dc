import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createKey, type TickRecord } from '@tallyfleet/features'
import { jobs } from '@tallyfleet/jobs'
import { packs } from '@tallyfleet/packs'
import { silentLog, systemClock, type QueueStatus } from '@tallyfleet/ports'
import { openQueueAdmin } from '@tallyfleet/queue'
import { openStores, storesConfig, type Stores } from '@tallyfleet/stores'
import { Books, type ChaosEvent } from './books.ts'
import { DRAIN_MS, FLEET_NEMESES } from './fleet-nemeses.ts'
import { FLEET_POINTS, type RoleName } from './kill-points.ts'
import { hasTraffic, settleEnv, type RoundResult } from './lane-round.ts'
import { mayLose, UNSAFE_MS } from './nemeses.ts'
import { judge } from './oracle.ts'
import { patiently } from './patiently.ts'
import type { Place } from './place.ts'
import { Random } from './random.ts'
import { RedisPair } from './redis-pair.ts'
import { Role } from './role.ts'
import type { Schedule, Strike } from './schedule.ts'
import { ENTITIES, runSender } from './senders.ts'

const ROLES: readonly RoleName[] = ['api', 'api', 'scheduler', 'scheduler', 'workers', 'workers', 'workers']
const SENDERS = 3
const REACH_MS = 20_000
const REQUEST_MS = 8_000
const PATIENCE_MS = 300_000
/** A tick that a dying scheduler claimed is enqueued by another one after this long. */
const LEFT_TICKS_MS = 15_000
const FLUSH_MS = 1_000

/** Plays a schedule on a fleet of real processes that clients talk to over HTTP, and judges what is left. */
export async function playFleet(schedule: Schedule, { folder, servers }: Place): Promise<RoundResult> {
  const { seed, round, stores: edition, strikes: [strikes], durability, power } = schedule
  const home = join(folder, `fleet-${round}-${process.hrtime.bigint()}`)
  mkdirSync(home)
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(home, { recursive: true, force: true, maxRetries: 5 }))
  const redis = stack.use(await RedisPair.start(join(home, 'redis'), durability))
  const env: Record<string, string> = {
    PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', NODE_COMPILE_CACHE: join(folder, 'compiled'), LOG_LEVEL: 'fatal',
    FLEET_HOME: home, REDIS_URL: redis.url, INGEST_DURABILITY: durability, ...settleEnv(power), FLUSH_INTERVAL_MS: String(FLUSH_MS),
    HTTP_PORT: '0', RATE_LIMIT_PER_MINUTE: '0', INGEST_EVENTS_PER_MINUTE: '0', WORKER_DRAIN_MS: String(DRAIN_MS),
    ...await servers?.envFor(`chaos_${process.hrtime.bigint()}`),
  }
  const open = () => patiently(() => openStores(storesConfig.parse(env), { packs, log: silentLog }))
  let secret: string
  {
    await using stores = await open()
    await patiently(() => stores.catalog.putRows({ tenant: 'default', domain: 'jav', entityType: 'movie' },
      ENTITIES.map((id) => ({ id, columns: { title: `Film ${id}` } }))))
    secret = (await createKey({ tenant: 'default', name: 'chaos', scopes: ['ingest'] }, { ...stores, clock: systemClock })).secret
  }
  const roles = await Promise.all(ROLES.map(async (name) => stack.use(await Role.start(name, env))))
  const books = new Books()
  const result = { kills: 0, struck: {} as Record<string, number>, missed: {} as Record<string, number> }

  const stop = new AbortController()
  const work = Array.from({ length: SENDERS }, (_, at) => {
    const random = new Random(`${seed}|${round}|client ${at}`)
    return runSender(`c${at}`, (events) => post(random.pick(roles.filter(({ name }) => name === 'api')), events), books, random,
      { until: stop.signal, pauseMs: 30, patienceMs: PATIENCE_MS })
  })
  const settled = Promise.allSettled(work)
  for (const strike of strikes) await strikeOnce(strike)
  stop.abort()
  const wedged = (await settled).flatMap((end) => (end.status === 'rejected' ? [String((end.reason as Error).message)] : []))
  await Promise.all(roles.map((role) => role.isReady()))
  await sleep(LEFT_TICKS_MS)
  const left = await comeToRest()
  await using stores = await open()
  const verdict = await judge(stores, books)
  const crashes = roles.flatMap((role) => role.crashes)
  return { ...verdict, stuck: [...verdict.stuck, ...wedged, ...left, ...await unsettledTicks(stores), ...new Set(crashes)], ...result }

  async function post(api: Role, events: ChaosEvent[]): Promise<void> {
    if (api.port === undefined) throw new Error('the api is down')
    const answer = await fetch(`http://127.0.0.1:${api.port}/api/v1/events`, {
      method: 'POST', body: JSON.stringify(events), signal: AbortSignal.timeout(REQUEST_MS),
      headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    })
    const { rejected } = await answer.json() as { rejected?: unknown[] }
    if (answer.status !== 202 || rejected?.length !== 0) throw new Error(`answered ${answer.status}`)
  }

  async function strikeOnce({ name, nth, draw }: Strike): Promise<void> {
    const who = FLEET_POINTS.get(name)
    const candidates = who ? roles.filter((role) => role.name === who) : roles
    const victim = candidates[Math.floor(draw * candidates.length)]!
    await victim.isReady()
    const nemesis = FLEET_NEMESES.find((one) => one.name === name)
    if (nemesis) {
      if (nemesis.shared) await hasTraffic(books, nemesis, draw)
      const since = performance.now() - UNSAFE_MS
      await nemesis.strike({ redis, durability, victim, roles, servers }, draw)
      if (mayLose(nemesis, durability)) books.giveUp(since)
      bump(result.struck, name)
      if (nemesis.kills) result.kills++
      return
    }
    victim.trap({ point: name, nth })
    const reached = await victim.ends(REACH_MS)
    bump(reached ? result.struck : result.missed, name)
    if (!reached) {
      victim.signal('SIGKILL')
      await victim.ends(5_000)
    }
    result.kills++
  }

  /** Stops what makes jobs, waits until none is left, then stops the rest. What stays behind is told. */
  async function comeToRest(): Promise<string[]> {
    const stopAll = async (name: RoleName) => (await Promise.all(roles.filter((role) => role.name === name)
      .map(async (role) => (await role.stop(PATIENCE_MS) === 0 ? [] : [`${name} did not stop by itself`])))).flat()
    const faults = [...await stopAll('api'), ...await stopAll('scheduler')]
    await using admin = await openQueueAdmin({ url: redis.url, jobs })
    const deadline = performance.now() + PATIENCE_MS
    let queues: QueueStatus[]
    const open = ({ counts }: QueueStatus) => counts.waiting + counts.active + counts.delayed + counts.prioritized
    do {
      queues = (await admin.listQueues()).filter((queue) => open(queue) > 0)
      await sleep(200)
    } while (queues.length > 0 && performance.now() < deadline)
    faults.push(...queues.map(({ queue, counts }) => `queue ${queue}: ${JSON.stringify(counts)}`))
    return [...faults, ...await stopAll('workers')]
  }
}

/** Every flush tick of the round has one record, and none is on its way any more. */
async function unsettledTicks({ journal }: Stores): Promise<string[]> {
  const ticks = (await journal.list('tick', { from: 'flush@', to: 'flush@~', limit: 10_000 })).map(({ body }) => body as TickRecord)
  const faults: string[] = []
  let next: number | undefined
  for (const { nominalAt, from, state } of ticks) {
    const first = Date.parse(from ?? nominalAt)
    if (next !== undefined && first !== next) faults.push(`ticks: ${new Date(next).toISOString()} has no record`)
    if (state === 'claimed' || state === 'enqueued' || state === 'running') faults.push(`ticks: ${nominalAt} stays ${state}`)
    next = Date.parse(nominalAt) + FLUSH_MS
  }
  return faults.slice(0, 5)
}

function bump(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1
}
