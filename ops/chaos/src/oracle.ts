import { setTimeout as sleep } from 'node:timers/promises'
import { ALL_SHARDS, COUNT, SEPARATOR } from '@tallyfleet/domain'
import {
  checkParity, flushShards, readLedger, repairTicks, syncCatalog, syncSegments, type TickRecord,
} from '@tallyfleet/features'
import { packs } from '@tallyfleet/packs'
import { silentLog, systemClock, type JobDefinition } from '@tallyfleet/ports'
import { openJobQueue, openQueueAdmin } from '@tallyfleet/queue'
import type { Stores } from '@tallyfleet/stores'
import type { Books } from './books.ts'
import { patiently } from './patiently.ts'

/** What became of the acknowledged events, once nothing moves any more. All in events. */
export type Verdict = {
  acknowledged: number
  /** Acknowledged and not shown by the store that shows least, beyond what the durability mode gives up. */
  lost: number
  /** Shown more often than acknowledged, by the store that shows most. */
  doubled: number
  /** Lost to a fault that the durability mode does not promise to survive. */
  withinPromise: number
  /** What did not come to rest, or contradicts itself; empty when all is well. */
  stuck: string[]
}

const PATIENCE_MS = 60_000
/** So far ahead, a tick that was left on the way counts as old enough to be enqueued again. */
const AHEAD_MS = 120_000

const OF = { tenant: 'default', domain: 'jav', entityType: 'movie' }

/** Lets everything flow to its end, then compares every store with the books. */
export async function judge(stores: Stores, books: Books, ticksOf?: JobDefinition): Promise<Verdict> {
  const stuck = await quiesce(stores)
  const shown = await patiently(() => readStores(stores))
  const verdict: Verdict = { acknowledged: books.acknowledged, lost: 0, doubled: 0, withinPromise: 0, stuck }
  for (const [store, counts] of Object.entries(shown)) {
    const keyOf = store === 'days' ? (cell: string) => cell : withoutDay
    const expected = sumBy(books.expected, keyOf)
    const atRisk = sumBy(books.atRisk, keyOf)
    let [lost, doubled, within] = [0, 0, 0]
    for (const key of new Set([...expected.keys(), ...counts.keys()])) {
      const missing = (expected.get(key) ?? 0) - (counts.get(key) ?? 0)
      const given = Math.max(0, Math.min(missing, atRisk.get(key) ?? 0))
      within += given
      lost += Math.max(0, missing - given)
      doubled += Math.max(0, -missing)
    }
    if (lost > 0 || doubled > 0) stuck.push(`${store}: ${lost} lost, ${doubled} doubled`)
    verdict.lost = Math.max(verdict.lost, lost)
    verdict.doubled = Math.max(verdict.doubled, doubled)
    verdict.withinPromise = Math.max(verdict.withinPromise, within)
  }
  const needs = { ...stores, packs, clock: systemClock }
  const ledger = await patiently(() => readLedger({}, needs))
  const days = [...shown.days.values()].reduce((sum, count) => sum + count, 0)
  if (!ledger.balanced || ledger.pending !== 0 || ledger.counted !== days) {
    stuck.push(`ledger: counted ${ledger.counted}, shown ${days}, pending ${ledger.pending}, gaps ${JSON.stringify(ledger.gaps.slice(0, 3))}`)
  }
  const parity = await patiently(() => checkParity(needs))
  if (!parity.equal || parity.inFlight.catalog + parity.inFlight.segments > 0) {
    stuck.push(`parity: ${JSON.stringify(parity.differences.slice(0, 3))} in flight ${JSON.stringify(parity.inFlight)}`)
  }
  if (ticksOf) stuck.push(...await judgeTicks(stores, ticksOf))
  return verdict
}

export function isClean({ lost, doubled, stuck }: Verdict): boolean {
  return lost === 0 && doubled === 0 && stuck.length === 0
}

async function quiesce(stores: Stores): Promise<string[]> {
  const needs = { ...stores, packs, clock: systemClock, log: silentLog }
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    const { stopped } = await patiently(() => flushShards(ALL_SHARDS, needs, { jobId: 'oracle' }))
    await patiently(() => syncCatalog(needs))
    await patiently(() => syncSegments(needs))
    const left = (await stores.hot.listShards()).filter(({ hotFields, open }) => hotFields > 0 || open)
    if (stopped.length === 0 && left.length === 0) return []
    if (performance.now() < deadline && stopped.length === 0) {
      await sleep(100)
      continue
    }
    const shards = await stores.hot.listShards()
    return [...stopped.map((shard) => `shard ${shard} stopped: ${shards[shard]!.stopped}`),
      ...left.map(({ shard, open, hotFields }) => `shard ${shard}: batch ${open?.n ?? 'none'} open, ${hotFields} fields hot`)]
  }
}

/** Events by cell, as each store shows them. */
async function readStores({ rollups, catalog, segments }: Stores): Promise<Record<'days' | 'totals' | 'catalog' | 'segments', Map<string, number>>> {
  const shown = { days: new Map<string, number>(), totals: new Map<string, number>(), catalog: new Map<string, number>(), segments: new Map<string, number>() }
  for (const shard of ALL_SHARDS) {
    for await (const { of, entityId, interval, bucket, counts } of rollups.scan(shard)) {
      if (of !== 'entity') continue
      for (const [action, measures] of Object.entries(counts)) {
        if (interval === 'day') shown.days.set([entityId, action, bucket].join(SEPARATOR), measures[COUNT]!)
        if (interval === 'total') shown.totals.set([entityId, action].join(SEPARATOR), measures[COUNT]!)
      }
    }
  }
  const openings = new Map<string, number>()
  for (const { id, totals, opening } of await catalog.scanRows(OF, undefined, 1_000)) {
    for (const [action, total] of Object.entries(totals)) {
      const key = [id, action].join(SEPARATOR)
      openings.set(key, opening[action] ?? 0)
      shown.catalog.set(key, total - (opening[action] ?? 0))
    }
  }
  for (const { entityId, totals } of await segments.scanDocuments(OF, undefined, 1_000)) {
    for (const [action, total] of Object.entries(totals)) {
      const key = [entityId, action].join(SEPARATOR)
      shown.segments.set(key, total - (openings.get(key) ?? 0))
    }
  }
  return shown
}

/** Each tick of the schedule has one record, and one job unless it was skipped. */
async function judgeTicks({ journal, redisUrl }: Stores, job: JobDefinition): Promise<string[]> {
  await using queue = await openJobQueue({ url: redisUrl })
  await using admin = await openQueueAdmin({ url: redisUrl, jobs: [job] })
  const clock = { now: () => new Date(Date.now() + AHEAD_MS) }
  await repairTicks([job], 3_600_000, { journal, queue, admin, clock, log: silentLog })
  const ticks = (await journal.list('tick', { from: `${job.name}@`, to: `${job.name}@~`, limit: 10_000 })).map(({ body }) => body as TickRecord)
  const everyMs = (job.schedule as { everyMs: number }).everyMs
  const faults: string[] = []
  let next: number | undefined
  for (const { nominalAt, from, state } of ticks) {
    const first = Date.parse(from ?? nominalAt)
    if (next !== undefined && first !== next) faults.push(`ticks: ${new Date(next).toISOString()} has no record`)
    if (state !== 'enqueued' && state !== 'skipped') faults.push(`ticks: ${nominalAt} stays ${state}`)
    next = Date.parse(nominalAt) + everyMs
  }
  const enqueued = ticks.filter(({ state }) => state === 'enqueued').length
  const waiting = (await admin.listQueues())[0]!.counts.waiting
  if (waiting !== enqueued) faults.push(`ticks: ${enqueued} were enqueued, ${waiting} jobs wait`)
  return faults.slice(0, 3)
}

function withoutDay(cell: string): string {
  return cell.slice(0, cell.lastIndexOf(SEPARATOR))
}

function sumBy(counts: ReadonlyMap<string, number>, keyOf: (cell: string) => string): Map<string, number> {
  const sums = new Map<string, number>()
  for (const [cell, count] of counts) sums.set(keyOf(cell), (sums.get(keyOf(cell)) ?? 0) + count)
  return sums
}
