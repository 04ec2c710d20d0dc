import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { waitUntil } from '@tallyfleet/testing'
import { eventOf, startApi, type TestApi } from '../../start-api.fixture.ts'

const ORIGIN = 'https://shop.example'
const AGENT = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36'
const POST = ['POST', '/api/v1/events'] as const

let api: TestApi
let key: string
let publishable: string
beforeAll(async () => {
  api = await startApi()
  key = await api.key({})
  publishable = await api.key({ publishable: true, origins: [ORIGIN, 'http://localhost:5173'] })
})
afterAll(() => api[Symbol.asyncDispose]())

test('one event is accepted, and its repeat is a duplicate', async () => {
  const body = eventOf()
  expect(await api.call(...POST, { key, body })).toMatchObject({ status: 202, json: { status: 'accepted' } })
  expect(await api.call(...POST, { key, body })).toMatchObject({ status: 202, json: { status: 'duplicate' } })
})

test('a batch of one is answered as a batch, in both forms', async () => {
  const answer = { accepted: 1, duplicates: 0, rejected: [] }
  expect((await api.call(...POST, { key, body: [eventOf()] })).json).toEqual(answer)
  expect((await api.call(...POST, { key, body: { events: [eventOf()] } })).json).toEqual(answer)
})

test('1,000 events are one batch', async () => {
  const body = Array.from({ length: 1000 }, (_, index) => eventOf({ entity_id: `many-${index}` }))
  expect((await api.call(...POST, { key, body })).json).toMatchObject({ accepted: 1000 })
})

test('the key may stand in X-API-Key, and a request id is echoed', async () => {
  const answer = await api.call(...POST, { body: eventOf(), headers: { 'x-api-key': key, 'x-request-id': 'mine-1' } })
  expect(answer.status).toBe(202)
  expect(answer.headers.get('x-request-id')).toBe('mine-1')
  const other = await api.call(...POST, { key, body: {}, headers: { 'x-request-id': 'not a token' } })
  expect(other.json.requestId).toMatch(/^[0-9a-f-]{36}$/)
  expect(other.headers.get('x-request-id')).toBe(other.json.requestId)
})

test('a publishable key works from its origins alone, and its pages may read the answer', async () => {
  const send = (headers: Record<string, string>) => api.call(
    'POST', `/api/v1/events?key=${publishable}`, { body: eventOf(), headers: { 'user-agent': AGENT, ...headers } })
  const answer = await send({ origin: ORIGIN })
  expect(answer.status).toBe(202)
  expect(answer.headers.get('access-control-allow-origin')).toBe(ORIGIN)
  expect(answer.headers.get('vary')).toMatch(/origin/i)
  for (const headers of [{}, { origin: 'https://evil.example' }, { origin: 'null' }, { origin: `${ORIGIN}.evil.example` }]) {
    const refused = await send(headers as Record<string, string>)
    expect(refused).toMatchObject({ status: 403, json: { code: 'ORIGIN_FORBIDDEN' } })
    expect(refused.headers.get('access-control-allow-origin')).toBeNull()
  }
})

test('a bot with a publishable key is refused with the reason', async () => {
  const answer = await api.call('POST', `/api/v1/events?key=${publishable}`, {
    body: eventOf(), headers: { origin: ORIGIN, 'user-agent': 'Mozilla/5.0 (compatible; Googlebot/2.1)' },
  })
  expect(answer).toMatchObject({ status: 403, json: { code: 'BOT_REFUSED' } })
  expect(answer.json.detail).toContain('Googlebot')
})

test('a preflight passes without a key for the origins of any publishable key', async () => {
  const ask = (origin: string) => api.call('OPTIONS', '/api/v1/events', {
    headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
  })
  const answer = await ask('http://localhost:5173')
  expect(answer.status).toBe(204)
  expect(answer.headers.get('access-control-allow-origin')).toBe('http://localhost:5173')
  expect(answer.headers.get('access-control-allow-methods')).toContain('POST')
  expect(answer.headers.get('access-control-allow-headers')).toContain('content-type')
  expect(await ask('https://evil.example')).toMatchObject({ status: 403, json: { code: 'ORIGIN_FORBIDDEN' } })
  const plain = await api.call('OPTIONS', '/api/v1/events')
  expect([plain.status, plain.headers.get('allow')]).toEqual([204, 'POST, OPTIONS'])
  expect(plain.headers.get('access-control-allow-origin')).toBeNull()
})

test('a revoked key stops within 5 s', async () => {
  const doomed = await api.key({ name: 'doomed' })
  expect((await api.call(...POST, { key: doomed, body: eventOf() })).status).toBe(202)
  const { id } = (await api.stores.accounts.listKeys('default')).find(({ name }) => name === 'doomed')!
  await api.stores.accounts.revokeKey(id, new Date())
  const start = performance.now()
  await waitUntil(async () => (await api.call(...POST, { key: doomed, body: eventOf() })).status === 401)
  expect(performance.now() - start).toBeLessThan(5_000)
})

test('events over the limit of a key are refused with Retry-After, and none of them counts', async () => {
  const tenant = await api.tenant('limited')
  const limited = await api.key({ tenant, eventsPerMinute: 3 })
  expect((await api.call(...POST, { key: limited, body: [eventOf(), eventOf()] })).status).toBe(202)
  const answer = await api.call(...POST, { key: limited, body: [eventOf(), eventOf()] })
  expect(answer).toMatchObject({ status: 429, json: { code: 'LIMIT_REACHED' } })
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
  const counted = (await api.stores.hot.listLedger()).filter((ledger) => ledger.tenant === tenant)
  expect(counted.reduce((sum, ledger) => sum + ledger.counted, 0)).toBe(2)
})

test('another method is 405 and names those that work; another path is 404', async () => {
  const answer = await api.call('GET', '/api/v1/events', { key })
  expect(answer).toMatchObject({ status: 405, json: { code: 'METHOD_UNKNOWN' } })
  expect(answer.headers.get('allow')).toBe('POST')
  expect(await api.call('POST', '/api/v1/event', { key })).toMatchObject({ status: 404, json: { code: 'ROUTE_UNKNOWN' } })
})

test('a sender that breaks off, or announces a body past all bounds, does no harm', async () => {
  const { hostname, port } = new URL(api.url)
  const head = `POST /api/v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\n`
  const cut = connect(Number(port), hostname)
  cut.write(`${head}content-length: 100\r\n\r\n{"domain"`, () => cut.destroy())
  await once(cut, 'close')
  const huge = connect(Number(port), hostname)
  huge.write(`${head}content-length: 99999999999\r\n\r\n{`)
  const [chunk] = await once(huge, 'data')
  expect(String(chunk)).toMatch(/^HTTP\/1\.1 413 /)
  huge.destroy()
  expect((await api.call(...POST, { key, body: eventOf() })).status).toBe(202)
})
