import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventOf, startApi, type TestApi } from '../../start-api.fixture.ts'

type Case = {
  name: string
  body: unknown
  headers?: Record<string, string>
  status: number
  code?: string
  pointer?: string
}

const json = { 'content-type': 'application/json' }
const gzip = { ...json, 'content-encoding': 'gzip' }
const nest = (levels: number, inner = '1') => `${'['.repeat(levels)}${inner}${']'.repeat(levels)}`
const raw = (part: string) => `{"domain":"jav","entity_type":"movie","entity_id":"m-1","action":"view",${part}}`
const when = () => `"occurred_at":"${new Date().toISOString()}","event_id":"raw-1"`
const at = (ms: number) => new Date(Date.now() + ms).toISOString()
const DAY = 86_400_000

const field = (name: string, value: unknown, pointer: string, code = 'FIELD_INVALID'): Case =>
  ({ name: `${pointer} as ${name}`, body: eventOf({ [pointer.slice(1)]: value }), status: 422, code, pointer })
const missing = (name: string): Case =>
  ({ name: `no ${name}`, body: eventOf({ [name]: undefined }), status: 422, code: 'FIELD_MISSING', pointer: `/${name}` })

const notJson: Case[] = [
  { name: 'nothing', body: '', headers: json },
  { name: 'white space', body: ' \n', headers: json },
  { name: 'half an object', body: '{"domain":"jav"', headers: json },
  { name: 'single quotes', body: "{'domain':'jav'}", headers: json },
  { name: 'two documents', body: '{}{}', headers: json },
  { name: 'a trailing comma', body: '{"a":1,}', headers: json },
  { name: 'a comment', body: '{/* */}', headers: json },
  { name: 'NaN', body: '{"a":NaN}', headers: json },
  { name: 'a raw NUL in a string', body: raw(`${when()},"user_id":"a\u0000b"`), headers: json },
  { name: 'a raw line feed in a string', body: '{"a":"\n"}', headers: json },
  { name: 'an HTML form', body: 'domain=jav&action=view', headers: { 'content-type': 'text/plain' } },
  { name: 'Latin-1', body: Buffer.from('{"a":"caf\xe9"}', 'latin1'), headers: json },
  { name: 'UTF-16', body: Buffer.from('\ufeff{"a":1}', 'utf16le'), headers: json },
  { name: 'a surrogate half as UTF-8', body: Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), headers: json },
  { name: 'an overlong slash', body: Buffer.from([0x22, 0xc0, 0xaf, 0x22]), headers: json },
  { name: 'gzip that is none', body: '{"a":1}', headers: gzip },
  { name: 'truncated gzip', body: gzipSync(JSON.stringify(eventOf())).subarray(0, -9), headers: gzip },
  { name: 'gzip with a wrong checksum', body: broken(gzipSync(JSON.stringify(eventOf()))), headers: gzip },
  { name: 'gzip of nothing', body: gzipSync(''), headers: gzip },
].map((one) => ({ ...one, status: 400, code: 'BODY_NOT_JSON' }))

const tooDeep: Case[] = [
  { name: 'nine arrays', body: nest(9), headers: json },
  { name: 'a hundred thousand arrays', body: '['.repeat(100_000), headers: json },
  { name: 'a hundred thousand objects', body: '{"a":'.repeat(100_000), headers: json },
  { name: 'deep properties', body: eventOf({ properties: { a: JSON.parse(nest(7)) } }) },
  { name: 'deep after a string with brackets', body: `["]]]]]]\\"]]",${nest(8)}]`, headers: json },
  { name: 'one deep event in a batch', body: [eventOf(), eventOf({ properties: { a: JSON.parse(nest(6)) } })] },
  { name: 'deep, compressed', body: gzipSync('['.repeat(500_000)), headers: gzip },
].map((one) => ({ ...one, status: 400, code: 'BODY_TOO_DEEP' }))

const tooLarge: Case[] = [
  { name: 'a mebibyte and one byte', body: `"${'x'.repeat(1_048_575)}"`, headers: json },
  { name: 'two mebibytes', body: 'x'.repeat(2 * 1_048_576), headers: json },
  { name: 'a gzip bomb', body: gzipSync(Buffer.alloc(50 * 1_048_576, 0x20)), headers: gzip },
  { name: 'a gzip bomb of two members', body: Buffer.concat([gzipSync(Buffer.alloc(700_000, 0x20)), gzipSync(Buffer.alloc(700_000, 0x20))]), headers: gzip },
].map((one) => ({ ...one, status: 413, code: 'BODY_TOO_LARGE' }))

const wrongType: Case[] = [
  { name: 'a form type', body: 'a=1', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
  { name: 'XML', body: '<a/>', headers: { 'content-type': 'application/xml' } },
  { name: 'a multipart form', body: '--x', headers: { 'content-type': 'multipart/form-data; boundary=x' } },
  { name: 'a charset that is not UTF-8', body: '{}', headers: { 'content-type': 'application/json; charset=utf-16' } },
  { name: 'brotli', body: '{}', headers: { ...json, 'content-encoding': 'br' } },
  { name: 'gzip twice', body: '{}', headers: { ...json, 'content-encoding': 'gzip, gzip' } },
].map((one) => ({ ...one, status: 415, code: 'BODY_TYPE_UNSUPPORTED' }))

const wrongShape: Case[] = [
  { name: 'null', body: 'null', headers: json, status: 422, code: 'FIELD_INVALID', pointer: '' },
  { name: 'a number', body: '1e999', headers: json, status: 422, code: 'FIELD_INVALID', pointer: '' },
  { name: 'a text', body: '"event"', headers: json, status: 422, code: 'FIELD_INVALID', pointer: '' },
  { name: 'true', body: 'true', headers: json, status: 422, code: 'FIELD_INVALID', pointer: '' },
  { name: 'an empty array', body: [], status: 422, code: 'BATCH_EMPTY' },
  { name: 'no events in an object', body: { events: [] }, status: 422, code: 'BATCH_EMPTY' },
  { name: '1,001 events', body: Array.from({ length: 1001 }, () => ({})), status: 422, code: 'BATCH_TOO_LONG' },
  { name: 'events that are an object', body: { events: { 0: eventOf() } }, status: 422, code: 'FIELD_INVALID', pointer: '/events' },
  { name: 'a field beside events', body: { events: [eventOf()], tenant: 'other' }, status: 422, code: 'FIELD_UNKNOWN', pointer: '/tenant' },
  { name: '__proto__ beside events', body: '{"events":[],"__proto__":{"a":1}}', headers: json, status: 422, code: 'KEY_FORBIDDEN', pointer: '/__proto__' },
]

const wrongEvent: Case[] = [
  ...['domain', 'entity_type', 'entity_id', 'action', 'occurred_at', 'event_id'].map(missing),
  { name: 'an empty object', body: {}, status: 422, code: 'FIELD_MISSING', pointer: '/domain' },
  field('a number', 7, '/domain'), field('null', null, '/entity_type'), field('a list', ['view'], '/action'),
  field('a number', 42, '/entity_id'), field('an object', {}, '/event_id'), field('milliseconds', Date.now(), '/occurred_at'),
  field('an unknown pack', 'nope', '/domain', 'DOMAIN_UNKNOWN'),
  field('a property of every object', 'constructor', '/domain', 'DOMAIN_UNKNOWN'),
  field('a property of every object', 'toString', '/entity_type', 'ENTITY_TYPE_UNKNOWN'),
  field('a property of every object', 'hasOwnProperty', '/action', 'ACTION_UNKNOWN'),
  field('another case', 'View', '/action', 'ACTION_UNKNOWN'),
  field('nothing', '', '/entity_id'), field('257 code points', '\u{1f600}'.repeat(257), '/entity_id'),
  field('a huge text', 'x'.repeat(900_000), '/entity_id'), field('NUL inside', 'a\u0000b', '/entity_id'),
  field('the key separator inside', 'a\u001fb', '/entity_id'), field('a lone surrogate', 'a\ud800', '/entity_id'),
  field('a right-to-left override', 'a\u202eb', '/entity_id'), field('an unassigned character', '\u{e0080}', '/entity_id'),
  field('white space at the end', 'a ', '/entity_id'), field('no-break space at the start', '\u00a0a', '/entity_id'),
  field('a path segment', '..', '/entity_id'), field('a dot', '.', '/entity_id'),
  field('white space', 'a b', '/event_id'), field('129 characters', 'x'.repeat(129), '/event_id'),
  field('nothing', '', '/event_id'), field('a line feed at the end', 'abc\n', '/event_id'),
  field('not a date', 'yesterday', '/occurred_at'), field('no zone', '2026-11-21T10:00:00', '/occurred_at'),
  field('a day that does not exist', '2026-02-30T10:00:00Z', '/occurred_at'), field('hour 24', '2026-11-20T24:00:00Z', '/occurred_at'),
  field('a day alone', '2026-11-21', '/occurred_at'), field('an expanded year', '+012026-11-21T10:00:00Z', '/occurred_at'),
  field('six minutes ahead', at(6 * 60_000), '/occurred_at', 'OCCURRED_IN_FUTURE'),
  field('the year 9999', '9999-12-31T23:59:59Z', '/occurred_at', 'OCCURRED_IN_FUTURE'),
  field('31 days ago', at(-31 * DAY), '/occurred_at', 'OCCURRED_TOO_LONG_AGO'),
  field('1970', '1970-01-01T00:00:00Z', '/occurred_at', 'OCCURRED_TOO_LONG_AGO'),
  field('a number', 5, '/user_id'), field('NUL inside', 'u\u0000', '/user_id'), field('300 characters', 'u'.repeat(300), '/session_id'),
  field('a list', [], '/properties'), field('a text', 'x', '/properties'), field('33 KiB', { a: 'x'.repeat(33_000) }, '/properties'),
  field('of another tenant', 'other', '/tenant', 'FIELD_UNKNOWN'), field('camel case', 'x', '/entityId', 'FIELD_UNKNOWN'),
  { name: '__proto__', body: raw(`${when()},"__proto__":{"admin":true}`), headers: json, status: 422, code: 'KEY_FORBIDDEN', pointer: '/__proto__' },
  { name: 'constructor in properties', body: raw(`${when()},"properties":{"a":{"constructor":1}}`), headers: json, status: 422, code: 'KEY_FORBIDDEN', pointer: '/properties/a/constructor' },
  { name: 'prototype in a list', body: raw(`${when()},"properties":{"a":[{"prototype":1}]}`), headers: json, status: 422, code: 'KEY_FORBIDDEN', pointer: '/properties/a/0/prototype' },
  { name: 'an infinite number', body: raw(`${when()},"properties":{"a":1e999}`), headers: json, status: 422, code: 'FIELD_INVALID', pointer: '/properties/a' },
]

let api: TestApi
let key: string
beforeAll(async () => {
  api = await startApi()
  key = await api.key({ tenant: await api.tenant('hostile'), eventsPerMinute: 0 })
})
afterAll(() => api[Symbol.asyncDispose]())

const countedSum = async (tenant: string) =>
  (await api.stores.hot.listLedger()).filter((ledger) => ledger.tenant === tenant).reduce((sum, { counted }) => sum + counted, 0)

test.each([...notJson, ...tooDeep, ...tooLarge, ...wrongType, ...wrongShape, ...wrongEvent])(
  'a body with $name is refused with $status $code', async ({ body, headers, status, code, pointer }) => {
    const before = await countedSum('hostile')
    const answer = await api.call('POST', '/api/v1/events', { key, body, ...(headers && { headers }) })
    expect({ status: answer.status, type: answer.headers.get('content-type') })
      .toEqual({ status, type: 'application/problem+json; charset=utf-8' })
    const codes = [answer.json.code, ...(answer.json.errors ?? []).map((error: { code: string }) => error.code)]
    expect(codes).toContain(code)
    if (pointer !== undefined) expect(answer.json.errors.map((error: { pointer: string }) => error.pointer)).toContain(pointer)
    if (status === 413) expect(answer.json.maxBytes).toBe(1_048_576)
    expect(await countedSum('hostile')).toBe(before)
    expect(({} as { admin?: unknown }).admin).toBeUndefined()
  })

test('what only looks hostile counts', async () => {
  const tenant = await api.tenant('fine')
  const fine = await api.key({ tenant, eventsPerMinute: 0 })
  const bodies: [unknown, Record<string, string>?][] = [
    [eventOf({ occurred_at: at(4 * 60_000) })],
    [eventOf({ occurred_at: at(-29 * DAY) })],
    [eventOf({ occurred_at: '2026-11-21T10:00:00+00:00'.replace(/^.{10}/, at(-DAY).slice(0, 10)) })],
    [eventOf({ entity_id: '\u{1f600}'.repeat(256) })],
    [eventOf({ entity_id: "'; DROP TABLE movies; --" })],
    [eventOf({ entity_id: '$where{}*:/?#%2e' })],
    [eventOf({ entity_id: 'e\u0301' })],
    [eventOf({ properties: { a: { b: { c: { d: { e: { f: 1 } } } } } } })],
    [eventOf({ properties: { a: '[[[[[[[[[[{{{{{{{{{{"\\' } })],
    [Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(JSON.stringify(eventOf()))]), json],
    [JSON.stringify(eventOf()), { 'content-type': 'text/plain;charset=UTF-8' }],
    [JSON.stringify(eventOf()), { 'content-type': 'application/vnd.example+json' }],
    [gzipSync(JSON.stringify(eventOf())), gzip],
    [raw(`"action":"purchase","action":"view",${when()}`), json],
  ]
  for (const [body, headers] of bodies) {
    const answer = await api.call('POST', '/api/v1/events', { key: fine, body, ...(headers && { headers }) })
    expect(answer, answer.text).toMatchObject({ status: 202, json: { status: 'accepted' } })
  }
  expect(await countedSum('fine')).toBe(bodies.length)
})

test('a bad event never fails its neighbours, and is told with its place', async () => {
  const tenant = await api.tenant('mixed')
  const good = eventOf()
  const answer = await api.call('POST', '/api/v1/events', {
    key: await api.key({ tenant }),
    body: { events: [good, 5, eventOf({ event_id: 'bad-1', occurred_at: 'x' }), null, eventOf(), good, [eventOf()]] },
  })
  expect(answer.status).toBe(202)
  expect(answer.json).toMatchObject({ accepted: 2, duplicates: 1 })
  expect(answer.json.rejected.map(({ index, pointer, code }: any) => [index, pointer, code])).toEqual([
    [1, '', 'FIELD_INVALID'], [2, '/occurred_at', 'FIELD_INVALID'], [3, '', 'FIELD_INVALID'], [6, '', 'FIELD_INVALID'],
  ])
  expect(answer.json.rejected[1].event_id).toBe('bad-1')
})

test('keys of other tenants, of nobody, and without the scope count nothing', async () => {
  const tenant = await api.tenant('guarded')
  const reader = await api.key({ tenant, scopes: ['read'] })
  const revoked = await api.key({ tenant })
  const { id } = (await api.stores.accounts.listKeys(tenant)).find((one) => revoked.startsWith(one.hint) && one.scopes[0] === 'ingest')!
  await api.stores.accounts.revokeKey(id, new Date())
  const refused = async (headers: Record<string, string>, path = '/api/v1/events') => {
    const answer = await api.call('POST', path, { body: eventOf(), headers })
    return `${answer.status} ${answer.json.code}`
  }
  expect(await refused({})).toBe('401 KEY_MISSING')
  expect(await refused({ authorization: 'Basic dGVzdDp0ZXN0' })).toBe('401 KEY_MISSING')
  expect(await refused({ authorization: 'Bearer nonsense' })).toBe('401 KEY_UNKNOWN')
  expect(await refused({ 'x-api-key': `tf_sk_${'A'.repeat(43)}` })).toBe('401 KEY_UNKNOWN')
  expect(await refused({ 'x-api-key': revoked })).toBe('401 KEY_UNKNOWN')
  expect(await refused({ authorization: `Bearer ${reader}` })).toBe('403 SCOPE_MISSING')
  expect(await refused({}, `/api/v1/events?key=${key}`)).toBe('401 KEY_MISSING')
  expect(await countedSum('guarded')).toBe(0)
})

test('after all of it the ledger balances, and holds what was refused inside parsed bodies', async () => {
  const reader = await api.key({ tenant: 'hostile', scopes: ['read'] })
  const { json: { data } } = await api.call('GET', '/api/v1/ledger', { key: reader })
  expect(data).toMatchObject({ counted: 0, duplicates: 0, rejected: wrongEvent.length, balanced: true })
  expect(data.received).toBe(data.rejected)
})

/** The bytes with one of the checksum turned over. */
function broken(bytes: Buffer): Buffer {
  const place = bytes.length - 6
  bytes[place] = bytes[place]! ^ 0xff
  return bytes
}
