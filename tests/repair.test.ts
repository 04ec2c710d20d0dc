import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { catalogsOf, shardOf } from '@tallyfleet/domain'
import {
  checkParity, explainNumber, flushShards, openRepairs, readLedger, repairStores, syncCatalog, syncSegments, type RepairNeeds,
} from '@tallyfleet/features'
import { packs } from '@tallyfleet/packs'
import { SqlCatalogStore, SqliteSegmentStore } from '@tallyfleet/store-sql'
import { startPrivateRedis, type PrivateRedis } from '@tallyfleet/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openCountingBench, type CountingBench } from './counting-bench.ts'

const MOVIES = { tenant: 'default', domain: 'jav', entityType: 'movie' }
const shard = shardOf({ ...MOVIES, entityId: '1' })
const options = { jobId: 'repair' }

let dir: string
let server: PrivateRedis
let bench: CountingBench
let stack: AsyncDisposableStack
let needs: RepairNeeds

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fleet-repair-'))
  stack = new AsyncDisposableStack()
  server = await startPrivateRedis({ dir })
  bench = stack.use(await openCountingBench(server.url))
  const catalog = stack.use(await SqlCatalogStore.open({ url: `sqlite:${join(dir, 'catalog.sqlite')}`, catalogs: catalogsOf(packs) }))
  const segments = stack.use(await SqliteSegmentStore.open({ path: join(dir, 'segments.sqlite') }))
  needs = { ...bench.needs, catalog, segments }
  await catalog.putRows(MOVIES, ['1', '2'].map((id) => ({ id, columns: { title: id } })))
  await bench.send(['a', 'b', 'c'].map((eventId) => ({ entityId: '1', eventId })))
  await bench.send([{ entityId: '2', eventId: 'a' }])
  await bench.flush()
  await project()
})
afterEach(async () => {
  await stack.disposeAsync()
  await server.stop()
  await rm(dir, { recursive: true, force: true })
})

async function project(): Promise<void> {
  await syncCatalog(needs)
  await syncSegments(needs)
}

/** A hand in the file: what no code of ours would do. */
function damage(sql: string, file = bench.path): void {
  using database = new DatabaseSync(file)
  expect(database.prepare(sql).run().changes).toBeGreaterThan(0)
}
const show = (interval: string, count: number, entityId = '1') => damage(`
  UPDATE documents SET counts = '{"view":{"count":${count}}}' WHERE entity_id = '${entityId}' AND interval = '${interval}'`)

test('a damaged month, total and shard sum are named, planned, and put right by a numbered batch', async () => {
  show('month', 7)
  show('total', 1)
  damage(`DELETE FROM documents WHERE of = 'shard' AND interval = 'week' AND shard = ${shard}`)
  const run = await checkParity(needs)
  expect(run).toMatchObject({ equal: false, stores: { rollups: { differences: 3 } } })
  expect(run.differences.map(({ cell, expected, actual }) => [cell!.interval, cell!.entityId, actual, expected]).sort())
    .toEqual([['month', '1', 7, 3], ['total', '1', 1, 3], ['week', null, 0, 3]])

  const plan = await repairStores(needs, { ...options, dryRun: true })
  expect(plan.plan).toHaveLength(3)
  expect((await checkParity(needs)).stores['rollups']!.differences).toBe(3)

  const { run: after, left } = await repairStores(needs, options)
  expect({ after, left }).toMatchObject({ after: { equal: true, repaired: 3 }, left: [] })
  expect(await bench.totals()).toEqual({ 1: 3, 2: 1 })
  expect(await bench.rollups.findManifest(shard, 2)).toMatchObject({ kind: 'repair', state: 'done', events: {}, running: { default: 3 }, deltaCount: 3 })
  expect(await readLedger({}, needs)).toMatchObject({ balanced: true, counted: 4, pending: 0 })
  expect(await bench.journal.list('parity', { limit: 10 })).toHaveLength(4)
  expect(await explainNumber({ ...MOVIES, entityId: '1', action: 'view' }, needs)).toMatchObject({
    shown: 3, addsUp: true, contributions: [{ n: 1, value: 3 }], repairs: [{ n: 2, value: 2, kind: 'repair', jobId: 'repair' }],
  })
  await bench.send([{ entityId: '1', eventId: 'd' }])
  await bench.flush()
  await project()
  expect(await bench.totals()).toEqual({ 1: 4, 2: 1 })
  expect(await checkParity(needs)).toMatchObject({ equal: true })
})

test('a damaged catalog row and segment documents, one missing, are projected again', async () => {
  damage(`UPDATE jav SET views = 90 WHERE id = '1'`, join(dir, 'catalog.sqlite'))
  damage(`UPDATE segments SET body = json_set(body, '$.totals.view', 8) WHERE entity_id = '2'`, join(dir, 'segments.sqlite'))
  damage(`DELETE FROM segments WHERE entity_id = '1'`, join(dir, 'segments.sqlite'))
  expect(await checkParity(needs)).toMatchObject({ equal: false })
  expect((await repairStores(needs, options)).run).toMatchObject({ equal: true })
  expect(await needs.catalog.listRows(MOVIES, ['1'])).toMatchObject([{ totals: { view: 3 } }])
  expect(await needs.segments.scanDocuments(MOVIES, undefined, 10)).toMatchObject([{ totals: { view: 3 } }, { totals: { view: 1 } }])
})

test('days that meet none of the sums over them are left alone, because they are what is wrong', async () => {
  show('day', 1)
  const { run, plan } = await repairStores(needs, options)
  expect(run.equal).toBe(false)
  expect(plan.map(({ repairable }) => repairable)).not.toContain(true)
  expect(await bench.totals()).toEqual({ 1: 3, 2: 1 })
})

test('a range narrows the rollups to the buckets that share a day with it', async () => {
  damage(`UPDATE documents SET counts = '{"view":{"count":9}}' WHERE entity_id = '1' AND interval = 'month'`)
  expect(await checkParity(needs, { range: { from: '1999-01-01', to: '1999-02-01' } })).toMatchObject({ equal: true, range: { to: '1999-02-01' } })
  expect(await checkParity(needs, { range: { from: new Date().toISOString().slice(0, 10) } })).toMatchObject({ equal: false })
})

test('a repair whose worker died is finished by the next flush, and what was counted beside it waits its turn', async () => {
  show('total', 1)
  await bench.send([{ entityId: '1', eventId: 'late' }])
  expect(await openRepairs([shard], needs, options)).toEqual([])
  await bench.send([{ entityId: '1', eventId: 'later' }])
  const flush = await bench.flush()
  expect(flush.left).toEqual([shard])
  expect(await bench.rollups.findManifest(shard, 3)).toMatchObject({ kind: 'repair', state: 'done' })
  expect(await bench.totals()).toEqual({ 1: 4, 2: 1 })
  await bench.flush()
  expect(await bench.totals()).toEqual({ 1: 5, 2: 1 })
  expect(await readLedger({}, needs)).toMatchObject({ balanced: true, counted: 6 })
})

test('a repair that was half applied goes on with the deltas of its manifest, and plans nothing anew', async () => {
  show('month', 0)
  show('total', 0)
  await openRepairs([shard], needs, options)
  const dying = new Error('the worker dies here')
  const rollups = Object.create(bench.rollups, {
    apply: { value: async (...[of, n, documents]: Parameters<typeof bench.rollups.apply>) => {
      await bench.rollups.apply(of, n, documents.slice(0, 1))
      throw dying
    } },
    ...Object.fromEntries(['appendManifest', 'findManifest', 'listLatestManifests', 'findDeltas', 'finishManifest', 'scan']
      .map((name) => [name, { value: (bench.rollups as any)[name].bind(bench.rollups) }])),
  })
  await expect(flushShards([shard], { ...bench.needs, rollups }, options)).rejects.toBe(dying)
  await Promise.all([bench.flush(), bench.flush()])
  expect(await bench.totals()).toEqual({ 1: 3, 2: 1 })
  expect(await checkParity(needs, { stores: ['rollups', 'ledger'] })).toMatchObject({ equal: true })
})

test('repairs, flushes and events at the same time count each event once', async () => {
  let sent = 4
  show('total', 1)
  show('month', 50)
  await Promise.all([
    ...Array.from({ length: 3 }, () => repairStores(needs, options)),
    (async () => {
      for (let round = 0; round < 15; round++, sent++) {
        await bench.send([{ entityId: '1', eventId: `r${round}` }])
        await bench.flush()
      }
    })(),
  ])
  await bench.flush()
  await bench.flush()
  await project()
  expect(await bench.totals()).toEqual({ 1: 18, 2: 1 })
  expect(sent).toBe(19)
  expect(await checkParity(needs)).toMatchObject({ equal: true })
  expect(await readLedger({}, needs)).toMatchObject({ balanced: true, counted: 19, pending: 0 })
})

test('lists that say another thing than their documents are named, and counted again from them', async () => {
  await bench.send([{ entityId: '3', eventId: 'a' }])
  await bench.flush()
  const year = "(SELECT list FROM lists WHERE of = 'entity' AND interval = 'year' AND action = 'view')"
  damage(`UPDATE tops SET count = 9 WHERE entity_id = '1' AND list = ${year}`)
  damage(`DELETE FROM tops WHERE entity_id = '2' AND list = ${year}`)
  damage(`INSERT INTO tops (list, entity_id, count) VALUES (${year}, 'nobody', 4)`)
  damage(`INSERT INTO tops (list, entity_id, count) SELECT list, '255', 8 FROM lists WHERE of = 'shard' AND interval = 'week'`)
  damage('UPDATE entity_counts SET entities = 7')
  const run = await checkParity(needs)
  expect(run).toMatchObject({ equal: false, stores: { rollups: { differences: 5 } } })
  const bucket = String(new Date().getUTCFullYear())
  expect(run.differences.map(({ what, expected, actual }) => [what.replace(/W?\d{4}(-W\d\d)?/, 'BUCKET'), expected, actual]).sort()).toEqual([
    ['default jav how many movies have view: the documents, and the list', 3, 7],
    ['default jav the top list by view of week BUCKET: the sum of shard 255: the documents, and the list', 0, 8],
    ['default jav the top list by view of year BUCKET: 1: the documents, and the list', 3, 9],
    ['default jav the top list by view of year BUCKET: 2: the documents, and the list', 1, 0],
    ['default jav the top list by view of year BUCKET: nobody: the documents, and the list', 0, 4],
  ])
  expect((await repairStores(needs, { ...options, dryRun: true })).plan).toHaveLength(5)

  expect((await repairStores(needs, options)).run).toMatchObject({ equal: true, repaired: 5 })
  const of = { interval: 'year' as const, bucket }
  expect(await bench.rollups.listTop(MOVIES, 'view', of, 10)).toEqual([
    { entityId: '1', count: 3 }, { entityId: '2', count: 1 }, { entityId: '3', count: 1 },
  ])
  expect(await bench.rollups.countEntities(MOVIES, ['view'], [{ interval: 'total', bucket: 'all' }])).toBe(3)
  expect(await bench.rollups.findManifest(shard, 2)).toBeUndefined() // no batch: the documents were right
})
