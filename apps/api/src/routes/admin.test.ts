import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventOf, startApi, type TestApi } from '../start-api.fixture.ts'

let api: TestApi
let root: string
let own: string
let reader: string
beforeAll(async () => {
  api = await startApi()
  root = await api.key({ scopes: ['admin'] })
  own = await api.key({ tenant: await api.tenant('shop'), scopes: ['admin'] })
  reader = await api.key({ scopes: ['read', 'ingest'] })
})
afterAll(() => api[Symbol.asyncDispose]())

const post = (path: string, body: unknown, key = root) => api.call('POST', path, { key, body })

test('a key is made with its secret shown once, works, and stops when it is revoked', async () => {
  const made = await post('/api/v1/keys', { name: 'till', scopes: ['ingest'], tenant: 'shop' })
  expect(made).toMatchObject({ status: 201, json: { data: { tenant: 'shop', scopes: ['ingest'], revokedAt: null } } })
  const { id, key } = made.json.data
  expect((await post('/api/v1/events', eventOf(), key)).status).toBe(202)

  const list = await api.call('GET', '/api/v1/keys', { key: root })
  expect(list.json.data.map((one: any) => one.id)).toContain(id)
  expect(list.text).not.toContain(key)
  expect(list.text).not.toContain('secretHash')

  const gone = await api.call('DELETE', `/api/v1/keys/${id}`, { key: root })
  expect(gone).toMatchObject({ status: 200, json: { data: { id, revokedAt: expect.any(String) } } })
  expect(await api.call('DELETE', '/api/v1/keys/nope', { key: root })).toMatchObject({ status: 404, json: { code: 'RECORD_UNKNOWN' } })
})

test('a key is rotated with an overlap in which both work, and revoking ends it', async () => {
  const made = await post('/api/v1/keys', { name: 'till', scopes: ['ingest'], tenant: 'shop' })
  const { id, key } = made.json.data
  const works = async (one: string) => (await post('/api/v1/events', eventOf(), one)).status
  const rotated = await post(`/api/v1/keys/${id}/rotate`, { overlapHours: 24 })
  expect(rotated).toMatchObject({ status: 201, json: { data: { name: 'till', tenant: 'shop', scopes: ['ingest'], revokedAt: null } } })
  expect([await works(key), await works(rotated.json.data.key)]).toEqual([202, 202])
  const old = (await api.call('GET', '/api/v1/keys', { key: root })).json.data.find((one: any) => one.id === id)
  expect(Date.parse(old.revokedAt) - Date.now()).toBeGreaterThan(23 * 3_600_000)

  const gone = await api.call('DELETE', `/api/v1/keys/${id}`, { key: root })
  expect(Date.parse(gone.json.data.revokedAt)).toBeLessThanOrEqual(Date.now())
  await expect.poll(() => works(key), { timeout: 10_000 }).toBe(401)
  expect(await post(`/api/v1/keys/${id}/rotate`, {})).toMatchObject({ status: 404, json: { code: 'RECORD_UNKNOWN' } })
  expect(await post(`/api/v1/keys/${rotated.json.data.id}/rotate`, {}, reader)).toMatchObject({ status: 403 })
  const other = await post('/api/v1/keys', { name: 'root', scopes: ['read'] })
  expect(await post(`/api/v1/keys/${other.json.data.id}/rotate`, {}, own)).toMatchObject({ status: 404 })
  expect((await api.stores.accounts.listAudit(20)).filter(({ action, outcome }) => action === 'rotateKey' && outcome === 'ok')).toHaveLength(1)
})

test('what is kept how long is told, with who says so, and an administrator of all can change it', async () => {
  const kept = async () => (await api.call('GET', '/api/v1/retention', { key: reader })).json.data
  expect(await kept()).toContainEqual({ what: 'counts', days: null, source: 'protocol', least: null })
  expect(await kept()).toContainEqual({ what: 'jobEvents', days: 90, source: 'default', least: 7 })
  const put = (body: unknown, key = root) => api.call('PUT', '/api/v1/retention', { key, body })
  expect(await put({ jobEvents: 14, minutes: 730 })).toMatchObject({ status: 200 })
  expect(await put({ minutes: null })).toMatchObject({ status: 200 })
  expect(await kept()).toContainEqual({ what: 'jobEvents', days: 14, source: 'setting', least: 7 })
  expect(await kept()).toContainEqual({ what: 'minutes', days: 400, source: 'default', least: 32 })

  for (const [body, pointer] of [[{ jobEvents: 6 }, '/jobEvents'], [{ ticks: 4_000 }, '/ticks'], [{ counts: 30 }, '/counts'], [{ parity: 'a year' }, '/parity']] as const) {
    expect(await put(body)).toMatchObject({ status: 422, json: { errors: [{ pointer }] } })
  }
  expect(await put({ jobEvents: 30 }, reader)).toMatchObject({ status: 403 })
  expect(await put({ jobEvents: 30 }, own)).toMatchObject({ status: 403 })
  expect((await api.stores.accounts.listAudit(20)).filter(({ action, outcome }) => action === 'changeRetention' && outcome === 'ok')).toHaveLength(2)
})

test.each([
  [{ scopes: ['ingest'], publishable: true }, '/origins'],
  [{ scopes: ['ingest', 'read'], publishable: true, origins: ['https://a.example'] }, '/scopes'],
  [{ scopes: ['ingest'], publishable: true, origins: ['https://a.example/x'] }, '/origins/0'],
  [{ scopes: ['ingest'], origins: ['https://a.example'] }, '/origins'],
  [{ scopes: [] }, '/scopes'], [{ scopes: ['root'] }, '/scopes/0'], [{ scopes: ['read'], secret: 'x' }, '/secret'],
  [{ scopes: ['read'], eventsPerMinute: -1 }, '/eventsPerMinute'],
])('a key from %o is refused', async (body, pointer) => {
  const answer = await post('/api/v1/keys', body)
  expect(answer.status).toBe(422)
  expect(answer.json.errors.map((error: any) => error.pointer)).toContain(pointer)
})

test('a tenant keeps its zone once it counts', async () => {
  expect(await post('/api/v1/tenants', { id: 'cafe', zone: 'Europe/Prague' })).toMatchObject({ status: 201 })
  expect(await post('/api/v1/tenants', { id: 'cafe', zone: 'Asia/Tokyo' })).toMatchObject({ json: { data: { zone: 'Asia/Tokyo' } } })
  const key = await api.key({ tenant: 'cafe' })
  expect((await post('/api/v1/events', eventOf(), key)).status).toBe(202)
  expect(await post('/api/v1/tenants', { id: 'cafe', zone: 'Asia/Tokyo' })).toMatchObject({ status: 201 })
  expect(await post('/api/v1/tenants', { id: 'cafe', zone: 'UTC' })).toMatchObject({ status: 409, json: { code: 'TENANT_ZONE_FIXED' } })
  expect(await post('/api/v1/tenants', { id: 'moon', zone: 'Moon/Base' })).toMatchObject({ status: 422 })
  expect(await post('/api/v1/tenants', { id: 'Bad Id' })).toMatchObject({ status: 422 })
})

test('an admin key of one tenant sees and changes that tenant alone', async () => {
  const { json: { data: { id } } } = await post('/api/v1/keys', { scopes: ['read'], tenant: 'default' })
  expect(await post('/api/v1/keys', { scopes: ['read'], tenant: 'default' }, own)).toMatchObject({ status: 403 })
  expect(await post('/api/v1/keys', { scopes: ['read'] }, own)).toMatchObject({ status: 201, json: { data: { tenant: 'shop' } } })
  expect(await post('/api/v1/tenants', { id: 'another' }, own)).toMatchObject({ status: 403 })
  expect((await api.call('DELETE', `/api/v1/keys/${id}`, { key: own })).status).toBe(404)
  const keys = (await api.call('GET', '/api/v1/keys', { key: own })).json.data
  expect(new Set(keys.map((key: any) => key.tenant))).toEqual(new Set(['shop']))
  expect((await api.call('GET', '/api/v1/tenants', { key: own })).json.data.map((tenant: any) => tenant.id)).toEqual(['shop'])
})

test.each([['GET', '/api/v1/keys'], ['POST', '/api/v1/keys'], ['DELETE', '/api/v1/keys/x'], ['GET', '/api/v1/tenants'], ['POST', '/api/v1/tenants']])(
  '%s %s needs the scope admin', async (method, path) => {
    expect(await api.call(method, path, { key: reader })).toMatchObject({ status: 403, json: { code: 'SCOPE_MISSING' } })
    expect((await api.call(method, path)).status).toBe(401)
  })

test('the audit log is read by who administers the installation', async () => {
  const { json: { data } } = await post('/api/v1/keys', { name: 'noted', scopes: ['read'] })
  await api.call('DELETE', `/api/v1/keys/${data.id}`, { key: root })
  const read = (key: string, more = '') => api.call('GET', `/api/v1/audit?limit=2${more}`, { key })
  const { json } = await read(root)
  expect(json.data).toMatchObject([
    { action: 'revokeKey', target: `default/api/v1/keys/${data.id}`, outcome: 'ok', actor: expect.stringMatching(/^key:/) }, { action: 'createKey', outcome: 'ok' },
  ])
  const [newest] = json.data
  expect((await read(root, `&before=${newest.at}`)).json.data.map(({ id }: any) => id)).not.toContain(newest.id)
  expect((await read(root, '&format=csv')).text).toMatch(/^\uFEFF?at,id,actor,action,target/)
  expect([(await read(own)).status, (await read(reader)).status]).toEqual([403, 403])
})

test('every change is in the audit log, also one that failed', async () => {
  await post('/api/v1/tenants', { id: 'noted' })
  await post('/api/v1/tenants', { id: 'Not Ok' })
  const [failed, made] = await api.stores.accounts.listAudit(2)
  expect(made).toMatchObject({ action: 'createTenant', outcome: 'ok', actor: expect.stringMatching(/^key:/) })
  expect(failed).toMatchObject({ action: 'createTenant', outcome: 'failed', detail: { code: 'FIELD_INVALID' } })
})
