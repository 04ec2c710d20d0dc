import { addDays, ALL_SHARDS, dayOf } from '@tallyfleet/domain'
import { checkParity, flushShards } from '@tallyfleet/features'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventOf, startApi, type TestApi } from '../start-api.fixture.ts'

const SUBJECT = 'domain=jav&entity_type=movie&action=view'
const today = dayOf(new Date(), 'UTC')
const yesterday = addDays(today, -1)
const tomorrow = addDays(today, 1)

let api: TestApi
let key: string
let other: string
beforeAll(async () => {
  api = await startApi()
  const ingest = await api.key({ tenant: await api.tenant('reads') })
  key = await api.key({ tenant: 'reads', scopes: ['read'] })
  other = await api.key({ tenant: await api.tenant('prague', 'Europe/Prague'), scopes: ['read'] })
  await api.stores.catalog.putRows({ tenant: 'reads', domain: 'jav', entityType: 'movie' }, [
    { id: 'a/b', columns: { title: 'The slash' } }, { id: 'unseen', columns: { title: 'Never seen' } },
  ])
  const view = (entity_id: string, day: string, times: number) =>
    Array.from({ length: times }, () => eventOf({ entity_id, occurred_at: `${day}T00:00:01Z` }))
  const { status, text } = await api.call('POST', '/api/v1/events', {
    key: ingest,
    body: [...view('a/b', today, 3), ...view('a/b', yesterday, 1), ...view('é', today, 2), ...view('z', today, 2), ...view('solo', yesterday, 1)],
  })
  expect(status, text).toBe(202)
  await flushShards(ALL_SHARDS, api.needs, { jobId: 'test' })
})
afterAll(() => api[Symbol.asyncDispose]())

const get = (path: string, as = key) => api.call('GET', path, { key: as })
const top = async (query = '') => (await get(`/api/v1/entities/top?${SUBJECT}${query}`)).json

test('the top list is by count, then by id in byte order, with titles', async () => {
  const { data, page, meta } = await top()
  expect(data).toEqual([
    { entity_id: 'a/b', title: 'The slash', count: 4 }, { entity_id: 'z', count: 2 }, { entity_id: 'é', count: 2 },
    { entity_id: 'solo', count: 1 },
  ])
  expect(page).toEqual({})
  expect(meta).toEqual({ computedAt: expect.any(String), dataThrough: expect.any(String), partial: true })
})

test('a closed day is read from its bucket and complete; a range is summed from its days', async () => {
  const day = await top(`&from=${yesterday}&to=${today}`)
  expect(day.data.map(({ entity_id }: any) => entity_id)).toEqual(['a/b', 'solo'])
  expect(day.meta.partial).toBe(false)
  const range = await top(`&from=${addDays(today, -3)}&to=${tomorrow}`)
  expect(range.data[0]).toMatchObject({ entity_id: 'a/b', count: 4 })
  expect(range.meta.partial).toBe(true)
})

test('pages join to the whole list, and a cursor of another list is refused', async () => {
  const whole: string[] = []
  let cursor = ''
  do {
    const { data, page } = await top(`&limit=1${cursor && `&cursor=${cursor}`}`)
    whole.push(...data.map(({ entity_id }: any) => entity_id))
    cursor = page.nextCursor ?? ''
  } while (cursor)
  expect(whole).toEqual(['a/b', 'z', 'é', 'solo'])
  const { page } = await top('&limit=1')
  expect(await get(`/api/v1/entities/top?${SUBJECT}&from=${yesterday}&to=${today}&cursor=${page.nextCursor}`))
    .toMatchObject({ status: 422, json: { code: 'CURSOR_INVALID' } })
  expect(await get(`/api/v1/entities/top?${SUBJECT}&cursor=${page.nextCursor}`, other))
    .toMatchObject({ status: 422, json: { code: 'CURSOR_INVALID' } })
})

test('a time series holds zeros, and a bucket that the range cuts counts the range alone', async () => {
  const series = async (query: string) => (await get(`/api/v1/timeseries?${SUBJECT}&${query}`)).json.data
  expect(await series(`interval=day&from=${addDays(today, -2)}&to=${tomorrow}`)).toEqual([
    { bucket: addDays(today, -2), count: 0 }, { bucket: yesterday, count: 2 }, { bucket: today, count: 7 },
  ])
  const sum = (points: { count: number }[]) => points.reduce((total, { count }) => total + count, 0)
  for (const interval of ['week', 'month', 'year']) {
    expect(sum(await series(`interval=${interval}&from=${addDays(today, -400)}&to=${tomorrow}`)), interval).toBe(9)
    expect(sum(await series(`interval=${interval}&from=${today}&to=${tomorrow}`)), interval).toBe(7)
    expect(sum(await series(`interval=${interval}&from=${addDays(today, -40)}&to=${today}`)), interval).toBe(2)
  }
  expect(sum(await series(`interval=day&from=${yesterday}&entity_id=${encodeURIComponent('a/b')}`))).toBe(4)
})

test('an entity is found by its encoded id, in any normal form', async () => {
  const { status, json } = await get('/api/v1/entities/jav/movie/a%2Fb')
  expect(status).toBe(200)
  expect(json.data).toMatchObject({
    entity_id: 'a/b', title: 'The slash', totals: { view: 4 }, measures: {}, firstDay: yesterday, lastDay: today,
    catalog: { columns: { title: 'The slash' } },
  })
  expect((await get('/api/v1/entities/jav/movie/e%CC%81')).json.data).toMatchObject({ entity_id: 'é', totals: { view: 2 }, catalog: null })
  expect((await get('/api/v1/entities/jav/movie/unseen')).json.data).toMatchObject({ title: 'Never seen', totals: {}, firstDay: null })
})

test('another tenant sees nothing of it', async () => {
  expect((await get(`/api/v1/entities/top?${SUBJECT}`, other)).json.data).toEqual([])
  expect(await get('/api/v1/entities/jav/movie/a%2Fb', other)).toMatchObject({ status: 404, json: { code: 'ENTITY_UNKNOWN' } })
  expect((await get('/api/v1/ledger', other)).json.data).toMatchObject({ received: 0, counted: 0, balanced: true })
})

test('the ledger, parity and queues answer in the common form', async () => {
  expect((await get('/api/v1/ledger')).json.data).toMatchObject({ received: 9, counted: 9, pending: 0, balanced: true })
  expect((await get('/api/v1/parity')).json).toMatchObject({ data: { latest: null, runs: [] }, page: {} })
  expect((await get('/api/v1/queues')).json.data).toEqual([expect.objectContaining({ queue: 'boards', paused: false })])
})

test('a parity run tells the entities of all tenants to keys of the default tenant alone', async () => {
  const run = await checkParity({ ...api.needs, segments: api.stores.segments })
  expect(run.orphans.sample.length).toBeGreaterThan(0)
  const root = await api.key({ tenant: 'default', scopes: ['read'] })
  expect((await get('/api/v1/parity', root)).json.data.latest).toEqual(run)
  expect((await get('/api/v1/parity', other)).json.data.latest)
    .toEqual({ ...run, differences: [], orphans: { count: run.orphans.count, sample: [] } })
})

test.each([
  ['/api/v1/entities/top?entity_type=movie&action=view', 'PARAMETER_INVALID', '/domain'],
  [`/api/v1/entities/top?${SUBJECT}&limit=0`, 'PARAMETER_INVALID', '/limit'],
  [`/api/v1/entities/top?${SUBJECT}&from=2024-01-01&to=2025-02-06`, 'RANGE_INVALID', '/to'],
  [`/api/v1/entities/top?${SUBJECT}&limit=1001`, 'PARAMETER_INVALID', '/limit'],
  [`/api/v1/entities/top?${SUBJECT}&limit=5.5`, 'PARAMETER_INVALID', '/limit'],
  [`/api/v1/entities/top?${SUBJECT}&action=view`, 'PARAMETER_INVALID', '/action'],
  [`/api/v1/entities/top?${SUBJECT}&entityType=movie`, 'PARAMETER_INVALID', '/entityType'],
  ['/api/v1/entities/top?domain=nope&entity_type=movie&action=view', 'DOMAIN_UNKNOWN', '/domain'],
  ['/api/v1/entities/top?domain=jav&entity_type=__proto__&action=view', 'ENTITY_TYPE_UNKNOWN', '/entity_type'],
  ['/api/v1/entities/top?domain=jav&entity_type=movie&action=constructor', 'ACTION_UNKNOWN', '/action'],
  [`/api/v1/entities/top?${SUBJECT}&from=2026-11-21&to=2026-11-01`, 'RANGE_INVALID', '/to'],
  [`/api/v1/entities/top?${SUBJECT}&from=2026-11-21T10:00:00Z&to=2026-11-22`, 'RANGE_INVALID', '/from'],
  [`/api/v1/entities/top?${SUBJECT}&from=2020-01-01&to=2026-01-02`, 'RANGE_INVALID', undefined],
  [`/api/v1/entities/top?${SUBJECT}&cursor=AAAA`, 'CURSOR_INVALID', '/cursor'],
  [`/api/v1/timeseries?${SUBJECT}&interval=day&from=1950-01-01&to=2026-01-01`, 'RANGE_INVALID', '/to'],
  [`/api/v1/timeseries?${SUBJECT}&interval=hour&from=2026-01-01&to=2026-01-02`, 'PARAMETER_INVALID', '/interval'],
  [`/api/v1/timeseries?${SUBJECT}&interval=day&from=2026-01-01&entity_id=a%00`, 'PARAMETER_INVALID', '/entity_id'],
  ['/api/v1/entities/jav/movie/%E0%A4', 'PARAMETER_INVALID', undefined],
  ['/api/v1/ledger?from=2026-11-21&to=2026-11-21', 'RANGE_INVALID', '/to'],
])('%s is refused with 422 %s', async (path, code, pointer) => {
  const answer = await get(path)
  expect(answer).toMatchObject({ status: 422, json: { code } })
  if (pointer !== undefined) expect(answer.json.errors.map((error: any) => error.pointer)).toContain(pointer)
})

test('requests over the limit are 429 with RateLimit headers, for each key alone', async () => {
  await using limited = await startApi({ config: { RATE_LIMIT_PER_MINUTE: 2 } })
  const [first, second] = await Promise.all([limited.key({ scopes: ['read'] }), limited.key({ scopes: ['read'] })])
  const ask = (as: string) => limited.call('GET', '/api/v1/ledger', { key: as })
  const answer = await ask(first)
  expect(answer.headers.get('ratelimit-policy')).toMatch(/"2-in-1min"; q=2; w=60/)
  expect(answer.headers.get('ratelimit')).toMatch(/r=1/)
  await ask(first)
  const refused = await ask(first)
  expect(refused).toMatchObject({ status: 429, json: { code: 'LIMIT_REACHED' } })
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  expect((await ask(second)).status).toBe(200)
})
