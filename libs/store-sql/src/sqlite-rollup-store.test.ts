import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { CONTRACT_ACTIONS, rollupStoreContract } from '@tallyfleet/contract-tests'
import { afterAll, expect, test } from 'vitest'
import {
  activeDayQuery, CHANGED_TOTALS_QUERY, SCAN_QUERY, seriesQuery, sumSeriesQuery, topBetweenQuery, topQuery, TOTALS_QUERY,
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
  const series = 'documents_series (tenant=? AND domain=? AND entity_type=? AND of=? AND entity_id=? AND interval=? AND bucket'
  const plans = {
    [topQuery(view, 'all')]: `${top}=? AND <expr>>?)`,
    [topQuery(view, 'tied')]: `${top}=? AND <expr>=? AND entity_id>?)`,
    [topQuery(view, 'below')]: `${top}=? AND <expr>>? AND <expr><?)`,
    [sumSeriesQuery(view)]: `${top}>? AND bucket<?)`,
    [seriesQuery('view')]: `${series}>? AND bucket<?)`,
    [TOTALS_QUERY]: `${series}=?)`,
    [CHANGED_TOTALS_QUERY]: 'documents_changed (shard=? AND (seq,id)>(?,?) AND seq<?)',
    [activeDayQuery('DESC')]: 'documents_series (tenant=? AND domain=? AND entity_type=? AND of=? AND entity_id=? AND interval=?)',
    [SCAN_QUERY]: 'documents_shard (shard=? AND rowid>?)',
  }
  for (const [sql, plan] of Object.entries(plans)) {
    expect(planOf(sql)).toContain(`INDEX ${plan}`)
    expect(planOf(sql)).not.toMatch(/TEMP B-TREE|SCAN documents/)
  }
  expect(planOf(topBetweenQuery(view))).toContain(`INDEX ${top}>? AND bucket<?)`)
})
