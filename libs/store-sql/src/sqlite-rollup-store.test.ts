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
  activeDayQuery, CHANGED_TOTALS_QUERY, SCAN_QUERY, seriesQuery, sumSeriesQuery, topBetweenQuery, topQuery,
  TOTALS_QUERY,
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
  const view = { action: 'view', indexed: true }
  const top = 'documents_top_view (of=? AND tenant=? AND domain=? AND entity_type=? AND interval=? AND bucket'
  const entity = 'documents_series (tenant=? AND domain=? AND entity_type=? AND of=? AND entity_id=? AND interval=?'
  const series = `${entity} AND bucket`
  const plans = {
    [topQuery(view, 'all')]: `${top}=? AND <expr>>?)`,
    [topQuery(view, 'tied')]: `${top}=? AND <expr>=? AND entity_id>?)`,
    [topQuery(view, 'below')]: `${top}=? AND <expr>>? AND <expr><?)`,
    [sumSeriesQuery(view)]: `${top}>? AND bucket<?)`,
    [seriesQuery('view')]: `${series}>? AND bucket<?)`,
    [TOTALS_QUERY]: `${series}=?)`,
    [CHANGED_TOTALS_QUERY]: 'documents_changed (shard=? AND (seq,id)>(?,?) AND seq<?)',
    [activeDayQuery('DESC')]: `${entity})`,
    [SCAN_QUERY]: 'documents_shard (shard=? AND rowid>?)',
  }
  for (const [sql, plan] of Object.entries(plans)) {
    expect(planOf(sql)).toContain(`INDEX ${plan}`)
    expect(planOf(sql)).not.toMatch(/TEMP B-TREE|SCAN documents/)
  }
  expect(planOf(topBetweenQuery(view))).toContain(`INDEX ${top}>? AND bucket<?)`)
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

test('deltas of any length are kept in parts that a driver takes', async () => {
  const long = Array.from({ length: 9_000 }, (_, index) => ({ ...VIEWS, entityId: `${index}${'😀'.repeat(240)}` }))
  const parts = await packDeltas(long)
  expect(parts.length).toBeGreaterThan(1)
  expect(Math.max(...parts.map((part) => part.length))).toBeLessThan(8 * 1_048_576)
  expect(await unpackDeltas(parts)).toEqual(long)
})
