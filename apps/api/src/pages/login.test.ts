import { createLoginLink, ensureUser, setPassword } from '@tallyfleet/features'
import { waitUntil } from '@tallyfleet/testing'
import type { Role } from '@tallyfleet/ports'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApi, type Answer, type TestApi } from '../start-api.fixture.ts'

const BOARD = '/admin/queues'
const PASSWORD = 'correct horse battery'

let api: TestApi
beforeAll(async () => { api = await startApi() })
afterAll(() => api[Symbol.asyncDispose]())

const html = { accept: 'text/html' }
const cookieOf = (answer: Answer) => answer.headers.get('set-cookie')?.split(';')[0] ?? ''
const form = (fields: Record<string, string>, headers: Record<string, string> = {}) => ({
  body: new URLSearchParams(fields).toString(),
  headers: { 'content-type': 'application/x-www-form-urlencoded', origin: api.url, ...headers },
})

async function logIn(name: string, role: Role): Promise<string> {
  await setPassword(await ensureUser(name, role, api.needs), PASSWORD, api.needs)
  const answer = await api.call('POST', '/login', form({ name, password: PASSWORD }))
  expect(answer.status).toBe(303)
  return cookieOf(answer)
}

test('a link logs the first administrator in, once, and lets them set a password', async () => {
  const token = await createLoginLink(api.needs)
  const answers = await Promise.all([1, 2, 3].map(() => api.call('GET', `/login/link/${token}`)))
  expect(answers.map(({ status }) => status).sort()).toEqual([303, 401, 401])
  const first = answers.find(({ status }) => status === 303)!
  expect(first.headers.get('set-cookie')).toMatch(/; Path=\/;.*HttpOnly; SameSite=Strict/)
  const cookie = cookieOf(first)

  expect((await api.call('GET', '/login/password', { headers: { cookie } })).text).toContain('admin')
  expect((await api.call('POST', '/login/password', form({ password: 'short' }, { cookie }))).status).toBe(422)
  expect((await api.call('POST', '/login/password', form({ password: PASSWORD }, { cookie }))).status).toBe(303)
  expect((await api.call('POST', '/login', form({ name: 'admin', password: PASSWORD }))).status).toBe(303)
})

test('without a login a browser is sent to the form, a program is refused', async () => {
  const answer = await api.call('GET', BOARD, { headers: html })
  expect(answer.status).toBe(303)
  expect(answer.headers.get('location')).toBe(`/login?next=${encodeURIComponent(BOARD)}`)
  expect(await api.call('GET', `${BOARD}/api/queues`)).toMatchObject({ status: 401, json: { code: 'LOGIN_REQUIRED' } })
  expect((await api.call('GET', BOARD, { headers: { cookie: 'tallyfleet_session=guess' } })).status).toBe(401)
})

test('a login never leads to another site', async () => {
  await logIn('nora', 'viewer')
  for (const next of ['//evil.example', 'https://evil.example', '/\\evil.example', 'javascript:alert(1)']) {
    const answer = await api.call('POST', '/login', form({ name: 'nora', password: PASSWORD, next }))
    expect(answer.headers.get('location')).toBe('/')
  }
})

test('an operator acts on the board, and each change is audited', async () => {
  const cookie = await logIn('olga', 'operator')
  const page = await api.call('GET', BOARD, { headers: { cookie, ...html } })
  expect(page.status).toBe(200)
  expect(page.headers.get('content-security-policy')).toContain("script-src 'self'")
  const script = /src="(static\/js\/main[^"]+)"/.exec(page.text)![1]!
  expect((await api.call('GET', `${BOARD}/${script}`, { headers: { cookie } })).status).toBe(200)

  const list = await api.call('GET', `${BOARD}/api/queues`, { headers: { cookie } })
  expect(list.json.queues.map((queue: any) => queue.name)).toEqual(['boards'])
  const paused = await api.call('PUT', `${BOARD}/api/queues/boards/pause`, { headers: { cookie, origin: api.url } })
  expect(paused.status, paused.text).toBe(200)
  expect((await api.needs.queues.listQueues())[0]).toMatchObject({ paused: true })
  await waitUntil(async () => (await api.stores.accounts.listAudit(1))[0]?.action === 'change-queue')
  expect((await api.stores.accounts.listAudit(1))[0]).toMatchObject({
    actor: 'user:olga', target: `${BOARD}/api/queues/boards/pause`, outcome: 'ok', detail: { method: 'PUT', status: 200 },
  })
})

test('a viewer looks and cannot change', async () => {
  const cookie = await logIn('vera', 'viewer')
  const list = await api.call('GET', `${BOARD}/api/queues`, { headers: { cookie } })
  expect(list.json.queues[0]).toMatchObject({ name: 'boards', readOnlyMode: true })
  expect(await api.call('PUT', `${BOARD}/api/queues/boards/resume`, { headers: { cookie, origin: api.url } }))
    .toMatchObject({ status: 403, json: { code: 'ROLE_MISSING' } })
})

test('a change that another site starts is refused although the cookie is there', async () => {
  const cookie = await logIn('otto', 'operator')
  const path = `${BOARD}/api/queues/boards/resume`
  const foreign: Record<string, string>[] = [{ origin: 'https://evil.example' }, { origin: 'null' }, { 'sec-fetch-site': 'cross-site' }]
  for (const headers of foreign) {
    const answer = await api.call('PUT', path, { headers: { cookie, ...headers } })
    expect(answer).toMatchObject({ status: 403, json: { code: 'ORIGIN_FORBIDDEN' } })
  }
  // A browser on a page without referrer: its origin is null, but it says that the request comes from this site.
  expect((await api.call('POST', '/login', form({}, { origin: 'null', 'sec-fetch-site': 'same-origin' }))).status).toBe(401)
  expect((await api.call('POST', '/login', form({}, { origin: 'https://evil.example' }))).status).toBe(403)
})

test('a body that is no form logs nobody in and breaks nothing', async () => {
  for (const type of ['application/json', 'text/plain']) {
    const headers = { 'content-type': type }
    expect((await api.call('POST', '/login', { body: '{"name":"olga"}', headers })).status).toBe(401)
    const cookie = await logIn('ines', 'viewer')
    expect((await api.call('POST', '/login/password', { body: '{}', headers: { ...headers, cookie } })).status).toBe(422)
  }
})

test('a session ends with the logout', async () => {
  const cookie = await logIn('lena', 'admin')
  expect((await api.call('GET', BOARD, { headers: { cookie, ...html } })).status).toBe(200)
  expect((await api.call('POST', '/logout', { headers: { cookie } })).status).toBe(303)
  expect((await api.call('GET', `${BOARD}/api/queues`, { headers: { cookie } })).status).toBe(401)
})

test('too many failed logins are stopped, whatever the name', async () => {
  await using fresh = await startApi()
  const attempt = (name: string) => fresh.call('POST', '/login', {
    body: `name=${name}&password=wrong`, headers: { 'content-type': 'application/x-www-form-urlencoded' },
  })
  const failed = await attempt('<script>')
  expect(failed.status).toBe(401)
  expect(failed.text).toContain('role="alert"')
  expect(failed.text).not.toContain('<script>')
  for (let tries = 0; tries < 10; tries++) expect((await attempt('mia')).status).toBe(401)
  const stopped = await attempt('mia')
  expect(stopped).toMatchObject({ status: 429, json: { code: 'LIMIT_REACHED' } })
  expect(Number(stopped.headers.get('retry-after'))).toBeGreaterThan(0)
})
