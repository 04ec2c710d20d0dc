import { FLEET_TENANT, JobEventRecorder, readKpis, ResponseTimes } from '@tallyfleet/features'
import { silentLog } from '@tallyfleet/ports'
import { parse } from 'csv-parse/sync'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventOf, startApi, type TestApi } from '../start-api.fixture.ts'

let api: TestApi
let key: string
beforeAll(async () => {
  api = await startApi()
  key = await api.key({ scopes: ['ingest', 'read'] })
}, 60_000)
afterAll(() => api[Symbol.asyncDispose]())

const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()
const get = async (path: string) => (await api.call('GET', path, { key })).json.data

test('events of somebody\'s queues are kept once by id, and told by job, queue, reason, spell and worker', async () => {
  const event = { queue: 'crawl', job: 'fetch', worker: 'w-1' }
  const events = [
    ...[10, 20, 30, 40].map((duration_ms, n) => ({ ...event, id: `c-${n}`, type: 'completed', at: ago(90), duration_ms })),
    { ...event, id: 'f-1', type: 'failed', at: ago(80), duration_ms: 400, reason: 'HTTP 500' },
    { ...event, id: 'r-1', type: 'rate_limit_exceeded', at: ago(60), reason: 'HTTP 429' },
    { ...event, id: 'r-2', type: 'rate_limit_exceeded', at: ago(55), reason: 'HTTP 429' },
    { ...event, id: 'r-3', type: 'rate_limit_exceeded', at: ago(5), reason: 'HTTP 429' },
    { ...event, id: 'bad', type: 'exploded', at: ago(1) }, { ...event, id: 'old', type: 'started', at: ago(60 * 24 * 31) }, null,
  ]
  const first = await api.call('POST', '/api/v1/telemetry', { key, body: { events } })
  expect(first.status).toBe(202)
  expect(first.json).toMatchObject({ accepted: 8, duplicates: 0, rejected: [
    { index: 8, id: 'bad', pointer: '/type' }, { index: 9, code: 'OCCURRED_TOO_LONG_AGO', pointer: '/at' }, { index: 10 },
  ] })
  expect((await api.call('POST', '/api/v1/telemetry', { key, body: events.slice(0, 8) })).json).toMatchObject({ accepted: 0, duplicates: 8 })

  const { jobs, series } = await get('/api/v1/telemetry/jobs')
  expect(jobs).toMatchObject([{
    source: 'api', queue: 'crawl', job: 'fetch', completed: 4, failed: 1, rate_limit_exceeded: 3, successRate: 0.8,
    p50Ms: 30, p95Ms: 400, reasons: [{ reason: 'HTTP 429', count: 3 }, { reason: 'HTTP 500', count: 1 }],
  }])
  const rows = parse((await api.call('GET', '/api/v1/telemetry/jobs?format=csv', { key })).text, { columns: true })
  expect(rows.map(({ job, completed, p95Ms }: any) => [job, Number(completed), Number(p95Ms)])).toEqual([['fetch', 4, 400]])
  expect(series.reduce((sum: number, point: any) => sum + point.completed, 0)).toBe(4)
  expect((await get('/api/v1/telemetry/alerts')).map(({ count, active }: any) => [count, active])).toEqual([[1, true], [2, false]])
  expect(await get('/api/v1/telemetry/workers')).toMatchObject([{ worker: 'w-1', queues: ['crawl'], completed: 4, p95Ms: 400 }])

  await api.tenant('shop')
  const theirs = await api.key({ tenant: 'shop', scopes: ['read'] })
  expect((await api.call('GET', '/api/v1/telemetry/jobs', { key: theirs })).json.data).toEqual({ jobs: [], series: [], dropped: 0 })
  expect((await api.call('POST', '/api/v1/telemetry', { key, body: [] })).status).toBe(422)
  expect((await api.call('GET', '/api/v1/telemetry/jobs?interval=minute&from=2026-01-01', { key })).status).toBe(422)
})

test('events of our own jobs are told to readers of the installation, and to nobody else', async () => {
  const recorder = new JobEventRecorder('box-1', { ...api.needs, log: silentLog }, { limit: 2 })
  const event = { queue: 'flush', job: 'flush', enqueuedAt: new Date(), attempt: 1, worker: 'box-1', reason: undefined }
  recorder.record({ ...event, type: 'completed', jobId: 'a', at: new Date(), durationMs: 12 })
  recorder.record({ ...event, type: 'retried', jobId: 'b', at: new Date(), durationMs: 30, reason: 'STORE_UNAVAILABLE' })
  recorder.record({ ...event, type: 'started', jobId: 'c', at: new Date(), durationMs: undefined })
  await recorder[Symbol.asyncDispose]()

  const ours = await get('/api/v1/telemetry/jobs?source=fleet')
  expect(ours.jobs).toMatchObject([{
    source: 'fleet', queue: 'flush', job: 'flush', completed: 1, retried: 1, p95Ms: 30, reasons: [{ reason: 'STORE_UNAVAILABLE', count: 1 }],
  }])
  expect(ours.dropped).toBe(1)
  expect((await get('/api/v1/telemetry/workers?source=fleet')).map(({ worker }: any) => worker)).toEqual(['box-1'])
  const theirs = await api.key({ tenant: await api.tenant('stall'), scopes: ['read'] })
  expect((await api.call('GET', '/api/v1/telemetry/jobs', { key: theirs })).json.data).toEqual({ jobs: [], series: [], dropped: 0 })
  expect((await api.call('GET', '/api/v1/telemetry/workers', { key: theirs })).json.data).toEqual([])
  expect(await api.needs.telemetry.summarize({ tenants: [FLEET_TENANT], from: new Date(0), to: new Date(Date.now() + 1_000) }, { by: [] }))
    .toMatchObject([{ count: 2 }])
})

test('schedules say when they run next, by the clock of cron patterns too, as JSON and as CSV', async () => {
  const start = '2026-01-01T00:00:00.000Z'
  await api.needs.journal.put('schedule', 'close-ledger', { definition: { everyMs: 60_000, missed: { policy: 'latest' } }, lastTickAt: start })
  await api.needs.journal.put('schedule', 'check-parity', { definition: { pattern: '41 3 * * *', zone: 'Asia/Tokyo', missed: { policy: 'latest' } }, lastTickAt: start })
  const schedules = await get('/api/v1/telemetry/schedules')
  expect(schedules.find(({ name }: any) => name === 'check-parity')).toMatchObject({
    queue: 'maintenance', schedule: 'every day at 03:41 (Asia/Tokyo)', nextAt: '2026-01-01T18:41:00.000Z', late: true,
  })
  expect(schedules.find(({ name }: any) => name === 'close-ledger'))
    .toMatchObject({ nextAt: '2026-01-01T00:01:00.000Z', everyMs: 60_000, pattern: null, lastAt: null })
  expect(schedules.find(({ name }: any) => name === 'flush')).toMatchObject({ nextAt: null, late: false })
  const rows = parse((await api.call('GET', '/api/v1/telemetry/schedules?format=csv', { key })).text, { columns: true })
  expect(rows.map(({ name, nextAt, 'ticks.done': done }: any) => [name, nextAt, Number(done)]))
    .toEqual(schedules.map(({ name, nextAt, ticks }: any) => [name, nextAt ?? '', ticks.done]))
})

test('the five promises are told by day and by hour, with their targets', async () => {
  const send = (body: unknown) => api.call('POST', '/api/v1/events', { key, body })
  const events = Array.from({ length: 98 }, () => eventOf())
  await send([...events, { nonsense: true }])
  await send(events.slice(0, 1))
  const run = (at: number, differences: { store: string; expected: number; actual: number }[]) => {
    const stores = { ledger: { compared: 5, differences: differences.length }, rollups: { compared: 10, differences: 0 } }
    const body = { at: new Date(at).toISOString(), equal: differences.length === 0, stores, differences }
    return api.needs.journal.put('parity', body.at, body)
  }
  await run(Date.now() - 3, [{ store: 'ledger', expected: 10, actual: 13 }, { store: 'ledger', expected: 10, actual: 8 }])
  await run(Date.now() - 1, [])
  const times = new ResponseTimes('test', { ...api.needs, log: silentLog })
  for (let answer = 0; answer < 20; answer++) times.observe(answer < 18 ? 100 : 900, answer === 19)
  await times[Symbol.asyncDispose]()

  for (const interval of ['day', 'hour']) {
    const kpis = await get(`/api/v1/telemetry/kpis?interval=${interval}&buckets=3`)
    const last = Object.fromEntries(kpis.map(({ kpi, history }: any) => [kpi, history.at(-1)]))
    expect(last.acceptance).toMatchObject({ detail: { received: 100, counted: 98, duplicates: 1, rejected: 1 }, value: 0.99, met: true })
    expect(last.dedupe).toMatchObject({ detail: { duplicates: 1, doubled: 3, checks: 2 }, value: 0.25, met: false })
    expect(last.flush).toMatchObject({ detail: { completed: 1, retried: 1, failed: 0 }, value: 1, met: false })
    expect(last.parity).toMatchObject({ detail: { runs: 2, worst: 2, compared: 15 }, value: 0, met: true })
    expect(last.responsiveness).toMatchObject({ detail: { answers: 20, failed: 1 }, met: false })
    expect(last.responsiveness.value).toBeGreaterThanOrEqual(900)
    expect(last.responsiveness.value).toBeLessThanOrEqual(991)
    expect(last.parity.bucket).toBe(new Date().toISOString().slice(0, interval === 'day' ? 10 : 13))
    const rows = parse((await api.call('GET', `/api/v1/telemetry/kpis?interval=${interval}&format=csv`, { key })).text, { columns: true })
    expect(rows.map(({ kpi, value }: any) => [kpi, Number(value)]))
      .toEqual(kpis.flatMap(({ kpi, history }: any) => history.map(({ value }: any) => [kpi, value])))
  }
  // Another tenant has its own events; what belongs to all is the same.
  const theirs = Object.fromEntries((await readKpis('shop', { interval: 'day', buckets: 3 }, api.needs)).map((kpi) => [kpi.kpi, kpi.history.at(-1)]))
  expect(theirs.acceptance).toBeUndefined()
  expect(theirs.dedupe).toMatchObject({ detail: { duplicates: 0, doubled: 3 } })
  expect(theirs.parity).toMatchObject({ value: 0 })
  const fresh = await readKpis('shop', { interval: 'hour', buckets: 2 }, { ...api.needs, clock: { now: () => new Date('2030-01-01T00:00:00Z') } })
  expect(fresh.map(({ value, met, history }) => [value, met, history])).toEqual(fresh.map(() => [null, null, []]))
})
