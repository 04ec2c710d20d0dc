import { putDemoState } from '@tallyfleet/demo'
import { loadDemoJob } from '@tallyfleet/jobs'
import type { JobQueue } from '@tallyfleet/ports'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventOf, startApi, type TestApi } from '../../start-api.fixture.ts'

let api: TestApi
let admin: string
const asked: unknown[] = []
beforeAll(async () => {
  const queue: JobQueue = {
    enqueue: async (job, payload, options) => { asked.push([job.name, payload, options]); return 'x' },
    async [Symbol.asyncDispose]() {},
  }
  api = await startApi({ override: { queue } })
  admin = await api.key({ scopes: ['admin', 'read'] })
})
afterAll(() => api[Symbol.asyncDispose]())

test('an administrator asks for demo data, and everybody sees how far it is', async () => {
  const reader = await api.key({ scopes: ['read'] })
  expect(await api.call('POST', '/api/v1/demo', { key: reader })).toMatchObject({ status: 403 })
  expect((await api.call('GET', '/api/v1/demo', { key: reader })).json.data).toEqual({ state: 'none', loadedAt: null })
  const answer = await api.call('POST', '/api/v1/demo', { key: admin })
  expect(answer).toMatchObject({ status: 202, json: { data: { state: 'loading' } } })
  expect(asked).toEqual([[loadDemoJob.name, { tenant: 'default', zone: 'UTC' }, { onlyOne: 'demo-default' }]])
  const at = '2026-11-21T10:00:00.000Z'
  await putDemoState('default', { state: 'loaded', startedAt: at, loadedAt: at }, api.stores)
  expect((await api.call('GET', '/api/v1/demo', { key: reader })).json.data).toEqual({ state: 'loaded', loadedAt: at })
})

test('a tenant that counts events of its own gets no demo data', async () => {
  const tenant = await api.tenant('shop')
  const key = await api.key({ tenant, scopes: ['ingest', 'admin', 'read'] })
  await api.call('POST', '/api/v1/events', { key, body: eventOf() })
  expect(await api.call('POST', '/api/v1/demo', { key })).toMatchObject({ status: 409, json: { code: 'DEMO_REFUSED' } })
  expect((await api.call('GET', '/api/v1/demo', { key })).json.data.state).toBe('none')
})
