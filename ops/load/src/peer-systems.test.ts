import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sendAll } from './peer-load.ts'
import { peers, viewAt } from './peer-systems.ts'

type Seen = { method: string; path: string; headers: IncomingMessage['headers']; body: any }

/** Answers as Umami's and GoatCounter's documentation say; keeps what it was asked. */
const seen: Seen[] = []
let views = 0
const server = createServer(async (request, response) => {
  const body = await text(request)
  const path = request.url!.split('?')[0]!
  const asked: Seen = { method: request.method!, path, headers: request.headers, body: body === '' ? undefined : JSON.parse(body) }
  seen.push(asked)
  const json = (status: number, answer: unknown) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  if (asked.path === '/trouble') return json(seen.filter((one) => one.path === path).length < 3 ? 500 : 202, {})
  if (asked.path === '/api/websites') return json(200, { id: 'site-1', name: asked.body.name })
  if (asked.path === '/api/send') { views++; return json(200, { cache: 'x', sessionId: 's', visitId: 'v' }) }
  if (asked.path === '/api/batch') { views += asked.body.length; return json(200, { size: asked.body.length, processed: asked.body.length, errors: 0 }) }
  if (asked.path === '/api/websites/site-1/stats') return json(200, { pageviews: views })
  if (asked.path === '/count') { views++; return response.writeHead(200, { connection: 'close', 'content-length': 3 }).end('GIF') }
  if (asked.path === '/api/v0/count') { views += asked.body.hits.length; return json(202, { ok: true }) }
  if (asked.path === '/api/v0/stats/total') return json(200, { total: views })
  json(404, {})
})
let url = ''
beforeAll(() => new Promise<void>((resolve) => {
  server.listen(0, '127.0.0.1', () => {
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    resolve()
  })
}))
afterAll(() => new Promise((resolve) => { server.close(resolve); server.closeAllConnections() }))

for (const kind of ['goatcounter', 'umami']) {
  test(`${kind}: every view, one a request or in batches, arrives and shows in its reports`, async () => {
    const system = await peers[kind]!.open({ url, kind, token: 'secret' })
    const before = await system.countViews()
    await sendAll(url, [0, 1, 2].map((n) => system.single(viewAt(n))), 2)
    await sendAll(url, [system.batch([3, 4, 5, 6].map(viewAt))], 1)
    expect(await system.countViews()).toBe(before + 7)
  })
}

test('Umami hears of pages by their path, from a browser, and is asked with its token', async () => {
  const single = seen.find(({ path }) => path === '/api/send')!
  expect(single.body).toMatchObject({ type: 'event', payload: { website: 'site-1', url: '/page-0', hostname: 'bench.example' } })
  expect(single.headers['user-agent']).toContain('Mozilla/5.0')
  expect(single.headers.authorization).toBeUndefined()
  expect(seen.find(({ path }) => path === '/api/websites/site-1/stats')!.headers.authorization).toBe('Bearer secret')
})

test('no two views are one visit: they differ in the page or the visitor', () => {
  const names = Array.from({ length: 5_000 }, (_, n) => viewAt(n)).map(({ page, visitor }) => `${page} ${visitor}`)
  expect(new Set(names).size).toBe(5_000)
})

test('a server in trouble for a moment is asked again', async () => {
  const { acknowledged } = await sendAll(url, [Buffer.from('GET /trouble HTTP/1.1\r\nhost: x\r\n\r\n')], 1)
  expect(acknowledged).toEqual([true])
  expect(seen.filter(({ path }) => path === '/trouble').length).toBe(3)
})

test('a refusal is an error; a server that goes away is one too, unless that is what is waited for', async () => {
  const refused = Buffer.from('GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n')
  await expect(sendAll(url, [refused], 1)).rejects.toThrow('answered 404')
  const brittle = createServer((request) => request.socket.destroy()).listen(0, '127.0.0.1')
  await new Promise((resolve) => brittle.once('listening', resolve))
  const gone = `http://127.0.0.1:${(brittle.address() as AddressInfo).port}`
  await expect(sendAll(gone, [refused], 1)).rejects.toThrow('gone')
  expect((await sendAll(gone, [refused, refused], 1, { untilGone: true })).acknowledged).toEqual([false, false])
  brittle.close()
})
