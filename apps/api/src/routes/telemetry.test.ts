import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApi, type TestApi } from '../start-api.fixture.ts'

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
  expect(series.reduce((sum: number, point: any) => sum + point.completed, 0)).toBe(4)
  expect((await get('/api/v1/telemetry/alerts')).map(({ count, active }: any) => [count, active])).toEqual([[1, true], [2, false]])
  expect(await get('/api/v1/telemetry/workers')).toMatchObject([{ worker: 'w-1', queues: ['crawl'], completed: 4, p95Ms: 400 }])

  await api.tenant('shop')
  const theirs = await api.key({ tenant: 'shop', scopes: ['read'] })
  expect((await api.call('GET', '/api/v1/telemetry/jobs', { key: theirs })).json.data).toEqual({ jobs: [], series: [], dropped: 0 })
  expect((await api.call('POST', '/api/v1/telemetry', { key, body: [] })).status).toBe(422)
  expect((await api.call('GET', '/api/v1/telemetry/jobs?interval=minute&from=2026-01-01', { key })).status).toBe(422)
})
