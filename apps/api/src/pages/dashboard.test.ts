import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliCompressSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApi, type TestApi } from '../start-api.fixture.ts'

const html = { accept: 'text/html,*/*' }
const folder = mkdtempSync(join(tmpdir(), 'dashboard-'))
let api: TestApi
beforeAll(async () => {
  mkdirSync(join(folder, 'assets'))
  writeFileSync(join(folder, 'index.html'), '<!doctype html><div id="app"></div>')
  writeFileSync(join(folder, 'assets/index-1a2b.js'), 'start()')
  writeFileSync(join(folder, 'assets/index-1a2b.js.br'), brotliCompressSync('start()'))
  writeFileSync(join(folder, 'start.js'), 'theme()')
  writeFileSync(join(folder, 'secret.txt'), 'no')
  api = await startApi({ override: { dashboardFolder: folder } })
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

test('a browser with a session gets the dashboard at every path that nothing else takes', async () => {
  const headers = { ...html, cookie: 'tallyfleet_session=any' }
  for (const path of ['/', '/content', '/content/m%2F1', '/proof?domain=jav', '/nowhere']) {
    const answer = await api.call('GET', path, { headers })
    expect(answer, path).toMatchObject({ status: 200, text: expect.stringContaining('id="app"') })
    expect(answer.headers.get('cache-control')).toBe('no-cache')
    const policy = answer.headers.get('content-security-policy')!
    expect(policy).toContain("script-src 'self';")
    expect(policy).toContain("style-src 'self';")
  }
  for (const path of ['/api/v1/nothing', '/admin/nothing', '/assets/gone-1a2b.js', '/nothing.js', '/docs/nothing']) {
    expect(await api.call('GET', path, { headers }), path).not.toMatchObject({ status: 200 })
  }
})

test('a browser without a session is sent to the login and comes back to where it was', async () => {
  expect((await api.call('GET', '/', { headers: html })).headers.get('location')).toBe('/login')
  const { status, headers } = await api.call('GET', '/content?from=-7d', { headers: html })
  expect({ status, to: headers.get('location') }).toEqual({ status: 303, to: '/login?next=%2Fcontent%3Ffrom%3D-7d' })
})

test('a program gets the page at / and a problem where nothing is', async () => {
  expect(await api.call('GET', '/')).toMatchObject({ status: 200 })
  expect(await api.call('GET', '/nowhere')).toMatchObject({ status: 404, json: { code: 'ROUTE_UNKNOWN' } })
})

test('files with a hash in their name are kept for ever, others for an hour, and come packed', async () => {
  const packed = await api.call('GET', '/assets/index-1a2b.js', { headers: { 'accept-encoding': 'br' } })
  expect(packed).toMatchObject({ status: 200, text: 'start()' })
  expect(packed.headers.get('content-encoding')).toBe('br')
  expect(packed.headers.get('cache-control')).toContain('immutable')
  const plain = await api.call('GET', '/assets/index-1a2b.js', { headers: { 'accept-encoding': 'identity' } })
  expect([plain.text, plain.headers.get('content-encoding'), plain.headers.get('vary')]).toEqual(['start()', null, 'accept-encoding'])
  expect((await api.call('GET', '/start.js')).headers.get('cache-control')).toBe('public, max-age=3600')
})

test('nothing else of the folder, and nothing beside it, is served', async () => {
  for (const path of ['/secret.txt', '/assets/index-1a2b.js.br', '/assets/..%2fsecret.txt', '/%2e%2e/package.json']) {
    expect((await api.call('GET', path)).status, path).toBe(404)
  }
})
