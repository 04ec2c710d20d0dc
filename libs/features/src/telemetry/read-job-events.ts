import { AppError } from '@tallyfleet/domain'
import type { GroupJobEvents, JobEvent, JobEventRange, JobEventType, TelemetryStore } from '@tallyfleet/ports'

export type JobCounts = Record<JobEventType, number>

const NONE: JobCounts = { started: 0, completed: 0, failed: 0, retried: 0, stalled: 0, rate_limit_exceeded: 0 }
const ENDS: readonly JobEventType[] = ['completed', 'failed', 'retried']
const TROUBLES: readonly JobEventType[] = ['failed', 'retried', 'rate_limit_exceeded']
const MAX_BUCKETS = 1_500
const MOST_REASONS = 10
/** A pause as long as this ends a spell of rate limiting. */
const SPELL_MS = 15 * 60_000
const LOOK_MS = 60_000

type Durations = { p50Ms: number | null; p95Ms: number | null }
export type JobSummary = JobCounts & Durations & {
  source: JobEvent['source']; queue: string; job: string
  /** completed / (completed + failed); null when none ended. */
  successRate: number | null
  lastAt: Date
  reasons: { reason: string; count: number }[]
}
export type JobSeriesPoint = JobCounts & Durations & { bucketAt: Date; queue: string }

/**
 * What jobs did in a range: counts, durations by nearest rank, reasons of trouble, and the same by bucket and queue.
 * Rejects with `RANGE_INVALID` beyond 1,500 buckets.
 */
export async function readJobEvents(
  range: JobEventRange, bucketMs: number, telemetry: TelemetryStore,
): Promise<{ jobs: JobSummary[]; series: JobSeriesPoint[] }> {
  if ((range.to.getTime() - range.from.getTime()) / bucketMs > MAX_BUCKETS) {
    throw new AppError('RANGE_INVALID', `the range holds more than ${MAX_BUCKETS} buckets`)
  }
  const byJob = { by: ['source', 'queue', 'job'] } as const
  const byBucket = { by: ['queue'], bucketMs } as const
  const [jobs, series, reasons] = await Promise.all([
    readGroups(range, byJob, telemetry), readGroups(range, byBucket, telemetry),
    telemetry.summarize({ ...range, types: TROUBLES }, { by: ['source', 'queue', 'job', 'reason'] }),
  ])
  return {
    jobs: jobs.map(({ counts, source, queue, job, p50Ms, p95Ms, lastAt }) => {
      const ended = counts.completed + counts.failed
      return {
        source: source as JobEvent['source'], queue: queue!, job: job!, ...counts, p50Ms, p95Ms, lastAt,
        successRate: ended === 0 ? null : counts.completed / ended,
        reasons: reasons.filter((one) => one.reason !== null && one.source === source && one.queue === queue && one.job === job)
          .slice(0, MOST_REASONS).map(({ reason, count }) => ({ reason: reason!, count })),
      }
    }).sort((a, b) => b.lastAt.getTime() - a.lastAt.getTime()),
    series: series.map(({ counts, queue, bucketAt, p50Ms, p95Ms }) => ({ bucketAt: bucketAt!, queue: queue!, ...counts, p50Ms, p95Ms }))
      .sort((a, b) => a.bucketAt.getTime() - b.bucketAt.getTime() || (a.queue < b.queue ? -1 : 1)),
  }
}

/** Who worked in a range, latest first. Events that name no worker are left out. */
export async function readJobWorkers(range: JobEventRange, telemetry: TelemetryStore) {
  const [workers, queues] = await Promise.all([
    readGroups(range, { by: ['source', 'worker'] }, telemetry),
    telemetry.summarize(range, { by: ['source', 'worker', 'queue'] }),
  ])
  return workers.filter(({ worker }) => worker !== null).map(({ source, worker, counts, p95Ms, lastAt }) => ({
    source: source as JobEvent['source'], worker: worker!, ...counts, p95Ms, lastAt,
    queues: queues.filter((one) => one.source === source && one.worker === worker).map(({ queue }) => queue!).sort(),
  })).sort((a, b) => b.lastAt.getTime() - a.lastAt.getTime())
}

/** Spells of rate limiting by queue, job and reason, latest first: a pause of 15 minutes ends one. */
export async function readRateLimits(range: JobEventRange, now: Date, telemetry: TelemetryStore) {
  const minutes = await telemetry.summarize({ ...range, types: ['rate_limit_exceeded'] }, {
    by: ['source', 'queue', 'job', 'reason'], bucketMs: LOOK_MS,
  })
  minutes.sort((a, b) => a.firstAt.getTime() - b.firstAt.getTime())
  const open = new Map<string, ReturnType<typeof begin>>()
  const spells: ReturnType<typeof begin>[] = []
  function begin({ source, queue, job, reason, firstAt, lastAt, count }: (typeof minutes)[number]) {
    return { source: source as JobEvent['source'], queue: queue!, job: job!, reason: reason ?? '', firstAt, lastAt, count }
  }
  for (const minute of minutes) {
    const name = JSON.stringify([minute.source, minute.queue, minute.job, minute.reason])
    const spell = open.get(name)
    if (spell && minute.firstAt.getTime() - spell.lastAt.getTime() < SPELL_MS) {
      spell.lastAt = minute.lastAt
      spell.count += minute.count
    } else {
      const next = begin(minute)
      open.set(name, next)
      spells.push(next)
    }
  }
  return spells.map((spell) => ({ ...spell, active: now.getTime() - spell.lastAt.getTime() < SPELL_MS }))
    .sort((a, b) => b.lastAt.getTime() - a.lastAt.getTime())
}

async function readGroups(range: JobEventRange, group: GroupJobEvents, telemetry: TelemetryStore) {
  const [rows, percentiles] = await Promise.all([
    telemetry.summarize(range, { ...group, by: [...group.by, 'type'] }),
    telemetry.listPercentiles({ ...range, types: ENDS }, group),
  ])
  const nameOf = (row: Partial<Record<string, unknown>>) =>
    JSON.stringify([...group.by.map((part) => row[part]), (row['bucketAt'] as Date | undefined)?.getTime()])
  const durations = new Map(percentiles.map((row) => [nameOf(row), row]))
  return [...Map.groupBy(rows, nameOf)].map(([name, ofGroup]) => {
    const { type: _, ...first } = ofGroup[0]!
    const counts = { ...NONE }
    for (const { type, count } of ofGroup) counts[type as JobEventType] = count
    const { p50Ms = null, p95Ms = null } = durations.get(name) ?? {}
    return { ...first, counts, p50Ms, p95Ms, lastAt: new Date(Math.max(...ofGroup.map(({ lastAt }) => lastAt.getTime()))) }
  })
}
