import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { newHome, runCli, type CliAnswer } from './fleet-process.ts'

const LONG = process.env['FLEET_LONG'] === '1'
/** The rounds end by their own count; this only bounds a wedged one on a slow machine. */
const TIMEOUT_MS = 600_000
const { PATH = '', HOME = '', XDG_CACHE_HOME } = process.env
const ENV = { PATH, HOME, ...(XDG_CACHE_HOME ? { XDG_CACHE_HOME } : {}) }

function chaos(...args: string[]): Promise<CliAnswer> {
  return runCli(ENV, ['chaos', ...args])
}

function expectClean({ exit, json }: CliAnswer): void {
  expect(json.data).toMatchObject({ lost: 0, doubled: 0, stuck: 0, reasons: [] })
  expect(exit).toBe(0)
}

test('what was acknowledged is counted once while processes are killed at points of the protocol', { timeout: TIMEOUT_MS }, async () => {
  const { home, remove } = await newHome()
  try {
    const proof = join(home, 'proof.md')
    const answer = await chaos('run', '--seed', 'short', '--minutes', '1', '--kills', '10', '--proof', proof)
    expectClean(answer)
    const { kills, acknowledged, seed } = answer.json.data
    expect(seed).toBe('short')
    expect(kills).toBeGreaterThanOrEqual(10)
    expect(acknowledged).toBeGreaterThan(0)
    const page = await readFile(proof, 'utf8')
    expect(page).toContain(`| ${kills} | ${acknowledged} | 0 | 0 | 0 |`)
    expect(page).toContain('| `./fleet chaos run ')
    expect(page).toContain('--seed short')
    expect(page).not.toContain(home)
  } finally {
    await remove()
  }
})

test.each(['dedupe', 'freeze', 'fence'])('without the rule "%s" of the protocol the harness finds what is lost', { timeout: TIMEOUT_MS }, async (rule) => {
  const { exit, json: { data } } = await chaos('run', '--seed', 'broken', '--break', rule, '--minutes', '1')
  expect(exit).toBe(3)
  expect(data.lost + data.doubled).toBeGreaterThan(0)
  expect(data.seed).toBe('broken')
  expect(JSON.parse(await readFile(data.schedule, 'utf8'))).toMatchObject({ seed: 'broken', breaks: rule })
  await rm(data.schedule)
})

test('each kill point and nemesis names the weakest durability that survives it, and a name that is none is refused', async () => {
  const { json: { data } } = await chaos('ls')
  const modes = ['everysec', 'fsync', 'replica', 'log-first']
  for (const { name, weakest } of [...data.points, ...data.nemeses, ...data.fleet]) expect(modes, name).toContain(weakest)
  const steps = new Set(data.points.map(({ step }: { step: string }) => step))
  expect([...steps]).toEqual(['ingest', 'freeze', 'flush', 'finish', 'catalog', 'segments', 'repair', 'import', 'tick', 'ledger'])
  expect((await chaos('run', '--only', 'nothing')).exit).toBe(2)
})

test.runIf(LONG).each([
  ['lanes on Redis alone, with an fsync for each 202', '--durability', 'fsync'],
  ['lanes on a Redis whose replica takes its place', '--durability', 'replica'],
  ['lanes beside a log that outlives Redis', '--durability', 'log-first'],
  ['lanes on database servers', '--stores', 'servers'],
  ['a fleet of real processes', '--fleet'],
  ['a fleet on database servers', '--fleet', '--stores', 'servers'],
])('%s: ten minutes of kills lose and double nothing', { timeout: 3_600_000 }, async (_what, ...args) => {
  expectClean(await chaos('run', '--seed', 'long', '--minutes', '10', ...args))
})
