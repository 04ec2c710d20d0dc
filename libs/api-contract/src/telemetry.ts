import { z } from 'zod'
import { envelopeOf } from './envelope.ts'
import { formatParameter, integerParameter } from './parameters.ts'

const label = (most: number) => z.string().min(1).max(most).regex(/^[^\p{Cc}]*$/u, 'holds a control character')

/** What happens to a job. `retried`: failed, and will come back; `failed`: for good. */
export const JOB_EVENT_TYPES = ['started', 'completed', 'failed', 'retried', 'stalled', 'rate_limit_exceeded'] as const

/** One event in the life of a job, ours or of anybody's queue. */
export const jobEventSchema = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9._:-]{1,128}$/, 'needs 1 to 128 of A-Z a-z 0-9 . _ : -')
    .meta({ description: 'Unique for the tenant: a repeat counts once, for as long as events are kept', example: 'crawl-77-1-started' }),
  type: z.enum(JOB_EVENT_TYPES),
  queue: label(100).meta({ example: 'crawl' }),
  job: label(100).meta({ description: 'Kind of job', example: 'fetch-movie' }),
  job_id: label(200).optional().meta({ example: '77' }),
  at: z.string().max(64).meta({ description: 'RFC 3339 with Z or an offset; up to 5 minutes ahead, 30 days behind', example: '2026-11-21T10:00:00Z' }),
  duration_ms: z.number().min(0).max(2_592_000_000).optional().meta({ description: 'Of the try that ended', example: 840 }),
  attempt: z.int().min(1).max(1_000_000).optional(),
  worker: label(200).optional().meta({ example: 'crawler-2' }),
  reason: z.string().max(500).optional().meta({ description: 'Why it failed, waits or was limited: short, the same for the same cause', example: 'HTTP 429' }),
}).meta({ id: 'JobEvent' })

export type JobEventInput = z.input<typeof jobEventSchema>

const batch = z.array(jobEventSchema).min(1).max(1_000)
export const telemetryBodySchema = z.union([jobEventSchema, batch, z.strictObject({ events: batch })])
export const telemetryExample = { events: [
  { id: 'crawl-77-1-started', type: 'started', queue: 'crawl', job: 'fetch-movie', job_id: '77', at: '2026-11-21T10:00:00Z' },
  {
    id: 'crawl-77-1-limited', type: 'rate_limit_exceeded', queue: 'crawl', job: 'fetch-movie', job_id: '77',
    at: '2026-11-21T10:00:01Z', reason: 'HTTP 429', duration_ms: 840,
  },
] }

export const recordedTelemetrySchema = z.object({
  accepted: z.int(), duplicates: z.int(),
  rejected: z.array(z.object({
    index: z.int(), id: z.string().optional(), code: z.string(), detail: z.string(), pointer: z.string(),
  })),
}).meta({ id: 'RecordedTelemetry' })

const range = {
  from: z.string().max(64).optional().meta({ description: 'Instant or day, inclusive; absent: a day before `to`', example: '2026-11-20T10:00:00Z' }),
  to: z.string().max(64).optional().meta({ description: 'Instant or day, exclusive; absent: now' }),
  source: z.enum(['fleet', 'api']).optional().meta({ description: 'fleet: our own queues; api: sent to `/telemetry`' }),
  queue: z.string().min(1).max(100).optional(),
}
const counts = {
  started: z.int(), completed: z.int(), failed: z.int(), retried: z.int(), stalled: z.int(), rate_limit_exceeded: z.int(),
}
const milliseconds = z.number().nullable().meta({ description: 'In milliseconds, nearest rank; null when no try ended' })

export const telemetryJobsQuerySchema = z.strictObject({
  ...range,
  interval: z.enum(['minute', 'hour', 'day']).default('hour').meta({ description: 'Of the series, in UTC; at most 1,500 buckets' }),
  format: formatParameter,
})

export const telemetryJobsAnswerSchema = envelopeOf(z.object({
  jobs: z.array(z.object({
    source: z.enum(['fleet', 'api']), queue: z.string(), job: z.string(),
    ...counts,
    successRate: z.number().nullable().meta({ description: 'completed / (completed + failed); null when none ended' }),
    p50Ms: milliseconds, p95Ms: milliseconds,
    lastAt: z.iso.datetime(),
    reasons: z.array(z.object({ reason: z.string(), count: z.int() })).meta({ description: 'Of failed, retried and limited tries, most first; at most 10' }),
  })),
  series: z.array(z.object({
    bucket: z.iso.datetime(), queue: z.string(), ...counts, p50Ms: milliseconds, p95Ms: milliseconds,
  })).meta({ description: 'By bucket and queue; buckets without an event are absent' }),
  dropped: z.int().meta({ description: 'Events of our own jobs, by whole hours, that could not be kept and are not in these numbers' }),
}))

export const telemetryAlertsQuerySchema = z.strictObject({ ...range, format: formatParameter })
export const telemetryAlertsAnswerSchema = envelopeOf(z.array(z.object({
  source: z.enum(['fleet', 'api']), queue: z.string(), job: z.string(), reason: z.string(),
  firstAt: z.iso.datetime(), lastAt: z.iso.datetime(), count: z.int(),
  active: z.boolean().meta({ description: 'Seen within the last 15 minutes' }),
})).meta({ description: 'Spells of rate limiting, latest first: a pause of 15 minutes ends one' }))

export const telemetryWorkersQuerySchema = z.strictObject({ ...range, format: formatParameter })
export const telemetryWorkersAnswerSchema = envelopeOf(z.array(z.object({
  source: z.enum(['fleet', 'api']), worker: z.string(), queues: z.array(z.string()),
  ...counts, p95Ms: milliseconds,
  lastAt: z.iso.datetime().meta({ description: 'Of its last event' }),
})))

export const telemetrySchedulesQuerySchema = z.strictObject({ format: formatParameter })
export const telemetrySchedulesAnswerSchema = envelopeOf(z.array(z.object({
  name: z.string(), queue: z.string(),
  schedule: z.string().meta({ description: 'In words; a cron pattern that is neither hourly nor daily as it is', example: 'every minute' }),
  pattern: z.string().nullable(), zone: z.string().nullable(), everyMs: z.int().nullable(),
  nextAt: z.iso.datetime().nullable(),
  next: z.string().meta({ description: 'The same in words', example: 'in 40 seconds' }),
  lastAt: z.iso.datetime().nullable().meta({ description: 'Start of the last tick that a worker took' }),
  lastState: z.enum(['running', 'done', 'failed']).nullable(),
  lastError: z.string().nullable().meta({ description: 'Code of the error', example: 'STORE_UNAVAILABLE' }),
  lastDurationMs: z.number().nullable().meta({ description: 'From its first start to its end, retries included' }),
  ticks: z.object({ done: z.int(), failed: z.int(), skipped: z.int(), open: z.int() })
    .meta({ description: 'Within the last 24 hours, of at most the newest 2,000; `skipped`: missed for ever, or left out beside an earlier one' }),
  late: z.boolean().meta({ description: 'The next tick is overdue by more than a minute' }),
})))

export const kpisQuerySchema = z.strictObject({
  interval: z.enum(['hour', 'day']).default('day').meta({ description: 'Of the history, in UTC' }),
  buckets: integerParameter(168, 30).meta({ description: 'How many, this one the last; at most 90 days' }),
  format: formatParameter,
})

export const kpisAnswerSchema = envelopeOf(z.array(z.object({
  kpi: z.enum(['acceptance', 'dedupe', 'flush', 'parity', 'responsiveness']),
  title: z.string(),
  unit: z.enum(['share', 'events', 'errors', 'differences', 'milliseconds']),
  value: z.number().nullable().meta({ description: 'Of the last bucket that has one' }),
  target: z.number(),
  better: z.enum(['higher', 'lower']),
  met: z.boolean().nullable(),
  explains: z.string().meta({ description: 'What is measured, and how' }),
  history: z.array(z.object({
    bucket: z.string().meta({ description: 'A day, or an hour as `2026-11-21T10`', example: '2026-11-21' }),
    value: z.number(), met: z.boolean(), detail: z.record(z.string(), z.number()),
  })).meta({ description: 'Oldest first; buckets without data are absent' }),
})))

export type TelemetryJobs = z.output<typeof telemetryJobsAnswerSchema>['data']
export type RateLimitAlert = z.output<typeof telemetryAlertsAnswerSchema>['data'][number]
export type TelemetryWorker = z.output<typeof telemetryWorkersAnswerSchema>['data'][number]
export type TelemetrySchedule = z.output<typeof telemetrySchedulesAnswerSchema>['data'][number]
export type Kpi = z.output<typeof kpisAnswerSchema>['data'][number]
