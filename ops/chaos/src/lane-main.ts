import { once } from 'node:events'
import { flushCompileCache } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { ALL_SHARDS, shardOf, toAppError } from '@tallyfleet/domain'
import { closeLedger, flushShards, importFile, openRepairs, recordEvents, settleTicks, syncCatalog, syncSegments } from '@tallyfleet/features'
import { packs } from '@tallyfleet/packs'
import { silentLog, systemClock } from '@tallyfleet/ports'
import { openStores, storesConfig } from '@tallyfleet/stores'
import { armPorts } from './arm-ports.ts'
import type { Break } from './breaks.ts'
import { suffer, watchDatabases } from './faults.ts'
import { KILL_POINTS, type Step } from './kill-points.ts'
import type { LaneAnswer, LaneOrder } from './lane.ts'
import { SCHEDULE } from './lane-schedule.ts'
import type { Prototypes } from './prototypes.ts'
import { ENTITIES } from './senders.ts'
import { createTraps } from './traps.ts'

const PAUSE_MS = 60
const REPAIR_SHARDS = 4

// Imported and waiting: the process that replaces a killed one has only to open its stores.
const tell = (answer: LaneAnswer) => { process.send!(answer) }
process.once('disconnect', () => process.exit(0))
const env = process.env
await Promise.all([
  import('@tallyfleet/store-redis'), import('@tallyfleet/store-sql'), env['CHAOS_TICKS'] === '1' && import('@tallyfleet/queue'),
  env['INGEST_DURABILITY'] === 'log-first' && import('@tallyfleet/store-log'),
  env['ROLLUPS_URL']?.startsWith('mongo') && import('@tallyfleet/store-mongo'), env['SEGMENTS_URL']?.startsWith('http') && import('@tallyfleet/store-search'),
])
flushCompileCache() // otherwise it is written on exit, and no exit is ever reached here
tell({ is: 'loaded' })
await once(process, 'message')

watchDatabases()
const stores = await openStores(storesConfig.parse(env), { packs, log: silentLog }).catch((error: unknown) => {
  if (toAppError(error).kind !== 'unavailable') throw error
  process.exit(5) // killed with it: another process tries again
})
const queue = env['CHAOS_TICKS'] === '1'
  ? await (await import('@tallyfleet/queue')).openJobQueue({ url: stores.redisUrl }).catch(() => process.exit(5)) : undefined
const traps = createTraps()
const prototypeOf = <Port>(adapter: Port) => Object.getPrototypeOf(adapter) as Port
const prototypes: Prototypes = {
  hot: prototypeOf(stores.hot), rollups: prototypeOf(stores.rollups), journal: prototypeOf(stores.journal),
  catalog: prototypeOf(stores.catalog), segments: prototypeOf(stores.segments), ...(queue && { queue: prototypeOf(queue) }),
}
armPorts(prototypes, traps, { breaks: env['CHAOS_BREAK'] as Break | undefined, redisUrl: stores.redisUrl })
const needs = { ...stores, packs, clock: systemClock, log: silentLog }

/** Where the trap is set. */
let aim: Step | undefined
process.on('message', (order: LaneOrder) => {
  switch (order.do) {
    case 'trap':
      aim = KILL_POINTS.find(({ name }) => name === order.trap.point)?.step
      return traps.set(order.trap)
    case 'suffer': return suffer(order.told)
    case 'ingest': return void answering(order.id, () =>
      recordEvents(order.events, { tenant: 'default', zone: 'UTC', keyId: 'chaos', eventsPerMinute: 0 }, needs))
    case 'import': return void answering(order.id, () => importFile(
      { path: order.path, format: 'ndjson', tenant: 'default', zone: 'UTC', options: { domain: undefined, map: undefined } }, needs))
  }
})
tell({ is: 'ready' })

type Work = { steps: readonly Step[]; what: string; every: number; work: () => Promise<unknown> }

/** What a fleet does all day. */
const DAY: Work[] = [
  {
    steps: ['freeze', 'flush', 'finish'], what: 'flush', every: 1,
    work: () => flushShards(ALL_SHARDS, needs, { jobId: `lane-${process.pid}` }),
  },
  { steps: ['catalog'], what: 'sync-catalog', every: 1, work: () => syncCatalog(needs) },
  { steps: ['segments'], what: 'sync-segments', every: 1, work: () => syncSegments(needs) },
  { steps: ['ledger'], what: 'close-ledger', every: 4, work: () => closeLedger(needs) },
]
if (queue) {
  DAY.push(
    { steps: ['tick'], what: 'ticks', every: 1, work: () => settleTicks([SCHEDULE], { ...needs, queue, cronTicks: () => [] }) },
    {
      steps: ['repair'], what: 'repair', every: 6,
      work: () => openRepairs(someShards(round), needs, { jobId: `lane-${process.pid}` }),
    },
  )
}

/** As fast as it can, and first what the trap waits in. A store that is away is met again in the next round. */
let round = 1
for (;; round++) {
  const first = Math.max(0, DAY.findIndex(({ steps }) => aim !== undefined && steps.includes(aim)))
  for (const { what, every, work, steps } of [...DAY.slice(first), ...DAY.slice(0, first)]) {
    if (round % every === 0 || steps.includes(aim!)) await attempt(what, work)
  }
  await sleep(PAUSE_MS)
}

/** Shards that count, others each time: nothing is wrong with them, and a repair beside a flush must leave it so. */
function someShards(round: number): number[] {
  return Array.from({ length: REPAIR_SHARDS }, (_, at) => {
    const entityId = ENTITIES[(round + at) % ENTITIES.length]!
    return shardOf({ tenant: 'default', domain: 'jav', entityType: 'movie', entityId })
  })
}

async function attempt(what: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    const { code, kind, message } = toAppError(error)
    if (kind !== 'unavailable') tell({ is: 'fault', what, code, message })
    await sleep(50)
  }
}

async function answering(id: number, work: () => Promise<unknown>): Promise<void> {
  try {
    tell({ is: 'done', id, answer: await work() })
  } catch (error) {
    const { code, message } = toAppError(error)
    tell({ is: 'refused', id, code, message })
  }
}
