import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ALL_SHARDS } from '@tallyfleet/domain'
import { checkParity, flushShards, generateReport } from '@tallyfleet/features'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventOf, startApi, type TestApi } from '../start-api.fixture.ts'

let api: TestApi
let key: string
beforeAll(async () => {
  api = await startApi()
  const ingest = await api.key({ tenant: await api.tenant('proofs') })
  key = await api.key({ tenant: 'proofs', scopes: ['read'] })
  const view = () => eventOf({ entity_id: 'é/1' })
  await api.call('POST', '/api/v1/events', { key: ingest, body: [view(), view()] })
  await flushShards(ALL_SHARDS, api.needs, { jobId: 'the-flush' })
  await api.call('POST', '/api/v1/events', { key: ingest, body: view() })
})
afterAll(() => api[Symbol.asyncDispose]())

const get = (path: string, as: string | undefined = key) => api.call('GET', `/api/v1${path}`, as ? { key: as } : {})
const SUBJECT = `domain=jav&entity_type=movie&action=view&entity_id=${encodeURIComponent('é/1')}`

test('a number is explained by its batches, and what is hot is told beside it', async () => {
  const { status, json } = await get(`/explain?${SUBJECT}`)
  expect(status).toBe(200)
  expect(json.data).toMatchObject({
    entity_id: 'é/1', shown: 2, addsUp: true, remaining: 0, unreadable: [], pending: { open: null, hot: 1 },
    contributions: [{ n: 1, value: 2, jobId: 'the-flush', checksum: expect.stringMatching(/^[0-9a-f]{64}$/) }],
  })
  expect((await get(`/explain?${SUBJECT}&bucket=1999`)).json.data).toMatchObject({ shown: 0, addsUp: true })
})

test('another tenant has nothing to explain, and a wrong bucket is named', async () => {
  const other = await api.key({ tenant: await api.tenant('others'), scopes: ['read'] })
  expect(await get(`/explain?${SUBJECT}`, other)).toMatchObject({ status: 404, json: { code: 'ENTITY_UNKNOWN' } })
  expect(await get(`/explain?${SUBJECT}&bucket=soon`)).toMatchObject({ status: 422, json: { code: 'PARAMETER_INVALID' } })
  expect(await get('/explain', await api.key({ tenant: 'proofs' }))).toMatchObject({ status: 403 })
})

test('reports are listed with their hash, and one that was changed says where', async () => {
  expect((await get('/reports')).json.data).toEqual({ fingerprint: null, reports: [], faults: [] })
  const folder = api.needs.reportsFolder
  const options = { folder, keyPath: join(folder, '../evidence-key'), codeVersion: '1', settings: {} }
  const { sha256, fingerprint, path, report } = await generateReport(api.needs, options)
  await generateReport(api.needs, options)
  const { json } = await get('/reports')
  expect(json.data)
    .toMatchObject({ fingerprint, faults: [], reports: [{ sequence: 2 }, { sequence: 1, sha256, verified: true }] })
  expect((await get('/reports?limit=1')).json.data.reports).toMatchObject([{ sequence: 2, verified: true, faults: [] }])
  expect(JSON.stringify(json)).not.toContain('jav')
  expect(report.totals).not.toEqual([])
  await appendFile(path, ' ')
  expect((await get('/reports')).json.data.reports[1])
    .toMatchObject({ sequence: 1, verified: false, faults: [{ file: '000001/report.json', what: 'appended' }] })
})

test('an admin of the whole installation has a worker compare or repair; the run appears with its plan', async () => {
  const admin = await api.key({ scopes: ['read', 'admin'] })
  const post = (body: unknown, as: string) => api.call('POST', '/api/v1/parity', { key: as, body })
  expect(await post({ repair: true, dryRun: true }, admin)).toMatchObject({ status: 202, json: { data: { jobId: expect.any(String) } } })
  expect(await post({ from: '2026-02-02', to: '2026-02-01' }, admin)).toMatchObject({ status: 422 })
  expect(await post({ stores: ['moon'] }, admin)).toMatchObject({ status: 422 })
  expect(await post({}, await api.key({ tenant: 'proofs', scopes: ['admin'] }))).toMatchObject({ status: 403, json: { code: 'SCOPE_MISSING' } })
  await checkParity(api.needs, { stores: ['rollups'] })
  expect((await get('/parity?limit=2', admin)).json.data)
    .toMatchObject({ latest: { equal: true, stores: { rollups: { differences: 0 } }, inFlight: { rollups: 0 } } })
})
