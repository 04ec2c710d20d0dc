import { join } from 'node:path'
import { checkOf, figureOf, interleave, type Arm, type Bench, type Outcome } from './harness.ts'
import { byHand, openOurs, viewsOf, type Catalog } from './sync-rows.ts'
import { expectCount, Workplace } from './workplace.ts'

const MOST_ROWS = 100_000
const ROWS_A_SECOND = 20_000
const GOAL = 0.85

/**
 * Our catalog sync, marks and all, against a bulk `INSERT … ON DUPLICATE KEY UPDATE` by hand (SQLite: one prepared
 * upsert), on tables of the same columns: every total of a catalog of 100,000 rows has changed. By hand there is no
 * version, so a late writer wins, and no revision, so nothing else can follow the changes.
 */
export const sync: Bench = async (options) => {
  await using workplace = new Workplace()
  const rows = options.full ? MOST_ROWS : Math.min(MOST_ROWS, Math.round(options.seconds * ROWS_A_SECOND))
  const ids = Array.from({ length: rows }, (_, row) => `m-${row}`)
  const server = await workplace.startServer('mysql')
  const outcome: Outcome = { arms: [], checks: [] }
  for (const engine of ['MariaDB', 'SQLite'] as const) {
    const urlOf = (name: string) => engine === 'MariaDB' ? new URL(name, server).href : `sqlite:${join(workplace.folder, name)}`
    await using bare = await byHand[engine](urlOf('bare'), ids)
    await using seeded = await byHand[engine](urlOf('ours'), ids)
    await using ours = await openOurs(urlOf('ours'), ids, seeded.sum)
    const rounds = new Map<Catalog, number>()
    const arm = (catalog: Catalog): Arm => async () => {
      const round = (rounds.get(catalog) ?? 0) + 1
      rounds.set(catalog, round)
      const startedAt = performance.now()
      await catalog.write(round)
      return { rate: rows / (performance.now() - startedAt) * 1_000 }
    }
    await arm(ours)() // meets each row for the first time
    await arm(bare)()
    const runs = await interleave({ ours: arm(ours), bare: arm(bare) }, options, `${rows} rows, ${engine}`)
    for (const catalog of [ours, bare]) {
      const round = rounds.get(catalog)!
      expectCount(`${engine}: views and downloads in the catalog`, await catalog.sum(),
        ids.reduce((sum, _, row) => sum + viewsOf(row, round) + 1, 0))
    }
    outcome.arms.push(figureOf(`${engine}, sync`, runs.ours, 'rate', 'rows/s'), figureOf(`${engine}, by hand`, runs.bare, 'rate', 'rows/s'))
    outcome.checks.push(checkOf(`sync to ${engine}`, runs, 'rate', GOAL, 'higher'))
  }
  return outcome
}
