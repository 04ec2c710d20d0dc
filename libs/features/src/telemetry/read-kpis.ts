import type { MinuteCounts } from '@tallyfleet/domain'
import type { Clock, HotStore, Journal, RecordStore, TelemetryStore } from '@tallyfleet/ports'
import { listOutcomesByDay } from '../insight/read-outcomes.ts'
import { addOutcomes, noOutcomes, visitMinutes } from '../ledger/visit-minutes.ts'
import type { ParityRun } from '../parity/check-parity.ts'
import { FLEET_TENANT } from './job-event-recorder.ts'
import { addResponses, listResponseTimes, percentileOf, type ResponseCounts } from './response-times.ts'

const HOUR_MS = 3_600_000
const SPANS_MS = { hour: HOUR_MS, day: 24 * HOUR_MS } as const
const MOST_RUNS = 5_000

export type KpiInterval = keyof typeof SPANS_MS
export const KPIS = {
  acceptance: { title: 'Acceptance', unit: 'share', target: 0.99, better: 'higher',
    explains: 'Events of this tenant that were taken, repeats among them, of all that arrived in readable bodies.' },
  dedupe: { title: 'Dedupe', unit: 'share', target: 1, better: 'higher',
    explains: 'Repeats that were found and not counted, of these and of events that the ledger found counted more than once.' },
  flush: { title: 'Flush reliability', unit: 'errors', target: 0, better: 'lower',
    explains: 'Tries of flush jobs that failed, in the whole installation; a try that failed is tried again.' },
  parity: { title: 'Parity', unit: 'differences', target: 0, better: 'lower',
    explains: 'Numbers that two stores told differently in the last comparison, in the whole installation.' },
  responsiveness: { title: 'Responsiveness', unit: 'milliseconds', target: 500, better: 'lower',
    explains: '95 of 100 reads, those of the dashboard among them, were answered at least as fast, measured by the API.' },
} as const satisfies Record<string, { title: string; unit: string; target: number; better: 'higher' | 'lower'; explains: string }>
export type KpiName = keyof typeof KPIS

export type KpiPoint = { bucket: string; value: number; met: boolean; detail: Record<string, number> }
export type KpiView = (typeof KPIS)[KpiName] & { kpi: KpiName; value: number | null; met: boolean | null; history: KpiPoint[] }

type Needs = { hot: HotStore; journal: Journal; telemetry: TelemetryStore; records: RecordStore; clock: Clock }
type Bucket = { bucket: string; from: Date; to: Date }
type Values = Map<string, { value: number; detail: Record<string, number> }>

/**
 * The five promises of an installation, each by hour or day in UTC, this one the last. Acceptance and repeats are those
 * of the tenant, the rest belongs to all. Buckets without data are absent.
 * @param buckets how many; each closed day is added up once for each process
 */
export async function readKpis(
  tenant: string, { interval, buckets: count }: { interval: KpiInterval; buckets: number }, needs: Needs,
): Promise<KpiView[]> {
  const buckets = bucketsUpTo(needs.clock.now(), interval, count)
  const from = buckets[0]!.from
  const [outcomes, runs, flush, answers] = await Promise.all([
    readAllOutcomes(tenant, interval, buckets, needs), readRuns(from, interval, needs),
    readFlushes(interval, buckets, needs), readAnswers(from, interval, needs),
  ])
  const values: Record<KpiName, Values> = {
    acceptance: acceptanceOf(outcomes), dedupe: dedupeOf(outcomes, runs), flush, parity: parityOf(runs), responsiveness: answers,
  }
  return (Object.keys(KPIS) as KpiName[]).map((kpi) => {
    const { target, better } = KPIS[kpi]
    const meets = (value: number) => (better === 'higher' ? value >= target : value <= target)
    const history = buckets.flatMap(({ bucket }) => {
      const point = values[kpi].get(bucket)
      return point ? [{ bucket, ...point, met: meets(point.value) }] : []
    })
    const last = history.at(-1)
    return { kpi, ...KPIS[kpi], value: last?.value ?? null, met: last?.met ?? null, history }
  })
}

function bucketsUpTo(now: Date, interval: KpiInterval, count: number): Bucket[] {
  const spanMs = SPANS_MS[interval]
  const start = Math.floor(now.getTime() / spanMs) * spanMs
  return Array.from({ length: count }, (_, index) => {
    const from = new Date(start - (count - 1 - index) * spanMs)
    return { bucket: nameOf(from, interval), from, to: new Date(from.getTime() + spanMs) }
  })
}

function nameOf(at: Date, interval: KpiInterval): string {
  return at.toISOString().slice(0, interval === 'day' ? 10 : 13)
}

async function readAllOutcomes(
  tenant: string, interval: KpiInterval, buckets: readonly Bucket[], needs: Needs,
): Promise<Map<string, MinuteCounts>> {
  const [first, last] = [buckets[0]!, buckets.at(-1)!]
  if (interval === 'day') return await listOutcomesByDay({ id: tenant, zone: 'UTC' }, { from: first.bucket, to: nameOf(last.to, 'day') }, needs)
  const sums = new Map<string, MinuteCounts>(buckets.map(({ bucket }) => [bucket, noOutcomes()]))
  await visitMinutes({ tenant, from: first.from, to: last.to }, needs, (minute, counts) => addOutcomes(sums.get(minute.slice(0, 13))!, counts))
  return sums
}

function acceptanceOf(outcomes: ReadonlyMap<string, MinuteCounts>): Values {
  return new Map([...outcomes].flatMap(([bucket, { counted, duplicate, rejected, quarantined }]) => {
    const received = counted + duplicate + rejected + quarantined
    return received === 0 ? [] : [[bucket, {
      value: (counted + duplicate) / received, detail: { received, counted, duplicates: duplicate, rejected, quarantined },
    }] as const]
  }))
}

/** A bucket without a repeat and without a comparison has nothing to tell. */
function dedupeOf(outcomes: ReadonlyMap<string, MinuteCounts>, runs: ReadonlyMap<string, ParityRun[]>): Values {
  return new Map([...outcomes].flatMap(([bucket, { duplicate }]) => {
    const checks = runs.get(bucket)?.filter(({ stores }) => stores['ledger']) ?? []
    const doubled = Math.max(0, ...checks.map(doubledIn))
    if (duplicate === 0 && checks.length === 0) return []
    const found = duplicate + doubled
    return [[bucket, { value: found === 0 ? 1 : duplicate / found, detail: { duplicates: duplicate, doubled, checks: checks.length } }] as const]
  }))
}

/** Events that stores hold beyond what was counted. */
function doubledIn({ differences }: ParityRun): number {
  return differences.filter(({ store }) => store === 'ledger')
    .reduce((sum, { expected, actual }) => sum + Math.max(0, actual - expected), 0)
}

async function readRuns(from: Date, interval: KpiInterval, { journal }: Needs): Promise<Map<string, ParityRun[]>> {
  const runs = (await journal.list('parity', { from: from.toISOString(), limit: MOST_RUNS })).map(({ body }) => body as ParityRun)
  return Map.groupBy(runs, ({ at }) => nameOf(new Date(at), interval))
}

/** The last run of a bucket counts: what was put right meanwhile is no difference any more. */
function parityOf(runs: ReadonlyMap<string, ParityRun[]>): Values {
  const differencesOf = ({ stores }: ParityRun) => Object.values(stores).reduce((sum, { differences }) => sum + differences, 0)
  return new Map([...runs].map(([bucket, all]) => [bucket, {
    value: differencesOf(all.at(-1)!),
    detail: {
      runs: all.length, worst: Math.max(...all.map(differencesOf)),
      compared: Object.values(all.at(-1)!.stores).reduce((sum, { compared }) => sum + compared, 0),
    },
  }]))
}

async function readFlushes(interval: KpiInterval, buckets: readonly Bucket[], { telemetry }: Needs): Promise<Values> {
  const groups = await telemetry.summarize({
    tenants: [FLEET_TENANT], source: 'fleet', queue: 'flush', types: ['completed', 'failed', 'retried'],
    from: buckets[0]!.from, to: buckets.at(-1)!.to,
  }, { by: ['type'], bucketMs: SPANS_MS[interval] })
  return new Map([...Map.groupBy(groups, ({ bucketAt }) => nameOf(bucketAt!, interval))].map(([bucket, rows]) => {
    const countOf = (type: string) => rows.find((row) => row.type === type)?.count ?? 0
    const errors = countOf('failed') + countOf('retried')
    return [bucket, { value: errors, detail: { completed: countOf('completed'), failed: countOf('failed'), retried: countOf('retried') } }]
  }))
}

async function readAnswers(from: Date, interval: KpiInterval, needs: Needs): Promise<Values> {
  const sums = new Map<string, ResponseCounts>()
  for (const [hour, counts] of await listResponseTimes(from, needs)) {
    addResponses(sums, interval === 'day' ? hour.slice(0, 10) : hour, counts)
  }
  return new Map([...sums].map(([bucket, counts]) => {
    const { answers, ms } = percentileOf(counts, 95)
    return [bucket, { value: ms, detail: { answers, failed: counts.failed, p50: percentileOf(counts, 50).ms } }]
  }))
}
