import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { AppError } from '@tallyfleet/domain'
import { expect, test } from 'vitest'
import { startApi } from '../start-api.fixture.ts'

test('a healthy API is live and ready, and names what it needs', async () => {
  await using api = await startApi()
  expect(await api.call('GET', '/livez')).toMatchObject({ status: 200 })
  const { status, json } = await api.call('GET', '/readyz')
  expect({ status, failing: json.failing }).toEqual({ status: 200, failing: [] })
  expect(json.checks).toMatchObject({ hot: { state: 'ok', maxmemoryPolicy: 'noeviction' }, shards: {}, rollups: {}, catalog: {} })
})

test('a stopped shard makes it unready, with the reason', async () => {
  await using api = await startApi()
  await api.stores.hot.stopShard(7, 'redis went back in time')
  const { status, json } = await api.call('GET', '/readyz')
  expect(status).toBe(503)
  expect(json.failing).toEqual(['shards'])
  expect(json.checks.shards.reason).toContain('shard 7: redis went back in time')
})

test('a store that is away makes it unready but not dead', async () => {
  await using api = await startApi()
  const accounts = Object.create(api.stores.accounts, {
    findTenant: { value: async () => { throw new AppError('STORE_UNAVAILABLE', 'mysql at 10.0.0.1 did not answer') } },
  })
  await using half = await startApi({ override: { accounts } })
  const { status, json, text: body } = await half.call('GET', '/readyz')
  expect({ status, failing: json.failing }).toEqual({ status: 503, failing: ['catalog'] })
  expect(body).not.toContain('10.0.0.1')
  expect((await half.call('GET', '/livez')).status).toBe(200)
})

test('metrics count requests by route pattern, and ask for their token when there is one', async () => {
  await using api = await startApi({ config: { METRICS_TOKEN: 'long-enough' } })
  await api.call('GET', '/api/v1/entities/jav/movie/secret-id')
  expect((await api.call('GET', '/metrics')).status).toBe(401)
  expect((await api.call('GET', '/metrics', { key: 'wrong-token' })).status).toBe(401)
  const { status, text: lines } = await api.call('GET', '/metrics', { key: 'long-enough' })
  expect(status).toBe(200)
  expect(lines).toContain('http_request_seconds_count{method="GET",route="/api/v1/entities/{domain}/{entity_type}/{entity_id}",status="401"} 1')
  expect(lines).not.toContain('secret-id')
})

test('the console, its parts and the documents are served from here, under a strict policy', async () => {
  await using api = await startApi()
  for (const path of ['/', '/docs', '/docs/errors', '/docs/swagger-ui.css', '/docs/swagger-ui-bundle.js', '/docs/start.js', '/plain.css']) {
    const answer = await api.call('GET', path)
    expect(answer.status, path).toBe(200)
    expect(answer.headers.get('content-security-policy'), path).toMatch(/default-src 'none'/)
    expect(answer.headers.get('x-powered-by')).toBeNull()
    if (answer.headers.get('content-type')?.includes('html')) expect(answer.text).not.toMatch(/<(script|link|img)[^>]+(src|href)="(https?:)?\/\//)
  }
  expect((await api.call('GET', '/openapi.json')).json).toMatchObject({ openapi: '3.1.0' })
  expect((await api.call('GET', '/docs/errors')).text).toContain('<tr id="LIMIT_REACHED">')
  expect(await api.call('GET', '/nothing')).toMatchObject({ status: 404, json: { code: 'ROUTE_UNKNOWN' } })
  expect(await api.call('GET', '/docs/../../package.json')).toMatchObject({ status: 404 })
})

test('a page asked for with another method says which ones work', async () => {
  await using api = await startApi()
  for (const path of ['/', '/livez', '/openapi.json', '/fleet.js']) {
    const answer = await api.call('POST', path, { body: '{}' })
    expect(answer, path).toMatchObject({ status: 405, json: { code: 'METHOD_UNKNOWN' } })
    expect(answer.headers.get('allow')).toBe('GET, HEAD')
  }
})

test('the landing page shows its own address, and no hostile host header', async () => {
  await using api = await startApi()
  expect((await api.call('GET', '/')).text).toContain(`${api.url}/api/v1/events`)
  const [response] = await once(get(api.url, { headers: { host: '"><script>' } }), 'response') as [IncomingMessage]
  const page = await text(response)
  expect(page).toContain('http://localhost/api/v1/events')
  expect(page).not.toContain('<script>')
})

test('a bug answers 500 with the request id and none of its words', async () => {
  await using api = await startApi({ override: { hot: {
    ingest: async () => { throw new Error('secret detail') },
  } as never } })
  const key = await api.key({})
  const { status, json, text: body } = await api.call('POST', '/api/v1/events', { key, body: [{}] })
  expect({ status, code: json.code }).toEqual({ status: 500, code: 'BUG' })
  expect(json.requestId).toMatch(/^[0-9a-f-]{36}$/)
  expect(body).not.toContain('secret detail')
})
