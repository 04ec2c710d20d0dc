import { AsyncLocalStorage } from 'node:async_hooks'
import {
  context, propagation, ROOT_CONTEXT, trace, TraceFlags, type Context, type ContextManager, type Link, type Span,
  type SpanOptions, type TextMapPropagator, type Tracer,
} from '@opentelemetry/api'
import { AppError } from '@tallyfleet/domain'
import { defineJob } from '@tallyfleet/ports'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { openQueueUnderTest } from './queue-under-test.fixture.ts'

type Recorded = { name: string; traceId: string; spanId: string; parent: string | undefined; links: Link[]; attributes: Record<string, unknown>; ended: boolean }

const secretive = defineJob({
  name: 'secretive', queue: 'tests', payload: z.strictObject({ word: z.string() }), softTimeoutMs: 30_000, timeoutMs: 60_000, attempts: 3, backoffMs: 1, maxBackoffMs: 2,
})

const spans: Recorded[] = []
const hex = (digits: number) => Array.from({ length: digits }, () => Math.floor(Math.random() * 16).toString(16)).join('')

/** What an operator's SDK would bring, in memory. */
const tracer = {
  startSpan(name: string, options: SpanOptions = {}, parent: Context = context.active()): Span {
    const above = trace.getSpanContext(parent)
    const span: Recorded = {
      name, traceId: above?.traceId ?? hex(32), spanId: hex(16), parent: above?.spanId, links: options.links ?? [],
      attributes: { ...options.attributes }, ended: false,
    }
    spans.push(span)
    const own = {
      spanContext: () => ({ traceId: span.traceId, spanId: span.spanId, traceFlags: TraceFlags.SAMPLED }),
      setAttribute: (key: string, value: unknown) => { span.attributes[key] = value; return own },
      setStatus: () => own, isRecording: () => true, end: () => { span.ended = true },
    }
    return own as unknown as Span
  },
} as Tracer

const propagator: TextMapPropagator = {
  fields: () => ['traceparent'],
  inject(from, carrier, setter) {
    const span = trace.getSpanContext(from)
    if (span) setter.set(carrier, 'traceparent', `00-${span.traceId}-${span.spanId}-01`)
  },
  extract(into, carrier, getter) {
    const [, traceId, spanId] = String(getter.get(carrier, 'traceparent') ?? '').split('-')
    return traceId && spanId ? trace.setSpanContext(into, { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true }) : into
  },
}

const storage = new AsyncLocalStorage<Context>()
const contexts = {
  active: () => storage.getStore() ?? ROOT_CONTEXT, with: (active: Context, run: (...args: never[]) => unknown, self: unknown, ...args: never[]) => storage.run(active, () => run.apply(self, args)),
  bind: <T>(_: Context, target: T) => target, enable() { return this }, disable() { return this },
} as unknown as ContextManager

test('without an SDK nothing is added to a job', async () => {
  await using under = await openQueueUnderTest(secretive)
  const id = await under.queue.enqueue(secretive, { word: 'hush' })
  expect((await under.bull.getJob(id))!.data).toEqual({ payload: { word: 'hush' } })
})

test('one trace leads from the request over the queue to what each try does, and a try links to the one before', async () => {
  trace.setGlobalTracerProvider({ getTracer: () => tracer })
  propagation.setGlobalPropagator(propagator)
  context.setGlobalContextManager(contexts)
  await using under = await openQueueUnderTest(secretive)
  const request = tracer.startSpan('POST /api/v1/events')
  await context.with(trace.setSpan(ROOT_CONTEXT, request), () => under.queue.enqueue(secretive, { word: 'hush' }))
  await under.work(async ({ attempt }) => {
    tracer.startSpan('INSERT').end()
    if (attempt === 1) throw new AppError('STORE_UNAVAILABLE', 'hush is away')
    return { answer: 'hush' }
  })
  await under.settled('completed')
  const [top, enqueue, first, , second] = spans
  expect(spans.map(({ name }) => name)).toEqual(['POST /api/v1/events', 'enqueue secretive', 'process secretive', 'INSERT', 'process secretive', 'INSERT'])
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1)
  expect(spans.slice(1).map(({ parent }) => parent)).toEqual([top, enqueue, first, enqueue, second].map((span) => span!.spanId))
  expect(first!.links).toEqual([])
  expect(second!.links).toMatchObject([{ context: { traceId: top!.traceId, spanId: first!.spanId } }])
  expect(first!.attributes).toMatchObject({ 'messaging.destination.name': 'tests', 'tallyfleet.attempt': 1, 'tallyfleet.end': 'retry', 'error.type': 'STORE_UNAVAILABLE' })
  expect(second!.attributes).toMatchObject({ 'tallyfleet.attempt': 2, 'tallyfleet.end': 'done' })
  expect(JSON.stringify(spans)).not.toContain('hush')
  expect(spans.slice(1).every(({ ended }) => ended)).toBe(true)
})
