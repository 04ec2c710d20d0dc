import { parseInstant } from '@tallyfleet/domain'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readCombinedLine } from './combined-line.ts'

const FIREFOX = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0'

type Parts = {
  user?: string; time?: string; request?: string; status?: number; size?: string; referrer?: string; agent?: string
}

function lineOf({
  user = '-', time = '17/May/2015:10:05:03 +0000', request = 'GET /a HTTP/1.1', status = 200, size = '12',
  referrer = '-', agent = FIREFOX,
}: Parts = {}): string {
  return `203.0.113.9 - ${user} [${time}] "${request}" ${status} ${size} "${referrer}" "${agent}"`
}

const pathOf = (parts: Parts): unknown => {
  const read = readCombinedLine(lineOf(parts), {})
  return 'event' in read ? (read.event as { entity_id: string }).entity_id : read
}
const reasonOf = (line: string) => {
  const read = readCombinedLine(line, {})
  return 'reject' in read ? read.reject.reason : 'accepted'
}

test('a GET by a human is one view of the page, without address or user', () => {
  expect(readCombinedLine(lineOf({ user: 'alice', request: 'GET /docs/?q=1 HTTP/1.1' }), {})).toEqual({
    event: {
      domain: 'web', entity_type: 'page', entity_id: '/docs/', action: 'view', occurred_at: '2015-05-17T10:05:03+00:00',
    },
  })
})

test('the offset of a time is kept', () => {
  const line = lineOf({ time: '29/Feb/2024:23:59:59 -0730' })
  const { event } = readCombinedLine(line, {}) as { event: { occurred_at: string } }
  expect(parseInstant(event.occurred_at)).toEqual(new Date('2024-03-01T07:29:59Z'))
})

test.each([200, 204, 206, 299, 304])('status %i counts', (status) => {
  expect(pathOf({ status })).toBe('/a')
})

test.each([100, 199, 300, 301, 302, 303, 305, 400, 404, 416, 500])('status %i does not count', (status) => {
  expect(reasonOf(lineOf({ status }))).toBe('status')
})

test.each(['HEAD', 'POST', 'OPTIONS', 'get', 'GETS'])('method %s does not count', (method) => {
  expect(reasonOf(lineOf({ request: `${method} /a HTTP/1.1` }))).toBe('method')
})

test.each(['-', '', 'curl/8.5.0', 'Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)'])(
  'a view by the agent %j does not count', (agent) => {
    expect(reasonOf(lineOf({ agent }))).toBe('bot')
  },
)

test.each([
  ['GET / HTTP/1.1', '/'],
  ['GET /a HTTP/2.0', '/a'],
  ['GET /a HTTP/2', '/a'],
  ['GET /a', '/a'],
  ['GET /a?b?c#d HTTP/1.1', '/a'],
  ['GET /a#b HTTP/1.1', '/a'],
  ['GET /a%20b%2Fc HTTP/1.1', '/a%20b%2Fc'],
  ['GET /a b HTTP/1.1', '/a b'],
  ['GET http://example.org/x?y HTTP/1.1', '/x'],
  ['GET https://example.org HTTP/1.1', '/'],
  ['GET https://example.org?x HTTP/1.1', '/'],
  ['GET //twice HTTP/1.1', '//twice'],
  ['GET /caf\\xc3\\xa9 HTTP/1.1', '/café'],
  ['GET /cafe\\xcc\\x81 HTTP/1.1', '/café'],
  ['GET /a\\"b HTTP/1.1', '/a"b'],
  ['GET /a\\\\b HTTP/1.1', '/a\\b'],
])('the request %j views %j', (request, path) => {
  expect(pathOf({ request })).toBe(path)
})

test.each([
  ['GET * HTTP/1.1', 'path'],
  ['GET example.org:443 HTTP/1.1', 'path'],
  [`GET /${'x'.repeat(256)} HTTP/1.1`, 'path'],
  ['GET /a\\x00b HTTP/1.1', 'path'],
  ['GET /a\\tb HTTP/1.1', 'path'],
  ['-', 'request'],
  ['', 'request'],
  ['\\x16\\x03\\x01', 'request'],
])('the request %j is rejected for its %s', (request, reason) => {
  expect(reasonOf(lineOf({ request }))).toBe(reason)
})

test('quotes that are escaped do not end a field', () => {
  expect(pathOf({ referrer: 'http://x/\\"y\\\\', agent: `${FIREFOX} \\"z\\"` })).toBe('/a')
  expect(pathOf({ referrer: '\\xe4\\xe5' })).toBe('/a')
})

test('what a log adds behind the user agent is ignored', () => {
  expect(reasonOf(`${lineOf()} "198.51.100.7" 0.003`)).toBe('accepted')
  expect(reasonOf(`${lineOf()}x`)).toBe('malformed')
})

test('a user name may hold spaces', () => {
  expect(pathOf({ user: 'alice b' })).toBe('/a')
})

test.each([
  '',
  'hello',
  lineOf().slice(0, -1),
  lineOf({ referrer: '-' }).replace(` "${FIREFOX}"`, ''),
  lineOf({ time: '31/Feb/2015:10:05:03 +0000' }),
  lineOf({ time: '17/Mai/2015:10:05:03 +0000' }),
  lineOf({ time: '17/May/2015:24:05:03 +0000' }),
  lineOf({ time: '2015-05-17T10:05:03Z' }),
  lineOf({ size: 'x' }),
  lineOf({ request: 'GET /a" HTTP/1.1' }),
])('%j is malformed', (line) => {
  expect(reasonOf(line)).toBe('malformed')
})

test('no line makes it throw, and what it accepts is a path', () => {
  const cut = fc.tuple(fc.nat(200), fc.nat(5), fc.string()).map(([at, drop, text]) => {
    const line = lineOf()
    return line.slice(0, at) + text + line.slice(at + drop)
  })
  fc.assert(fc.property(fc.oneof(fc.string(), cut), (line) => {
    const read = readCombinedLine(line, {})
    if ('event' in read) expect((read.event as { entity_id: string }).entity_id).toMatch(/^\//)
    else expect(read).toHaveProperty('reject')
  }), { numRuns: 500 })
})
