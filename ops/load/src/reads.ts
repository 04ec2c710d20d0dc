import { join } from 'node:path'
import { getOverview } from '@tallyfleet/features'
import { packs } from '@tallyfleet/packs'
import type { HotStore, RollupStore, SegmentStore } from '@tallyfleet/ports'
import { SqliteJournal } from '@tallyfleet/store-sql'
import { checkOf, figureOf, interleave, quantile, type Bench, type Measures, type Outcome } from './harness.ts'
import { FEW, FULL_BUCKET, MANY, OF, openFilled } from './reads-store.ts'
import { expectCount, Workplace } from './workplace.ts'

const SIZES = [10_000, 100_000]
const MORE_SIZES = [1_000_000]
const LIMIT = 50
const GOAL = 1.3
const FEWEST_SAMPLES = 100

type Reads = Readonly<Record<string, () => Promise<unknown>>>
type Opened = { rollups: RollupStore; reads: Reads }

/**
 * What a page of the dashboard reads, from SQLite rollups of 10,000 and of 100,000 entities (with `full`: of 1,000,000
 * too): ten times the entities must not take longer. The overview is that of five days on which 1,000 entities were
 * met, whatever the size, without the outcomes of requests and the catalog's rows, which are other stores'. Free ranges
 * stand apart: they may take as much longer as there are more entities met in them.
 */
export const reads: Bench = async (options) => {
  await using workplace = new Workplace()
  await using stack = new AsyncDisposableStack()
  const outcome: Outcome = { arms: [], checks: [] }
  const bySize = new Map<number, Opened>()
  for (const size of options.full ? [...SIZES, ...MORE_SIZES] : SIZES) {
    options.say(`writing ${size} entities`)
    const path = join(workplace.folder, `rollups-${size}.db`)
    const rollups = stack.use(await openFilled(path, size))
    const journal = stack.use(await SqliteJournal.open({ path }))
    bySize.set(size, { rollups, reads: readsOf(rollups, journal) })
    const { snapshot } = await overviewOf(rollups, journal)
    expectCount('entities in the overview', snapshot.entities, size)
  }
  const sizes = [...bySize.keys()]
  for (const [at, size] of sizes.slice(1).entries()) {
    const smaller = sizes[at]!
    for (const name of Object.keys(bySize.get(size)!.reads)) {
      const arm = (size: number) => () => measure(bySize.get(size)!.reads[name]!, options.seconds / 4)
      const runs = await interleave({ ours: arm(size), bare: arm(smaller) }, options, `${name}, ${size} and ${smaller}`)
      for (const [entities, list] of [[smaller, runs.bare], [size, runs.ours]] as const) {
        if (entities === smaller && at > 0) continue
        outcome.arms.push(figureOf(`${name}, ${entities}`, list, 'p50Ms', 'ms p50'), figureOf(`${name}, ${entities}`, list, 'p99Ms', 'ms p99'))
      }
      outcome.checks.push(checkOf(`${name}, ${size} / ${smaller}`, runs, 'p99Ms', GOAL, 'lower'))
    }
  }
  const { rollups } = bySize.get(SIZES[1]!)!
  const range = ({ from, to, entities }: typeof FEW) => async () => {
    const { p50Ms } = await measure(() => rollups.listTopBetween(OF, 'view', from, to, LIMIT), options.seconds / 4)
    return { p50Ms: p50Ms!, micros: p50Ms! / entities * 1_000 }
  }
  const runs = await interleave({ ours: range(MANY), bare: range(FEW) }, options, 'top of five days')
  for (const [{ entities }, list] of [[FEW, runs.bare], [MANY, runs.ours]] as const) {
    outcome.arms.push(figureOf(`top of five days, ${entities} entities met`, list, 'p50Ms', 'ms p50'))
  }
  outcome.checks.push(checkOf('time of each entity met in a free range, 10,000 / 1,000', runs, 'micros', GOAL, 'lower'))
  return outcome
}

const NO_HOT = { listLedger: async () => [], listOpenMinutes: async () => [], currentMinute: async () => 0, listMinutes: async () => [] } as Partial<HotStore>
const NO_SEGMENTS = { count: async () => 0 } as Partial<SegmentStore>

function overviewOf(rollups: RollupStore, journal: SqliteJournal) {
  const { from, to } = FEW
  return getOverview({ id: OF.tenant, zone: 'UTC' } as Parameters<typeof getOverview>[0], { domain: OF.domain, from, to }, {
    hot: NO_HOT as HotStore, segments: NO_SEGMENTS as SegmentStore, catalog: undefined as never, rollups, journal, packs, clock: { now: () => new Date() },
  })
}

function readsOf(rollups: RollupStore, journal: SqliteJournal): Reads {
  let turn = 0
  return {
    'top of all time': () => rollups.listTop(OF, 'view', { interval: 'total', bucket: 'all' }, LIMIT),
    'page of all time': () => rollups.listTop(OF, 'view', { interval: 'total', bucket: 'all' }, LIMIT, { count: 500, entityId: 'm-5' }),
    'top of a month': () => rollups.listTop(OF, 'view', FULL_BUCKET, LIMIT),
    'days of an entity': () => rollups.listSeries(OF, `m-${turn++ % FEW.entities}`, 'view', 'day', '2026-08-01', '2026-12-01'),
    'days of all entities': () => rollups.listSeries(OF, null, 'view', 'day', '2026-08-01', '2026-12-01'),
    overview: () => overviewOf(rollups, journal),
  }
}

async function measure(read: () => Promise<unknown>, seconds: number): Promise<Measures> {
  const times: number[] = []
  const until = performance.now() + seconds * 1_000
  for (let at = 0; at < FEWEST_SAMPLES || performance.now() < until; at++) {
    const startedAt = performance.now()
    await read()
    times.push(performance.now() - startedAt)
  }
  return { p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99) }
}
