import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { LiveMessage } from '@tallyfleet/api-contract'
import { LiveHub } from '@tallyfleet/features'
import { waitUntil } from '@tallyfleet/testing'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { buildApp } from '../app.ts'
import { eventOf, startApi, type TestApi } from '../start-api.fixture.ts'
import type { ApiNeeds } from '../needs.ts'
import { serveLive } from './serve-live.ts'
import { watchLive } from './watch-live.ts'

let api: TestApi
let key: string
beforeAll(async () => {
  api = await startApi({ config: { INGEST_EVENTS_PER_MINUTE: 0, RATE_LIMIT_PER_MINUTE: 0 } })
  key = await api.key({ scopes: ['ingest', 'read'] })
})
afterAll(() => api[Symbol.asyncDispose]())

const ticketOf = async (secret = key) => (await api.call('POST', '/api/v1/ws-ticket', { key: secret })).json.data.ticket as string
const send = async (count: number, part: Record<string, unknown> = {}, secret = key) =>
  expect((await api.call('POST', '/api/v1/events', { key: secret, body: Array.from({ length: count }, () => eventOf(part)) })).json).toMatchObject({ accepted: count })
type Snapshot = Extract<LiveMessage, { t: 'snapshot' }>
const eventsIn = ({ counts }: Pick<Snapshot, 'counts'>) => counts.perSecond.reduce((sum, count) => sum + count, 0)

/** A socket and all that it was sent. */
async function watch(secret = key, url = api.url) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/api/v1/live?ticket=${await ticketOf(secret)}`)
  const messages: LiveMessage[] = []
  socket.on('message', (data) => messages.push(JSON.parse(String(data)) as LiveMessage))
  onTestFinished(() => socket.terminate())
  await waitUntil(async () => messages.length > 0)
  const deltas = () => messages.filter((message) => message.t === 'delta')
  return { socket, messages, deltas, first: messages[0] as Snapshot }
}

/** Another process of the same API, as far as sockets can tell. */
async function startAnother(of: ApiNeeds): Promise<{ server: AsyncDisposableStack; url: string }> {
  const stack = new AsyncDisposableStack()
  const needs = { ...of, live: stack.use(new LiveHub(of, { everyMs: 100 })) }
  const server = createServer(buildApp(needs)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  stack.defer(() => { server.closeAllConnections(); server.close() })
  stack.use(serveLive(server, needs))
  return { server: stack, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

/** How opening a socket is answered. */
function statusOf(path: string, headers: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(api.url.replace('http', 'ws') + path, { headers })
    socket.on('open', () => { socket.terminate(); resolve(101) })
    socket.on('unexpected-response', (_, response) => { response.resume(); resolve(response.statusCode!) })
    socket.on('error', reject)
  })
}

test('a ticket opens one socket, from this site alone', async () => {
  const ticket = await ticketOf()
  expect(await statusOf(`/api/v1/live?ticket=${ticket}`)).toBe(101)
  expect(await statusOf(`/api/v1/live?ticket=${ticket}`)).toBe(401)
  expect(await statusOf('/api/v1/live')).toBe(401)
  expect(await statusOf(`/api/v1/other?ticket=${await ticketOf()}`)).toBe(404)
  expect(await statusOf(`/api/v1/live?ticket=${await ticketOf()}`, { origin: 'https://elsewhere.example' })).toBe(403)
  expect(await statusOf(`/api/v1/live?ticket=${await ticketOf()}`, { origin: api.url })).toBe(101)
  expect((await api.call('POST', '/api/v1/ws-ticket', { key: await api.key({ scopes: ['ingest'] }) })).status).toBe(403)
})

test('events come as deltas in unbroken order, as the next snapshot tells them, and of no other tenant', async () => {
  const tenant = await api.tenant('seen')
  const own = await api.key({ tenant, scopes: ['ingest', 'read'] })
  const other = await watch()
  const { deltas, first, socket, messages } = await watch(own)
  expect(first).toMatchObject({ t: 'snapshot', active: 0, top: [], recent: [] })
  await send(7, { entity_id: 'a' }, own)
  await send(2, { entity_id: 'b', action: 'download', occurred_at: new Date(Date.now() - 60_000).toISOString() }, own)
  await waitUntil(async () => deltas().at(-1)?.top[0]?.count === 7 && deltas().at(-1)?.top[1]?.count === 2)
  expect(deltas().map(({ seq }) => seq)).toEqual(deltas().map((_, index) => first.seq + 1 + index))
  expect(deltas().at(-1)).toMatchObject({ active: 2, activeIsLeast: false, top: [{ entity_id: 'a', count: 7 }, { entity_id: 'b', count: 2 }] })
  const shown = deltas().flatMap(({ recent }) => recent)
  expect(shown.length).toBeGreaterThan(0)
  expect(Object.keys(shown[0]!).sort()).toEqual(['action', 'at', 'domain', 'entity_id', 'entity_type', 'event_id', 'occurred_at', 'title'])
  const seconds = new Map(deltas().flatMap((delta) => delta.seconds))
  expect([...seconds.values()].reduce((sum, count) => sum + count, 0)).toBe(9)

  await waitUntil(async () => {
    socket.send('{"t":"snapshot"}')
    return messages.filter(({ t }) => t === 'snapshot').length > 1
  })
  const again = messages.findLast((message) => message.t === 'snapshot')!
  expect(eventsIn(again)).toBe(9)
  const { data } = (await api.call('GET', '/api/v1/live/snapshot', { key: own })).json
  expect(data.top).toEqual(again.top)
  expect(other.deltas().flatMap(({ top }) => top).filter(({ entity_id }) => entity_id === 'a')).toEqual([])
})

test('two processes show one sum', async () => {
  const tenant = await api.tenant('twice')
  const own = await api.key({ tenant, scopes: ['ingest', 'read'] })
  const { server, url: second } = await startAnother(api.needs)
  onTestFinished(() => server[Symbol.asyncDispose]())
  const [here, there] = [await watch(own), await watch(own, second)]
  await send(3, { entity_id: 'a' }, own)
  await fetch(`${second}/api/v1/events`, {
    method: 'POST', headers: { authorization: `Bearer ${own}`, 'content-type': 'application/json' },
    body: JSON.stringify(Array.from({ length: 4 }, () => eventOf({ entity_id: 'a' }))),
  })
  for (const { deltas } of [here, there]) await waitUntil(async () => deltas().at(-1)?.top[0]?.count === 7)
  const late = await watch(own, second) // what was counted before somebody looked is there as well
  expect(late.first.top).toMatchObject([{ entity_id: 'a', count: 7 }])
  expect(eventsIn(late.first)).toBe(7)

  const ended = once(late.socket, 'close')
  await server[Symbol.asyncDispose]()
  expect((await ended)[0]).toBe(1001)
  expect(here.socket.readyState).toBe(WebSocket.OPEN)
})

test('a client that does not read misses deltas and gets a whole picture when it reads again', { timeout: 60_000 }, async () => {
  // The kernel takes some megabytes before anything waits in the server: deltas are sent until it waits, then none.
  let sent = 0
  const watchers = new Set<(delta: never) => void>()
  const live = {
    subscribe: async (_: string, watcher: (delta: never) => void) => { watchers.add(watcher); return () => watchers.delete(watcher) },
    snapshot: (tenant: string) => api.needs.live.snapshot(tenant),
  } as unknown as LiveHub
  const own = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  onTestFinished(() => { for (const one of own.clients) one.terminate(); own.close() })
  await once(own, 'listening')
  const connected = once(own, 'connection')
  const slow = new WebSocket(`ws://127.0.0.1:${(own.address() as AddressInfo).port}`)
  onTestFinished(() => slow.terminate())
  const [socket] = await connected as [WebSocket]
  const { secretHash: hash } = (await api.needs.accounts.listKeys('default'))[0]!
  watchLive(socket, { tenant: 'default', credential: { kind: 'key', hash } }, { ...api.needs, live })
  const messages: LiveMessage[] = []
  slow.on('message', (data) => messages.push(JSON.parse(String(data)) as LiveMessage))
  await waitUntil(async () => messages.length > 0 && watchers.size > 0)
  slow.pause()
  const bulk = 'x'.repeat(50_000)
  let most = 0
  for (; sent < 2_000; sent++) {
    for (const watcher of watchers) watcher({ seq: sent, lagMs: null, bulk } as never)
    most = Math.max(most, socket.bufferedAmount)
    await new Promise(setImmediate)
  }
  expect(most).toBeLessThan(3 * 64 * 1_024) // 100 MB were offered
  slow.resume()
  await waitUntil(async () => { for (const watcher of watchers) watcher({ seq: 9_999, lagMs: null } as never); return messages.some((message) => 'seq' in message && message.seq === 9_999) })
  const seqs = messages.flatMap((message) => (message.t === 'delta' ? [message.seq] : []))
  expect(seqs.length).toBeLessThan(sent) // a gap: the client asks anew
  slow.send('{"t":"snapshot"}')
  await waitUntil(async () => messages.filter(({ t }) => t === 'snapshot').length > 1)
})

test('a socket ends when what it shows cannot be read any more', { timeout: 30_000 }, async () => {
  let isAway = false
  const exchange = new Proxy(api.needs.exchange, {
    get: (target, name: keyof typeof api.needs.exchange) => name !== 'read' ? target[name].bind(target)
      : async (...of: Parameters<typeof target.read>) => { if (isAway) throw new Error('away'); return await target.read(...of) },
  })
  const { server, url } = await startAnother({ ...api.needs, exchange })
  onTestFinished(() => server[Symbol.asyncDispose]())
  const { socket } = await watch(key, url)
  isAway = true
  expect((await once(socket, 'close'))[0]).toBe(1013)
})

test('a socket ends with the key that opened it, and when it says what nobody understands', { timeout: 30_000 }, async () => {
  const mine = await api.key({ scopes: ['read'], name: 'short-lived' })
  const { socket } = await watch(mine)
  const closed = once(socket, 'close')
  const { id } = (await api.needs.accounts.listKeys('default')).find(({ name }) => name === 'short-lived')!
  await api.needs.accounts.revokeKey(id, new Date())
  expect((await closed)[0]).toBe(4401)

  const babbling = await watch()
  const refused = once(babbling.socket, 'close')
  babbling.socket.send('{"t":"everything"}')
  expect((await refused)[0]).toBe(1008)
})
