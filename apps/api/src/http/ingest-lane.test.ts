import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventOf, startApi, type Answer, type TestApi } from '../start-api.fixture.ts'

/** A slash at the end is no path of the lane, so the framework serves it. */
const LANE = '/api/v1/events'
const FRAMEWORK = `${LANE}/`
const ORIGIN = 'https://shop.example'

let api: TestApi
let keys: Record<'plain' | 'publishable' | 'reader' | 'limited', string>
beforeAll(async () => {
  api = await startApi()
  keys = {
    plain: await api.key({}),
    publishable: await api.key({ publishable: true, origins: [ORIGIN] }),
    reader: await api.key({ scopes: ['read'] }),
    limited: await api.key({ eventsPerMinute: 1 }),
  }
})
afterAll(() => api[Symbol.asyncDispose]())

/** What of an answer must not depend on the way it was made. */
function comparable({ status, headers, text }: Answer): unknown {
  const { date: _date, 'content-length': _length, 'retry-after': _after, ...fixed } = Object.fromEntries(headers)
  return { status, headers: fixed, text: text.replaceAll(FRAMEWORK, LANE) }
}

const id = { 'x-request-id': 'same' }
const cases: [string, () => Parameters<TestApi['call']>[2], query?: string][] = [
  ['a duplicate', () => ({ key: keys.plain, body: eventOf({ event_id: 'twice' }), headers: id })],
  ['a batch with faults', () => ({ key: keys.plain, body: [eventOf({ event_id: 'twice' }), 5], headers: id })],
  ['a wrong event', () => ({ key: keys.plain, body: eventOf({ entity_id: '..' }), headers: id })],
  ['no JSON', () => ({ key: keys.plain, body: '{', headers: { ...id, 'content-type': 'application/json' } })],
  ['gzip', () => ({ key: keys.plain, body: gzipSync('[]'), headers: { ...id, 'content-type': 'application/json', 'content-encoding': 'gzip' } })],
  ['an unknown type', () => ({ key: keys.plain, body: 'a', headers: { ...id, 'content-type': 'image/png' } })],
  ['no key', () => ({ body: eventOf(), headers: id })],
  ['an unknown key', () => ({ key: 'nonsense', body: eventOf(), headers: id })],
  ['a key without the scope', () => ({ key: keys.reader, body: eventOf(), headers: id })],
  ['a publishable key from its origin', () => ({ body: eventOf({ event_id: 'twice' }), headers: { ...id, origin: ORIGIN, 'user-agent': 'Mozilla/5.0 Firefox/140.0' } }), 'publishable'],
  ['a publishable key from elsewhere', () => ({ body: eventOf(), headers: { ...id, origin: 'https://evil.example' } }), 'publishable'],
  ['more than the limit', () => ({ key: keys.limited, body: [eventOf(), eventOf()], headers: id })],
]

test.each(cases)('%s is answered by the lane as by the framework', async (_name, options, query) => {
  await api.call('POST', LANE, { key: keys.plain, body: eventOf({ event_id: 'twice' }) })
  const address = (path: string) => query ? `${path}?key=${keys.publishable}` : path
  const given = options()
  const byLane = await api.call('POST', address(LANE), given)
  const byFramework = await api.call('POST', address(FRAMEWORK), given)
  expect(comparable(byLane)).toEqual(comparable(byFramework))
  expect(byLane.headers.get('x-request-id')).toBe('same')
})

test('the lane is measured by its route', async () => {
  await api.call('POST', LANE, { key: keys.plain, body: eventOf() })
  const metrics = await api.needs.metrics.registry.metrics()
  expect(metrics).toMatch(/http_request_seconds_count\{method="POST",route="\/api\/v1\/events",status="202"\} [1-9]/)
})
