import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RecordedEvent } from '@tallyfleet/features'
import { packs } from '@tallyfleet/packs'
import { silentLog } from '@tallyfleet/ports'
import { openStores, storesConfig } from '@tallyfleet/stores'
import { Books } from './books.ts'
import { KILL_POINTS } from './kill-points.ts'
import { SCHEDULE } from './lane-schedule.ts'
import { Lane, type LaneFault } from './lane.ts'
import { mayLose, NEMESES, UNSAFE_MS, type Nemesis, type Scene } from './nemeses.ts'
import { judge, type Verdict } from './oracle.ts'
import { patiently } from './patiently.ts'
import type { Place } from './place.ts'
import { Random } from './random.ts'
import { RedisPair } from './redis-pair.ts'
import type { Schedule, Strike } from './schedule.ts'
import { ENTITIES, runSender, writeImport } from './senders.ts'
import { Turns } from './turns.ts'

export type RoundResult = Verdict & {
  /** Processes ended by SIGKILL. */
  kills: number
  /** How often each point was reached and each nemesis struck. */
  struck: Record<string, number>
  /** Points that were not reached in time; their process was killed from outside. */
  missed: Record<string, number>
}

const SENDERS = 3
const IMPORT_PAUSE_MS = 1_000
const REACH_MS = { embedded: 5_000, servers: 10_000 }
const BROKEN_REACH_MS = 20_000
const PATIENCE_MS = 300_000
/** Without a rule shards stop, as they should, and take nothing any more. */
const BROKEN_PATIENCE_MS = 20_000
/** A server that dies again before anybody wrote to it proves nothing: first so many requests, if they come in time. */
const REQUESTS_BETWEEN = 30
const TRAFFIC_MS = 20_000
/** Two power losses in a row take everything that came between, unless a batch was flushed. */
const BETWEEN_POWER_LOSSES_MS = 6_000
const SETTLE_MS = 3_000
const POINTS = new Set(KILL_POINTS.map(({ name }) => name))

/** Plays a schedule on a Redis and stores of its own, and judges what is left. */
export async function playLanes(schedule: Schedule, { folder, servers }: Place): Promise<RoundResult> {
  const { seed, round, stores: edition, strikes, power, breaks, durability } = schedule
  const home = join(folder, `${edition}-${round}-${process.hrtime.bigint()}`)
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(home, { recursive: true, force: true }))
  const redis = stack.use(await RedisPair.start(join(home, 'redis'), durability))
  const env: Record<string, string> = {
    PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', NODE_COMPILE_CACHE: join(folder, 'compiled'),
    FLEET_HOME: home, REDIS_URL: redis.url, INGEST_DURABILITY: durability, ...settleEnv(power),
    ...await servers?.envFor(`chaos_${process.hrtime.bigint()}`), ...(breaks && { CHAOS_BREAK: breaks }),
  }
  const open = () => patiently(() => openStores(storesConfig.parse(env), { packs, log: silentLog }))
  {
    await using stores = await open()
    await patiently(() => stores.catalog.putRows({ tenant: 'default', domain: 'jav', entityType: 'movie' },
      ENTITIES.map((id) => ({ id, columns: { title: `Film ${id}` } }))))
  }
  const faults: LaneFault[] = []
  const note = (fault: LaneFault) => { if (faults.length < 20) faults.push(fault) }
  const envs = [env, { ...env, CHAOS_TICKS: '1' }]
  const lanes = await Promise.all(envs.map(async (one) => stack.use(await Lane.start(one, note))))
  const books = new Books()
  const result = { kills: 0, struck: {} as Record<string, number>, missed: {} as Record<string, number> }

  const turns = new Turns()
  const patienceMs = breaks ? BROKEN_PATIENCE_MS : PATIENCE_MS
  const stop = new AbortController()
  const work = [
    ...Array.from({ length: SENDERS }, (_, at) => {
      const random = new Random(`${seed}|${round}|sender ${at}`)
      return runSender(`s${at}`, async (events) => acceptAll(await random.pick(lanes).ingest(events)), books, random,
        { until: stop.signal, pauseMs: power ? 30 : 15, patienceMs })
    }),
    importFiles(),
  ]
  const settled = Promise.allSettled(work)
  await Promise.all(strikes.map((list, at) => strikeAll(lanes[at]!, list)))
  stop.abort()
  const wedged = (await settled).flatMap((end) => (end.status === 'rejected' ? [String((end.reason as Error).message)] : []))
  await Promise.all(lanes.map((lane) => lane[Symbol.asyncDispose]()))

  await using stores = await open()
  const verdict = await judge(stores, books, breaks ? undefined : SCHEDULE)
  const told = faults.map(({ what, code, message }) => `${what}: ${code}: ${message}`)
  return { ...verdict, stuck: [...verdict.stuck, ...wedged, ...new Set(told)], ...result }

  /** File after file: each until it is imported, by whatever process stands there, and once more. */
  async function importFiles(): Promise<void> {
    for (let number = 1; !stop.signal.aborted; number++) {
      const { path, events } = writeImport(home, `import-${number}`, new Random(`${seed}|${round}|import ${number}`))
      const deadline = performance.now() + patienceMs
      books.open(events)
      while (!await lanes[1]!.import(path).then(() => true, () => false)) {
        if (performance.now() > deadline) throw new Error(`an import was not finished in ${patienceMs / 1_000} s`)
        await sleep(50)
      }
      books.acknowledge(events)
      await lanes[1]!.import(path).catch(() => {})
      await sleep(IMPORT_PAUSE_MS)
    }
  }

  async function strikeAll(lane: Lane, list: readonly Strike[]): Promise<void> {
    const scene: Scene = { redis, victim: lane, servers, durability }
    for (const strike of list) {
      await revive(lane)
      const nemesis = NEMESES.find(({ name }) => name === strike.name)
      if (nemesis) await strikeNemesis(nemesis, scene, strike)
      else await killAtPoint(lane, strike)
    }
    await revive(lane)
  }

  async function strikeNemesis(nemesis: Nemesis, scene: Scene, { draw }: Strike): Promise<void> {
    using _turn = nemesis.shared ? await turns.take() : undefined
    if (nemesis.shared) await hasTraffic(books, nemesis, draw)
    const since = performance.now() - UNSAFE_MS
    await nemesis.strike(scene, draw)
    if (mayLose(nemesis, durability)) books.giveUp(since)
    bump(result.struck, nemesis.name)
    if (nemesis.kills) result.kills++
  }

  async function killAtPoint(lane: Lane, { name, nth }: Strike): Promise<void> {
    if (!POINTS.has(name)) throw new Error(`no kill point ${name}`)
    lane.trap({ point: name, nth })
    const reached = await lane.ends(breaks ? BROKEN_REACH_MS : power ? 2 * REACH_MS[edition] : REACH_MS[edition])
    bump(reached ? result.struck : result.missed, name)
    if (!reached) {
      lane.signal('SIGKILL')
      await lane.ends(5_000)
    }
    result.kills++
  }

  /** A process cannot start while Redis is away: another one tries. */
  async function revive(lane: Lane): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS
    while (lane.pid === undefined) {
      const error = await lane.restart().then(() => undefined, (thrown: unknown) => thrown)
      if (error && performance.now() > deadline) throw error
    }
  }
}

/** Resolves after some more requests, or after a while without. */
export async function hasTraffic(books: Books, { power }: Nemesis<any>, draw: number): Promise<void> {
  const enough = books.requests + REQUESTS_BETWEEN
  const deadline = performance.now() + TRAFFIC_MS
  if (power) await sleep(draw * BETWEEN_POWER_LOSSES_MS)
  while (books.requests < enough && performance.now() < deadline) await sleep(10)
}

/** How long a freeze waits for the disk: not at all where nothing takes what Redis has written. */
export function settleEnv(power: Schedule['power']): Record<string, string> {
  return power === 'own' ? {} : { FREEZE_SETTLE_MS: String(power === 'fixed' ? SETTLE_MS : 0) }
}

/** A process whose clock went back refuses what is later than that: its client sends it again. */
function acceptAll(outcomes: readonly RecordedEvent[]): void {
  if (outcomes.some(({ status }) => status === 'rejected')) throw new Error('refused')
}

function bump(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1
}
