import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { benches } from './benches.ts'
import { reportOf } from './harness.ts'
import { putBlock, readBlocks } from './page.ts'

const PAGE = `# A page
Before.
<!-- bench sync: written by its run, do not edit -->
Not measured yet: \`./fleet bench sync --write\`
<!-- end of sync -->
After.
`
const circumstances = { command: './fleet bench sync --write', loadBefore: 0.25, day: '2026-11-21', commit: 'abc' }
const reportWith = (ratio: number, part?: string) => reportOf('sync', { seconds: 2, repeats: 5, full: false, say: () => {} }, {
  ...(part === undefined ? {} : { part }),
  arms: [{ name: 'ours', median: 12_345.6, spread: 7, unit: 'rows/s' }],
  checks: [{ name: 'rows/s', ratio, goal: 0.85, better: 'higher', spread: 0.02 }, { name: 'bytes', ratio: 1_200, goal: 1_000, better: 'lower' }],
})

test('docs/performance.md has a block that can be read for every benchmark', () => {
  const blocks = readBlocks(readFileSync(join(import.meta.dirname, '../../../docs/performance.md'), 'utf8'))
  for (const name of Object.keys(benches)) {
    const found = blocks.filter((block) => block.name === name || block.name.startsWith(`${name} `))
    expect(found.length, name).toBeGreaterThan(0)
    for (const { command } of found) expect(command).toMatch(new RegExp(`^\\./fleet bench ${name}( |$)`))
  }
})

test('a run replaces its own block, again and again, and nothing around it', () => {
  expect(readBlocks(PAGE)).toEqual([{ name: 'sync', checks: [], command: './fleet bench sync --write' }])
  const once = putBlock(PAGE, reportWith(0.9), circumstances)
  const twice = putBlock(once, reportWith(0.8), circumstances)
  expect(readBlocks(once)[0]!.checks[0]).toEqual({ name: 'rows/s', ratio: 0.9, goal: 0.85, met: true })
  expect(readBlocks(twice)).toEqual([{
    name: 'sync', command: './fleet bench sync --write',
    checks: [{ name: 'rows/s', ratio: 0.8, goal: 0.85, met: false }, { name: 'bytes', ratio: 1_200, goal: 1_000, met: false }],
  }])
  expect(twice.replace(/<!-- bench[^]*-->/, '')).toBe(PAGE.replace(/<!-- bench[^]*-->/, ''))
  expect(putBlock(twice, reportWith(0.9), circumstances)).toBe(once)
})

test('a run without a place on the page is refused', () => {
  expect(() => putBlock(PAGE, reportWith(0.9, 'other'), circumstances)).toThrow('no block for sync other')
})
