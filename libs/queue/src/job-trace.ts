import {
  context, isSpanContextValid, propagation, ProxyTracerProvider, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace,
  type Attributes, type Link, type Span,
} from '@opentelemetry/api'

/** What travels with a job: the W3C headers of the span that enqueued it, and `previous`, that of its last try. */
export type TraceCarrier = Record<string, string>

type Named = { queue: string; job: string }

const NAME = 'tallyfleet-queue'
const tracer = trace.getTracer(NAME)

/** Whether an operator loaded an SDK. Without one a span is nothing, and yet takes time to make. */
export function isTracing(): boolean {
  const provider = trace.getTracerProvider()
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegateTracer(NAME) !== undefined
}

/**
 * Runs `add` in a span of its own and gives it what shall travel with the job: nothing unless the operator loaded an
 * OpenTelemetry SDK. Spans hold names, ids and codes, never payloads, results or messages.
 */
export async function traceEnqueue<T>(names: Named, add: (carrier: TraceCarrier | undefined) => Promise<T>): Promise<T> {
  if (!isTracing()) return await add(undefined)
  const span = tracer.startSpan(`enqueue ${names.job}`, { kind: SpanKind.PRODUCER, attributes: attributesOf(names) })
  if (!isSpanContextValid(span.spanContext())) return await add(undefined)
  try {
    return await context.with(trace.setSpan(context.active(), span), () => add(carrierOf(span)))
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR })
    throw error
  } finally {
    span.end()
  }
}

/**
 * Runs one try in a span: a child of the one that enqueued the job, linked to the try before. `run` gets what to keep
 * with the job for the next try, if there is to be one.
 */
export async function traceTry<T>(
  { attempt, jobId, carrier, ...names }: Named & { attempt: number; jobId: string; carrier: TraceCarrier | undefined },
  run: (traced: TracedTry | undefined) => Promise<T>,
): Promise<T> {
  const parent = carrier ? propagation.extract(ROOT_CONTEXT, carrier) : ROOT_CONTEXT
  const span = tracer.startSpan(`process ${names.job}`, {
    kind: SpanKind.CONSUMER, links: linksOf(carrier),
    attributes: { ...attributesOf(names), 'messaging.message.id': jobId, 'tallyfleet.attempt': attempt },
  }, parent)
  if (!isSpanContextValid(span.spanContext())) return await run(undefined)
  const traced: TracedTry = {
    next: { ...carrier, previous: carrierOf(span)['traceparent'] ?? '' },
    ended(how, code) {
      span.setAttribute('tallyfleet.end', how)
      if (code === undefined) return
      span.setAttribute('error.type', code).setStatus({ code: SpanStatusCode.ERROR })
    },
  }
  try {
    return await context.with(trace.setSpan(parent, span), () => run(traced))
  } finally {
    span.end()
  }
}

export type TracedTry = { next: TraceCarrier; ended(how: string, code: string | undefined): void }

function attributesOf({ queue, job }: Named): Attributes {
  return { 'messaging.system': 'bullmq', 'messaging.destination.name': queue, 'tallyfleet.job': job }
}

function carrierOf(span: Span): TraceCarrier {
  const carrier: TraceCarrier = {}
  propagation.inject(trace.setSpan(ROOT_CONTEXT, span), carrier)
  return carrier
}

function linksOf(carrier: TraceCarrier | undefined): Link[] {
  if (!carrier?.['previous']) return []
  const previous = trace.getSpanContext(propagation.extract(ROOT_CONTEXT, { traceparent: carrier['previous'] }))
  return previous ? [{ context: previous }] : []
}
