import {
  jobEventSchema, recordedTelemetrySchema, telemetryAlertsAnswerSchema, telemetryAlertsQuerySchema, telemetryBodySchema,
  kpisAnswerSchema, kpisQuerySchema, telemetryExample, telemetryJobsAnswerSchema, telemetryJobsQuerySchema, telemetrySchedulesAnswerSchema,
  telemetrySchedulesQuerySchema, telemetryWorkersAnswerSchema, telemetryWorkersQuerySchema,
} from '@tallyfleet/api-contract'
import { AppError, faultsOf, forbiddenKey, MAX_BODY_BYTES, MAX_EVENTS, parseInstant, type Fault } from '@tallyfleet/domain'
import {
  countDropped, FLEET_TENANT, rangeError, readInstant, readJobEvents, readJobWorkers, readKpis, readRateLimits, readSchedules,
  type Caller, type CronTicks,
} from '@tallyfleet/features'
import { jobs as jobDefinitions } from '@tallyfleet/jobs'
import type { Clock, JobEvent, JobEventRange } from '@tallyfleet/ports'
import { CronExpressionParser } from 'cron-parser'
import { defineRoute } from '../../http/define-route.ts'
import { overseesAll } from '../../http/oversees-all.ts'
import { parseJson } from '../../http/parse-json.ts'
import { readBody } from '../../http/read-body.ts'
import { toEnvelope } from '../../http/to-envelope.ts'

const tag = 'telemetry'
const DAY_MS = 86_400_000
const SPANS_MS = { minute: 60_000, hour: 3_600_000, day: DAY_MS } as const
const MAX_AHEAD_MS = 300_000
const MAX_AGE_MS = 30 * DAY_MS

export const recordTelemetry = defineRoute({
  method: 'post', path: '/api/v1/telemetry', id: 'recordTelemetry', tag, scope: 'ingest',
  summary: 'Record what happened to jobs of your own queues, up to 1,000 events',
  description: 'An object, an array, or `{"events": […]}`. An event is kept once by its id; a bad one never fails its '
    + 'neighbours. At most 1 MiB.',
  body: { schema: telemetryBodySchema, types: ['application/json'], example: telemetryExample },
  answers: { 202: { description: 'Kept', schema: recordedTelemetrySchema } },
}, async ({ request, caller }, { telemetry, clock }) => {
  const inputs = inputsOf(parseJson(await readBody(request, MAX_BODY_BYTES)))
  if (inputs.length === 0) throw new AppError('BATCH_EMPTY', 'the batch holds no event')
  if (inputs.length > MAX_EVENTS) {
    throw new AppError('BATCH_TOO_LONG', `the batch holds ${inputs.length} events, more than ${MAX_EVENTS}`)
  }
  const rejected: { index: number; id?: string; code: string; detail: string; pointer: string }[] = []
  const events: JobEvent[] = []
  for (const [index, input] of inputs.entries()) {
    const read = readJobEvent(input, caller, clock.now())
    if ('event' in read) events.push(read.event)
    else {
      const id = (input as { id?: unknown } | null)?.id
      rejected.push({ index, ...(typeof id === 'string' && { id: id.slice(0, 128) }), ...read.fault })
    }
  }
  const accepted = await telemetry.append(events)
  return { status: 202, body: { accepted, duplicates: events.length - accepted, rejected } }
}, { readsBody: true })

export const telemetryJobs = defineRoute({
  method: 'get', path: '/api/v1/telemetry/jobs', id: 'readTelemetryJobs', tag, scope: 'read',
  summary: 'Rates, durations and reasons of failure, by job, and by queue over time',
  description: 'As CSV: a row for each job.',
  query: telemetryJobsQuerySchema, list: 'jobs',
  answers: { 200: { description: 'Jobs and series', schema: telemetryJobsAnswerSchema } },
}, async ({ caller, query }, { telemetry, records, clock }) => {
  const range = rangeOf(query, caller, clock)
  const { jobs, series } = await readJobEvents(range, SPANS_MS[query.interval], telemetry)
  const dropped = range.tenants.includes(FLEET_TENANT) && query.source !== 'api' ? await countDropped(range, { records }) : 0
  return { body: toEnvelope({
    jobs: jobs.map((job) => ({ ...job, lastAt: job.lastAt.toISOString() })),
    series: series.map(({ bucketAt, ...point }) => ({ bucket: bucketAt.toISOString(), ...point })),
    dropped,
  }, clock.now()) }
})

export const telemetryAlerts = defineRoute({
  method: 'get', path: '/api/v1/telemetry/alerts', id: 'listRateLimitAlerts', tag, scope: 'read',
  summary: 'Spells of rate limiting, latest first', query: telemetryAlertsQuerySchema, list: true,
  answers: { 200: { description: 'The spells', schema: telemetryAlertsAnswerSchema } },
}, async ({ caller, query }, { telemetry, clock }) => {
  const spells = await readRateLimits(rangeOf(query, caller, clock), clock.now(), telemetry)
  return { body: toEnvelope(spells.map((spell) =>
    ({ ...spell, firstAt: spell.firstAt.toISOString(), lastAt: spell.lastAt.toISOString() })), clock.now()) }
})

export const telemetryWorkers = defineRoute({
  method: 'get', path: '/api/v1/telemetry/workers', id: 'listTelemetryWorkers', tag, scope: 'read',
  summary: 'Who worked, latest first', query: telemetryWorkersQuerySchema, list: true,
  answers: { 200: { description: 'The workers', schema: telemetryWorkersAnswerSchema } },
}, async ({ caller, query }, { telemetry, clock }) => {
  const workers = await readJobWorkers(rangeOf(query, caller, clock), telemetry)
  return { body: toEnvelope(workers.map((worker) => ({ ...worker, lastAt: worker.lastAt.toISOString() })), clock.now()) }
})

export const telemetrySchedules = defineRoute({
  method: 'get', path: '/api/v1/telemetry/schedules', id: 'listSchedules', tag, scope: 'read',
  summary: 'What runs by the clock: when next, how it went last, what was missed',
  query: telemetrySchedulesQuerySchema, list: true,
  answers: { 200: { description: 'The schedules, by name', schema: telemetrySchedulesAnswerSchema } },
}, async (_context, { journal, clock }) => {
  const schedules = await readSchedules(jobDefinitions, { journal, clock, cronTicks })
  const data = schedules.map(({ definition, nextAt, lastAt, lastState, lastError, lastDurationMs, ...view }) => ({
    ...view,
    pattern: 'pattern' in definition ? definition.pattern : null, zone: 'zone' in definition ? definition.zone : null,
    everyMs: 'everyMs' in definition ? definition.everyMs : null,
    nextAt: nextAt?.toISOString() ?? null, lastAt: lastAt?.toISOString() ?? null, lastState: lastState ?? null,
    lastError: lastError ?? null, lastDurationMs: lastDurationMs ?? null,
  }))
  return { body: toEnvelope(data, clock.now()) }
})

export const telemetryKpis = defineRoute({
  method: 'get', path: '/api/v1/telemetry/kpis', id: 'readKpis', tag, scope: 'read',
  summary: 'The five promises of an installation: value, target and history',
  description: 'Acceptance and repeats are those of the tenant; flushes, parity and answers belong to all. As CSV: a row '
    + 'for each bucket.',
  query: kpisQuerySchema, list: true,
  answers: { 200: { description: 'The promises', schema: kpisAnswerSchema } },
}, async ({ caller, query: { interval, buckets } }, needs) => {
  const most = { day: 90, hour: 168 }[interval]
  const kpis = await readKpis(caller.tenant.id, { interval, buckets: Math.min(buckets, most) }, needs)
  const rows = kpis.flatMap(({ kpi, unit, target, history }) => history.map((point) => ({ kpi, unit, target, ...point })))
  return { body: toEnvelope(kpis, needs.clock.now()), rows }
})

const cronTicks: CronTicks = function* (pattern, zone, after) {
  yield CronExpressionParser.parse(pattern, { currentDate: after, tz: zone }).next().toDate()
}

function rangeOf(
  query: { from?: string | undefined; to?: string | undefined; source?: JobEvent['source'] | undefined; queue?: string | undefined },
  caller: Caller, clock: Clock,
): JobEventRange {
  const { tenant } = caller
  const to = query.to === undefined ? clock.now() : readInstant('/to', query.to, tenant.zone)
  const from = query.from === undefined ? new Date(to.getTime() - DAY_MS) : readInstant('/from', query.from, tenant.zone)
  if (from >= to) throw rangeError('/to', 'is not after `from`: `to` is exclusive')
  // Our own queues are the installation's: its people see them from every tenant, keys of another tenant do not.
  const tenants = caller.user || overseesAll(caller) ? [tenant.id, FLEET_TENANT] : [tenant.id]
  return { tenants, from, to, source: query.source, queue: query.queue }
}

function inputsOf(body: unknown): unknown[] {
  if (Array.isArray(body)) return body
  const { events, ...others } = (body ?? {}) as { events?: unknown }
  return Array.isArray(events) && Object.keys(others).length === 0 ? events : [body]
}

function readJobEvent(input: unknown, { tenant }: Caller, now: Date): { event: JobEvent } | { fault: Fault } {
  const forbidden = forbiddenKey(input)
  if (forbidden) return { fault: { code: 'KEY_FORBIDDEN', pointer: forbidden, detail: 'this key could alter a prototype' } }
  const parsed = jobEventSchema.safeParse(input)
  if (!parsed.success) return { fault: faultsOf(parsed.error.issues[0]!)[0]! }
  const { id, type, queue, job, job_id: jobId, duration_ms: durationMs, attempt, worker, reason } = parsed.data
  const at = parseInstant(parsed.data.at)
  const fault = (code: Fault['code'], detail: string) => ({ fault: { code, pointer: '/at', detail } })
  if (!at) return fault('FIELD_INVALID', 'is not an RFC 3339 instant with Z or an offset')
  if (at.getTime() > now.getTime() + MAX_AHEAD_MS) return fault('OCCURRED_IN_FUTURE', 'is more than 5 minutes ahead')
  if (at.getTime() < now.getTime() - MAX_AGE_MS) return fault('OCCURRED_TOO_LONG_AGO', 'is more than 30 days ago')
  return { event: { tenant: tenant.id, source: 'api', id, type, queue, job, jobId, at, durationMs, attempt, worker, reason } }
}
