import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { CONTRACT_ACTIONS, rollupStoreContract } from '@tallyfleet/contract-tests'
import { checksumOf, groupDeltas, type Delta } from '@tallyfleet/domain'
import { afterAll, expect, test } from 'vitest'
import { packDeltas, unpackDeltas } from './delta-parts.ts'
import {
  activeDayQuery, CHANGED_TOTALS_QUERY, COUNT_ALL_ENTITIES_QUERY, COUNT_BEFORE_QUERY, COUNT_ENTITIES_QUERY, SCAN_QUERY,
  seriesQuery, SUM_SERIES_QUERY, SUMS_QUERY, TOP_BETWEEN_QUERY, topQuery, TOTALS_QUERY,
} from './sqlite-rollup-queries.ts'
import { SqliteRollupStore } from './sqlite-rollup-store.ts'

const folder = mkdtempSync(join(tmpdir(), 'rollups-'))
afterAll(() => rmSync(folder, { recursive: true }))

let files = 0
const newPath = () => join(folder, `${(files += 1)}`, 'rollups.db')

rollupStoreContract('sqlite', async () => {
  const path = newPath()
  const again = () => SqliteRollupStore.open({ path, actions: CONTRACT_ACTIONS })
  return { store: await again(), again }
})

test('every read is a search of the index that was made for it, and no list is sorted afterwards', async () => {
  const path = newPath()
  await using _ = await SqliteRollupStore.open({ path, actions: ['view'] })
  using database = new DatabaseSync(path)
  const planOf = (sql: string) =>
    database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all().map(({ detail }) => detail as string).join('\n')
  const top = 'SEARCH tops USING COVERING INDEX tops_order (list=?'
  const list = 'SEARCH lists USING COVERING INDEX sqlite_autoindex_lists_1 (of=? AND tenant=? AND domain=? AND entity_type=? AND action=? AND interval=? AND bucket'
  const entity = 'documents_series (tenant=? AND domain=? AND entity_type=? AND of=? AND entity_id=? AND interval=?'
  const series = `${entity} AND bucket`
  const plans = {
    [topQuery('all')]: `${top} AND count>?)`,
    [topQuery('tied')]: `${top} AND count=? AND entity_id>?)`,
    [topQuery('below')]: `${top} AND count>? AND count<?)`,
    [COUNT_BEFORE_QUERY]: `${top} AND count=? AND entity_id<?)`,
    [SUM_SERIES_QUERY]: `${list}>? AND bucket<?)`,
    [COUNT_ALL_ENTITIES_QUERY]: 'entity_counts USING PRIMARY KEY (tenant=? AND domain=? AND entity_type=?)',
    [seriesQuery('view')]: `INDEX ${series}>? AND bucket<?)`,
    [TOTALS_QUERY]: `INDEX ${series}=?)`,
    [CHANGED_TOTALS_QUERY]: 'INDEX documents_changed (shard=? AND (seq,id)>(?,?) AND seq<?)',
    [activeDayQuery('DESC')]: `INDEX ${entity})`,
    [SCAN_QUERY]: 'INDEX documents_shard (shard=? AND rowid>?)',
  }
  for (const [sql, plan] of Object.entries(plans)) {
    expect(planOf(sql)).toContain(plan)
    expect(planOf(sql)).not.toMatch(/TEMP B-TREE|SCAN (documents|lists|tops|entity_counts)/)
  }
  expect(planOf(TOP_BETWEEN_QUERY)).toContain(`${list}>? AND bucket<?)`)
  for (const sql of [SUMS_QUERY, COUNT_ENTITIES_QUERY]) expect(planOf(sql)).toContain(`${list}=?)`)
  for (const sql of [TOP_BETWEEN_QUERY, SUMS_QUERY, COUNT_ENTITIES_QUERY, SUM_SERIES_QUERY]) {
    expect(planOf(sql)).toMatch(/SEARCH tops USING (PRIMARY KEY|COVERING INDEX tops_order) \(list=/)
  }
})

const VIEWS = {
  tenant: 'default', domain: 'jav', entityType: 'movie', action: 'view', measure: 'count',
  bucket: '2026-11-21', value: 1,
}
const deltas: readonly Delta[] = Array.from({ length: 400 }, (_, index) => ({ ...VIEWS, entityId: `m-${index}` }))
const documents = groupDeltas('secret', 3, deltas, () => 'day')

async function openWith(batches: number) {
  const path = newPath()
  const store = await SqliteRollupStore.open({ path, actions: ['view'] })
  for (let n = 1; n <= batches; n += 1) {
    await store.appendManifest({
      shard: 3, n, kind: 'flush', name: `batch-${n}`, checksum: checksumOf(deltas), events: { default: 400 }, running: { default: 400 * n },
      deltaCount: 400, state: 'open', createdAt: new Date(), doneAt: undefined, jobId: 'one',
    }, deltas)
  }
  return { path, store }
}

/** Starts another process that applies every batch in turn and says so. */
function worker(path: string, batches: number) {
  const here = (file: string) => JSON.stringify(new URL(file, import.meta.url).href)
  return spawn(process.execPath, ['--input-type=module', '--eval', `
    import { groupDeltas } from ${here('../../domain/src/index.ts')}
    import { SqliteRollupStore } from ${here('./sqlite-rollup-store.ts')}
    const store = await SqliteRollupStore.open(${JSON.stringify({ path, actions: ['view'] })})
    for (let n = 1; n <= ${batches}; n += 1) {
      const documents = groupDeltas('secret', 3, await store.findDeltas(3, n), () => 'day')
      await store.apply(3, n, documents)
      process.stdout.write(String(n))
      await store.finishManifest(3, n, new Date())
    }
  `], { stdio: ['ignore', 'pipe', 'inherit'] })
}

test('processes that apply the same batches side by side count each once', async () => {
  const { path, store } = await openWith(6)
  await using _ = store
  const codes = await Promise.all([1, 2, 3].map(async () => {
    const child = worker(path, 6)
    child.stdout!.resume()
    return (await once(child, 'exit'))[0] as number
  }))
  expect(codes).toEqual([0, 0, 0])
  const all = { interval: 'total', bucket: 'all' } as const
  expect((await store.listTop(VIEWS, 'view', all, 1_000)).map(({ count }) => count)).toEqual(Array(400).fill(6))
})

test('what a killed process left undone is completed by applying again', async () => {
  const { path, store } = await openWith(6)
  await using _ = store
  const child = worker(path, 6)
  await once(child.stdout!, 'data')
  child.kill('SIGKILL')
  await once(child, 'exit')
  for (let n = 1; n <= 6; n += 1) await store.apply(3, n, documents)
  expect(await store.listSeries(VIEWS, null, 'view', 'total', 'all', 'am')).toEqual([{ bucket: 'all', count: 2_400 }])
})

test('a batch without a manifest, or with a finished one, writes no document', async () => {
  const { store } = await openWith(1)
  await using _ = store
  await expect(store.apply(3, 2, documents)).rejects.toMatchObject({ code: 'RECORD_UNKNOWN' })
  await store.finishManifest(3, 1, new Date())
  expect(await store.apply(3, 1, documents)).toEqual({ applied: 0, skipped: documents.length })
  expect(await store.hasCounts('default')).toBe(false)
})

test('an action that is no name never reaches the text of a statement', async () => {
  const { store } = await openWith(0)
  await using _ = store
  const all = { interval: 'total', bucket: 'all' } as const
  for (const action of [`view'`, 'View', '', 'a b', `view') OR 1=1 --`]) {
    await expect(store.listTop(VIEWS, action, all, 10)).rejects.toMatchObject({ code: 'ACTION_UNKNOWN' })
    await expect(SqliteRollupStore.open({ path: ':memory:', actions: [action] }))
      .rejects.toMatchObject({ code: 'ACTION_UNKNOWN' })
  }
  expect(await store.listTop(VIEWS, 'not_indexed', all, 10)).toEqual([])
})

test('a file of the release before gains its lists and keeps every number', async () => {
  const { path, store } = await openWith(2)
  await store.apply(3, 1, documents)
  await store[Symbol.asyncDispose]()
  using database = new DatabaseSync(path)
  database.exec(`
    DROP TRIGGER documents_counted_insert; DROP TRIGGER documents_counted_update; DROP TRIGGER documents_counted_delete;
    DROP TABLE entity_counts; DROP TABLE tops; DROP TABLE lists; UPDATE schemas SET version = 1;
    CREATE INDEX documents_top_view ON documents (json_extract(counts, '$.view.count'))`)

  await using after = await SqliteRollupStore.open({ path, actions: ['view'] })
  expect(database.prepare(`SELECT name FROM sqlite_schema WHERE name = 'documents_top_view'`).get()).toBeUndefined()
  const all = { interval: 'total', bucket: 'all' } as const
  await expectEach(after, 1)
  await after.apply(3, 2, documents)
  await expectEach(after, 2)

  async function expectEach(store: SqliteRollupStore, count: number): Promise<void> {
    expect((await store.listTop(VIEWS, 'view', all, 1_000)).map((entry) => entry.count)).toEqual(Array(400).fill(count))
    expect(await store.listSeries(VIEWS, null, 'view', 'day', '2026-11-21', '2026-11-22')).toEqual([{ bucket: '2026-11-21', count: 400 * count }])
    expect(await store.countEntities(VIEWS, ['view', 'like'], [all])).toBe(400)
    expect(await store.countEntities(VIEWS, ['like'], [all])).toBe(0)
  }
})

test('entities are counted by what they have, as documents come, change and go', async () => {
  const { path, store } = await openWith(2)
  await using _ = store
  const all = [{ interval: 'total', bucket: 'all' }] as const
  const countOf = (...actions: string[]) => store.countEntities(VIEWS, actions, all)
  await store.apply(3, 1, documents)
  await store.apply(3, 2, groupDeltas('secret', 3, deltas.slice(0, 5).map((delta) => ({ ...delta, action: 'like' })), () => 'day'))
  expect([await countOf('view'), await countOf('like'), await countOf('like', 'view')]).toEqual([400, 5, 400])
  const [one] = await Array.fromAsync(store.scan(3)).then((found) => found.filter(({ interval, entityId }) => interval === 'total' && entityId === 'm-0'))
  await store.putCopies([{ ...one!, counts: { like: { count: 2 } } }])
  expect([await countOf('view'), await countOf('like'), await countOf('like', 'view')]).toEqual([399, 5, 400])
  expect((await store.listTop(VIEWS, 'view', all[0], 1_000)).map(({ entityId }) => entityId)).not.toContain('m-0')
  using database = new DatabaseSync(path)
  database.exec(`DELETE FROM documents WHERE interval = 'total' AND entity_id = 'm-0'`)
  expect([await countOf('view'), await countOf('like'), await countOf('like', 'view')]).toEqual([399, 4, 399])
})

test('deltas of any length are kept in parts that a driver takes', async () => {
  const long = Array.from({ length: 9_000 }, (_, index) => ({ ...VIEWS, entityId: `${index}${'😀'.repeat(240)}` }))
  const parts = await packDeltas(long)
  expect(parts.length).toBeGreaterThan(1)
  expect(Math.max(...parts.map((part) => part.length))).toBeLessThan(8 * 1_048_576)
  expect(await unpackDeltas(parts)).toEqual(long)
})
