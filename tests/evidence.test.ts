import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cleanEnv, newHome, runCli, startFleet, type FleetProcess } from './fleet-process.ts'

let fleet: FleetProcess
let remove: () => Promise<void>
beforeAll(async () => {
  const { home, remove: removeHome } = await newHome()
  remove = removeHome
  fleet = await startFleet(cleanEnv(home))
}, 120_000)
afterAll(async () => {
  await fleet?.stop()
  await remove?.()
}, 60_000)

test('a fleet signs what it shows; a copy is checked without it', { timeout: 180_000 }, async () => {
  await fleet.post('/api/v1/events', ['1', '2', '3'].map((event_id) => ({
    domain: 'web', entity_type: 'page', entity_id: '/pricing', action: 'view', event_id,
    occurred_at: new Date().toISOString(),
  })))
  expect(await fleet.cli('flush', '--wait')).toMatchObject({ exit: 0 })

  expect(await fleet.cli('explain', 'web', 'page', '/pricing', 'view')).toMatchObject({
    exit: 0, json: { data: { shown: 3, addsUp: true, contributions: [{ value: 3, jobId: expect.any(String) }] } },
  })
  expect(await fleet.cli('explain', 'web', 'page', '/pricing', 'view', '--tenant', 'nobody'))
    .toMatchObject({ exit: 2, json: { error: { code: 'TENANT_UNKNOWN' } } })

  const first = await fleet.cli('report', 'generate')
  expect(first, first.stdout).toMatchObject({ exit: 0, json: { data: { sequence: 1, previous: null, equal: true } } })
  const second = await fleet.cli('report', 'generate')
  expect(second.json.data).toMatchObject({ sequence: 2, previous: first.json.data.sha256 })
  expect((await fleet.cli('report', 'ls')).json.data.reports)
    .toMatchObject([{ sequence: 2, verified: true }, { sequence: 1, verified: true }])
  expect((await fleet.get('/api/v1/reports')).body.data.fingerprint).toBe(first.json.data.fingerprint)

  // Elsewhere: no store, no network, no settings.
  const copy = await mkdtemp(join(tmpdir(), 'fleet-copy-'))
  const bare = cleanEnv(join(copy, 'no-home'))
  await cp(join(fleet.home, 'reports'), join(copy, 'reports'), { recursive: true })
  const verify = (...more: string[]) => runCli(bare, ['report', 'verify', join(copy, 'reports'), ...more])
  expect(await verify('--key', first.json.data.fingerprint))
    .toMatchObject({ exit: 0, json: { data: { valid: true, pinned: true } } })
  const file = join(copy, 'reports/000001/report.json')
  const text = await readFile(file, 'utf8')
  const byte = text.indexOf('"rollups":3') + '"rollups":'.length
  await writeFile(file, text.replace('"rollups":3', '"rollups":4'))
  expect(await verify()).toMatchObject({
    exit: 3, json: { ok: false, data: { faults: [{ file: '000001/report.json', what: 'changed', byte }] } },
  })
  expect(await verify('--key', 'another'))
    .toMatchObject({ exit: 3, json: { data: { faults: [{ what: 'other-key' }, {}] } } })
  await rm(copy, { recursive: true })
})
