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
import type { LaneAnswer, LaneOrder } from './lane.ts'
import { SCHEDULE } from './lane-schedule.ts'
import type { Prototypes } from './prototypes.ts'
import { ENTITIES } from './senders.ts'
import { createTraps } from './traps.ts'

const PAUSE_MS = 60
const CLOSE_EVERY = 4
const REPAIR_EVERY = 6
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
const queue = env['CHAOS_TICKS'] === '1' ? await (await import('@tallyfleet/queue')).openJobQueue({ url: stores.redisUrl }) : undefined
const traps = createTraps()
const prototypeOf = <Port>(adapter: Port) => Object.getPrototypeOf(adapter) as Port
const prototypes: Prototypes = {
  hot: prototypeOf(stores.hot), rollups: prototypeOf(stores.rollups), journal: prototypeOf(stores.journal),
  catalog: prototypeOf(stores.catalog), segments: prototypeOf(stores.segments), ...(queue && { queue: prototypeOf(queue) }),
}
armPorts(prototypes, traps, { breaks: env['CHAOS_BREAK'] as Break | undefined, redisUrl: stores.redisUrl })
const needs = { ...stores, packs, clock: systemClock, log: silentLog }

process.on('message', (order: LaneOrder) => {
  switch (order.do) {
    case 'trap': return traps.set(order.trap)
    case 'suffer': return suffer(order.told)
    case 'ingest': return void answering(order.id, () =>
      recordEvents(order.events, { tenant: 'default', zone: 'UTC', keyId: 'chaos', eventsPerMinute: 0 }, needs))
    case 'import': return void answering(order.id, () => importFile(
      { path: order.path, format: 'ndjson', tenant: 'default', zone: 'UTC', options: { domain: undefined, map: undefined } }, needs))
  }
})
tell({ is: 'ready' })

/** What a fleet does all day, as fast as it can. A store that is away is met again in the next round. */
for (let round = 1; ; round++) {
  await attempt('flush', () => flushShards(ALL_SHARDS, needs, { jobId: `lane-${process.pid}` }))
  await attempt('sync-catalog', () => syncCatalog(needs))
  await attempt('sync-segments', () => syncSegments(needs))
  if (queue) await attempt('ticks', () => settleTicks([SCHEDULE], { ...needs, queue, cronTicks: () => [] }))
  if (round % CLOSE_EVERY === 0) await attempt('close-ledger', () => closeLedger(needs))
  if (queue && round % REPAIR_EVERY === 0) await attempt('repair', () => openRepairs(someShards(round), needs, { jobId: `lane-${process.pid}` }))
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
