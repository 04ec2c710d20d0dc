import { eventsBodySchema, recordedBatchSchema, recordedSchema, type Recorded, type RecordedBatch } from '@tallyfleet/api-contract'
import { AppError, forbiddenKey, isBot, MAX_BODY_BYTES, MAX_EVENTS, type ErrorCode } from '@tallyfleet/domain'
import { recordEvents, type Caller, type RecordedEvent } from '@tallyfleet/features'
import type { LiveEvent } from '@tallyfleet/ports'
import { z } from 'zod'
import { defineRoute } from '../../http/define-route.ts'
import { parseJson } from '../../http/parse-json.ts'
import { readBody } from '../../http/read-body.ts'
import type { ApiNeeds } from '../../needs.ts'

/** The way in of every event. Nothing is parsed before the sender is known, nothing counted before all is read. */
export const events = defineRoute({
  method: 'post',
  path: '/api/v1/events',
  id: 'recordEvents',
  tag: 'ingest',
  summary: 'Record one event or a batch of up to 1,000',
  description: 'An object is one event; an array, or `{"events": […]}`, is a batch, answered as a batch even when it '
    + 'holds one event. At most 1 MiB, before and after gzip. After a 202 every accepted event is counted exactly '
    + 'once; without an answer, repeat the request with the same `event_id`s within 48 hours.',
  scope: 'ingest',
  body: {
    schema: eventsBodySchema,
    types: ['application/json', 'text/plain'],
    example: {
      domain: 'jav', entity_type: 'movie', entity_id: 'm-1', action: 'view',
      occurred_at: '2026-11-21T10:00:00Z', event_id: '018f-1',
    },
  },
  answers: { 202: { description: 'Counted', schema: z.union([recordedSchema, recordedBatchSchema]) } },
}, async ({ request, caller }, needs) => {
  const agent = request.headers['user-agent'] ?? ''
  if (caller.key.publishable && isBot(agent)) {
    throw new AppError('BOT_REFUSED', `the user agent ${JSON.stringify(agent.slice(0, 200))} is a known bot`)
  }
  const body = parseJson(await readBody(request, MAX_BODY_BYTES))
  const inputs = Array.isArray(body) ? body : batchOf(body)
  return { status: 202, body: inputs ? await recordBatch(inputs, caller, needs) : await recordOne(body, caller, needs) }
}, { readsBody: true })

async function recordOne(input: unknown, caller: Caller, needs: ApiNeeds): Promise<Recorded> {
  const outcome = (await record([input], caller, needs))[0]!
  if (outcome.status !== 'rejected') return { status: outcome.status }
  const [first] = outcome.faults
  throw new AppError('EVENT_INVALID', `the event has faults: ${first.pointer || '/'} ${first.detail}`, {
    details: { errors: outcome.faults },
  })
}

async function recordBatch(inputs: readonly unknown[], caller: Caller, needs: ApiNeeds): Promise<RecordedBatch> {
  if (inputs.length === 0) throw new AppError('BATCH_EMPTY', 'the batch holds no event')
  if (inputs.length > MAX_EVENTS) {
    throw new AppError('BATCH_TOO_LONG', `the batch holds ${inputs.length} events, more than ${MAX_EVENTS}`)
  }
  const answer: RecordedBatch = { accepted: 0, duplicates: 0, rejected: [] }
  for (const [index, outcome] of (await record(inputs, caller, needs)).entries()) {
    if (outcome.status === 'rejected') {
      const { code, detail, pointer } = outcome.faults[0]
      answer.rejected.push({ index, ...eventIdOf(inputs[index]), code, detail, pointer })
    } else if (outcome.status === 'accepted') answer.accepted++
    else answer.duplicates++
  }
  return answer
}

async function record(inputs: readonly unknown[], { key, tenant }: Caller, needs: ApiNeeds): Promise<RecordedEvent[]> {
  const eventsPerMinute = key.eventsPerMinute ?? needs.config.INGEST_EVENTS_PER_MINUTE
  const outcomes = await recordEvents(
    inputs, { tenant: tenant.id, zone: tenant.zone, keyId: key.id, eventsPerMinute }, needs,
  )
  const counts = { accepted: 0, duplicate: 0, rejected: 0 }
  for (const { status } of outcomes) counts[status]++
  const { accepted } = counts
  const isCounted = (_: unknown, index: number) => outcomes[index]!.status === 'accepted'
  if (accepted > 0) needs.live.note(tenant.id, (accepted === inputs.length ? inputs : inputs.filter(isCounted)) as LiveEvent[])
  const counter = needs.metrics.counter('ingest_events_total', 'Events by outcome', ['outcome'])
  for (const [outcome, events] of Object.entries(counts)) if (events > 0) counter.inc({ outcome }, events)
  return outcomes
}

/** The events of `{"events": […]}`; undefined when the body is a single event. Throws for what is neither. */
function batchOf(body: unknown): unknown[] | undefined {
  if (typeof body !== 'object' || body === null) {
    throw fault('FIELD_INVALID', '', 'needs an event, an array of events, or an object with `events`')
  }
  if (!Object.hasOwn(body, 'events')) return undefined
  const forbidden = forbiddenKey({ ...body, events: undefined })
  if (forbidden) throw fault('KEY_FORBIDDEN', forbidden, 'could alter a prototype')
  const other = Object.keys(body).find((name) => name !== 'events')
  if (other !== undefined) {
    throw fault('FIELD_UNKNOWN', `/${other.replaceAll('~', '~0').replaceAll('/', '~1')}`, 'stands beside `events`')
  }
  const { events: inputs } = body as { events: unknown }
  if (!Array.isArray(inputs)) throw fault('FIELD_INVALID', '/events', 'needs an array')
  return inputs
}

function eventIdOf(input: unknown): { event_id?: string } {
  const id = typeof input === 'object' && input !== null ? (input as { event_id?: unknown }).event_id : undefined
  return typeof id === 'string' ? { event_id: id.slice(0, 128) } : {}
}

function fault(code: ErrorCode, pointer: string, detail: string): AppError {
  return new AppError(code, `${pointer || 'the body'} ${detail}`, { details: { errors: [{ code, pointer, detail }] } })
}
