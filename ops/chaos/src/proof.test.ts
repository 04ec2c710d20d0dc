import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { writeProof } from './proof.ts'
import type { RunReport } from './run-chaos.ts'

let folder: string
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'proof-')) })
afterEach(() => rm(folder, { recursive: true }))

const RUN: RunReport = {
  seed: 's', kind: 'lanes', stores: 'embedded', durability: 'everysec', breaks: undefined, rounds: 2, kills: 40, acknowledged: 900,
  lost: 0, doubled: 0, withinPromise: 0, stuck: 0, reasons: [], struck: { 'hot.ingest:half': 3, 'redis-kill': 2 }, missed: { 'hot.ingest:half': 1 },
  seconds: 60, schedule: undefined,
}

test('runs of both editions stand in one page; the same command takes the place of its last run', async () => {
  const file = join(folder, 'proof.md')
  writeProof(file, { ...RUN, kills: 7 }, ['run', '--seed', 's'], { node: '24' })
  writeProof(file, { ...RUN, stores: 'servers', durability: 'fsync', kills: 2 }, ['run', '--stores', 'servers'], { node: '24' })
  writeProof(file, RUN, ['run', '--seed', 's'], { node: '24' })
  const page = await readFile(file, 'utf8')
  expect(page).toContain('| 42 | 1800 | 0 | 0 | 0 | 0 | 2 min |')
  expect(page).toContain('| kill point | lanes, embedded, everysec | lanes, servers, fsync | sum |')
  expect(page).toContain('| hot.ingest:half | 3 (1) | 3 (1) | 6 |')
  expect(page).toContain('| redis-kill | fsync | 2, may lose | 2 |')
})

test('a run without a rule of the protocol stands apart, and what it loses is no loss of the product', async () => {
  const file = join(folder, 'proof.md')
  writeProof(file, RUN, ['run'], {})
  writeProof(file, { ...RUN, breaks: 'fence', doubled: 5 }, ['run', '--break', 'fence'], {})
  const [whole, broken] = (await readFile(file, 'utf8')).split('## Broken on purpose')
  expect(whole).toContain('| 40 | 900 | 0 | 0 | 0 | 0 | 1 min |')
  expect(whole).not.toContain('fence`')
  expect(broken).toContain('| `./fleet chaos run --break fence` | 40 | 2 | 900 | 0 | 5 | 0 | 0 | 60 |')
})
