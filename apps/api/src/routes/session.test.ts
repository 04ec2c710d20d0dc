import { ensureUser, startSession } from '@tallyfleet/features'
import type { Role } from '@tallyfleet/ports'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApi, type TestApi } from '../start-api.fixture.ts'

let api: TestApi
beforeAll(async () => { api = await startApi() })
afterAll(() => api[Symbol.asyncDispose]())

async function cookieOf(name: string, role: Role): Promise<Record<string, string>> {
  const token = await startSession(await ensureUser(name, role, api.needs), api.needs)
  return { cookie: `tallyfleet_session=${token}` }
}

test('a logged-in person reads what a key reads, in the tenant that they name', async () => {
  await api.tenant('shop', 'Europe/Prague')
  const headers = await cookieOf('vera', 'viewer')
  const { status, json } = await api.call('GET', '/api/v1/session', { headers })
  expect(status).toBe(200)
  expect(json.data).toMatchObject({ name: 'vera', role: 'viewer', scopes: ['read'], tenant: { id: 'default' } })
  expect(json.data.tenants.map(({ id }: { id: string }) => id)).toEqual(expect.arrayContaining(['default', 'shop']))
  expect(json.data.packs.find(({ domain }: { domain: string }) => domain === 'jav').entityTypes[0])
    .toMatchObject({ name: 'movie', catalog: true, dimensions: expect.arrayContaining([{ name: 'genres', title: 'Genres' }]) })

  const shop = await api.call('GET', '/api/v1/session', { headers: { ...headers, 'x-tenant': 'shop' } })
  expect(shop.json.data.tenant).toMatchObject({ id: 'shop', zone: 'Europe/Prague' })
  expect(await api.call('GET', '/api/v1/session', { headers: { ...headers, 'x-tenant': 'nobody' } }))
    .toMatchObject({ status: 404, json: { code: 'TENANT_UNKNOWN' } })
  const top = '/api/v1/entities/top?domain=jav&entity_type=movie&action=view'
  expect((await api.call('GET', top, { headers })).status).toBe(200)
})

test('a key looks at its own tenant alone, whatever it names', async () => {
  const key = await api.key({ tenant: await api.tenant('own'), scopes: ['read'] })
  const { json } = await api.call('GET', '/api/v1/session', { key, headers: { 'x-tenant': 'default' } })
  expect(json.data).toMatchObject({ role: null, tenant: { id: 'own' }, tenants: [{ id: 'own' }] })
})

test('a role that does not reach is refused, and a session that is over too', async () => {
  const headers = await cookieOf('vera', 'viewer')
  expect(await api.call('GET', '/api/v1/keys', { headers })).toMatchObject({ status: 403, json: { code: 'ROLE_MISSING' } })
  expect(await api.call('GET', '/api/v1/session', { headers: { cookie: 'tallyfleet_session=guess' } }))
    .toMatchObject({ status: 401, json: { code: 'LOGIN_REQUIRED' } })
  expect(await api.call('GET', '/api/v1/session')).toMatchObject({ status: 401, json: { code: 'KEY_MISSING' } })
  expect(await api.call('GET', '/api/v1/session', { headers: { ...headers, authorization: 'Bearer tf_sk_wrong' } }))
    .toMatchObject({ status: 401, json: { code: 'KEY_UNKNOWN' } })
})

test('dead letters are for operators and administrators, in every tenant, and nothing else of an administrator is for operators', async () => {
  const call = async (role: Role, method: string, path: string, tenant = 'default') => (await api.call(method, path, {
    headers: { ...await cookieOf(`${role}-of-dead`, role), 'x-tenant': tenant }, ...(method === 'POST' ? { body: { dryRun: true } } : {}),
  })).status
  const dead = async (role: Role, tenant?: string) => [
    await call(role, 'GET', '/api/v1/dlq', tenant), await call(role, 'POST', '/api/v1/dlq/redrive', tenant), await call(role, 'POST', '/api/v1/dlq/purge', tenant),
  ]
  for (const role of ['operator', 'admin'] as const) expect(await dead(role), role).toEqual([200, 200, 200])
  for (const role of ['viewer', 'analyst'] as const) expect(await dead(role), role).toEqual([403, 403, 403])
  expect(await dead('operator', await api.tenant('books'))).toEqual([200, 200, 200])
  expect(await call('operator', 'GET', '/api/v1/keys')).toBe(403)
})

test('a session never sends events', async () => {
  const headers = await cookieOf('anna', 'admin')
  expect(await api.call('POST', '/api/v1/events', { headers, body: {} })).toMatchObject({ status: 401, json: { code: 'KEY_MISSING' } })
})

test('an administrator lets people in by a link, and another site cannot', async () => {
  const headers = await cookieOf('anna', 'admin')
  const body = { name: 'jana', role: 'analyst' }
  const made = await api.call('POST', '/api/v1/users', { headers, body })
  expect(made).toMatchObject({ status: 201, json: { data: { name: 'jana', role: 'analyst', hasPassword: false } } })
  expect((await api.stores.accounts.listAudit(1))[0]).toMatchObject({ actor: 'user:anna', action: 'putUser', outcome: 'ok' })
  expect((await api.call('GET', made.json.data.loginPath)).status).toBe(303)

  expect(await api.call('POST', '/api/v1/users', { headers: { ...headers, origin: 'https://evil.example' }, body }))
    .toMatchObject({ status: 403, json: { code: 'ORIGIN_FORBIDDEN' } })
  await api.call('POST', '/api/v1/users', { headers, body: { name: 'jana', role: 'viewer' } })
  const { json } = await api.call('GET', '/api/v1/users', { headers })
  expect(json.data).toEqual(expect.arrayContaining([expect.objectContaining({ name: 'jana', role: 'viewer' })]))
})

test('nobody changes their own role', async () => {
  const headers = await cookieOf('anna', 'admin')
  expect(await api.call('POST', '/api/v1/users', { headers, body: { name: 'anna', role: 'viewer' } }))
    .toMatchObject({ status: 403, json: { code: 'ROLE_MISSING' } })
})
