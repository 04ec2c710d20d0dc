import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { importFile, parseFieldMap, readLedger, type ImportFormat } from '@tallyfleet/features'
import type { HotStore } from '@tallyfleet/ports'
import { startPrivateRedis, type PrivateRedis } from '@tallyfleet/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openCountingBench, type CountingBench } from './counting-bench.ts'

let dir: string
let file: string
let server: PrivateRedis
let bench: CountingBench

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fleet-import-'))
  file = join(dir, 'u.data')
  server = await startPrivateRedis()
  bench = await openCountingBench(server.url)
})
afterEach(async () => {
  await bench[Symbol.asyncDispose]()
  await server.stop()
  await rm(dir, { recursive: true, force: true })
})

/** MovieLens lines: film i % 50, one an hour from 1997 on. */
const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, k) => `${k % 7}\t${(from + k) % 50}\t3\t${874_700_000 + (from + k) * 3_600}\n`).join('')
const run = (needs: Partial<{ hot: HotStore }> = {}, signal?: AbortSignal, format: ImportFormat = 'movielens', map: string[] = []) =>
  importFile({ path: file, format, tenant: 'default', zone: 'UTC', options: { map: parseFieldMap(map) } }, { ...bench.needs, ...needs }, { signal })
const total = async () => Object.values(await bench.totals()).reduce((sum, count) => sum + count, 0)

test('a file imported twice counts once, also when Redis forgot it meanwhile', async () => {
  await writeFile(file, lines(0, 3_500))
  expect(await run()).toMatchObject({ read: 3_500, accepted: 3_500, duplicates: 0, rejected: 0 })
  await bench.flush()
  expect(await run()).toMatchObject({ read: 3_500, accepted: 0, duplicates: 3_500 })
  const { Redis } = await import('ioredis')
  const redis = new Redis(server.url)
  for (const key of await redis.keys('imp:*')) await redis.del(key)
  redis.disconnect()
  expect(await run()).toMatchObject({ read: 3_500, accepted: 0, duplicates: 3_500 })
  await bench.flush()
  expect(await total()).toBe(3_500)
  expect(await bench.totals()).toEqual(Object.fromEntries(Array.from({ length: 50 }, (_, i) => [String(i), 70])))
  expect((await readLedger({}, bench.needs)).balanced).toBe(true)
})

test('equal lines of one file are different events, and a bad line is rejected with its reason', async () => {
  await writeFile(file, `1\t2\t3\t874700000\n1\t2\t3\t874700000\nnonsense\n1\t\t3\t4\n`)
  const counts = await run()
  expect(counts).toMatchObject({ read: 4, accepted: 2, duplicates: 0, rejected: 2 })
  expect(Object.values(counts.reasons).reduce((sum, count) => sum + count, 0)).toBe(2)
  expect(await readLedger({}, bench.needs)).toMatchObject({ received: 4, counted: 2, rejected: 2, balanced: true })
})

test('a grown file goes on after its known part, whose lines are duplicates', async () => {
  await writeFile(file, lines(0, 1_700))
  await run()
  await appendFile(file, lines(1_700, 2_900))
  expect(await run()).toMatchObject({ read: 2_900, accepted: 1_200, duplicates: 1_700 })
  await appendFile(file, '1\t2\t3\t874700000')
  expect(await run()).toMatchObject({ read: 2_901, accepted: 1 })
  await appendFile(file, '\n1\t2\t3\t874700000\n')
  expect(await run()).toMatchObject({ read: 2_902, accepted: 1 })
  await bench.flush()
  expect(await total()).toBe(2_902)
})

test('an import that died at any chunk goes on and counts every line once', async () => {
  await writeFile(file, lines(0, 9_500))
  for (const dieAfter of [0, 1, 3, 4, 8]) {
    let sent = 0
    // Dies between the write and its answer: the worst moment.
    const dying = new Proxy(bench.hot, {
      get: (hot, name) => name !== 'ingest' ? Reflect.get(hot, name).bind?.(hot) ?? Reflect.get(hot, name)
        : async (request: Parameters<HotStore['ingest']>[0]) => {
            const answer = await hot.ingest(request)
            if (sent++ === dieAfter) throw new Error('died')
            return answer
          },
    })
    await expect(run({ hot: dying })).rejects.toThrow('died')
  }
  expect((await run()).read).toBe(9_500)
  await bench.flush()
  expect(await total()).toBe(9_500)
  expect(await readLedger({}, bench.needs)).toMatchObject({ counted: 9_500, balanced: true })
})

test('two imports of one file side by side count it once', async () => {
  await writeFile(file, lines(0, 6_000))
  const [one, two] = await Promise.all([run(), run()])
  expect(one!.accepted + two!.accepted).toBe(6_000)
  await bench.flush()
  expect(await total()).toBe(6_000)
})

test('lines with an event id are deduped by it as well, in ndjson and csv', async () => {
  const event = (id: string) => JSON.stringify({ domain: 'jav', entity_type: 'movie', entity_id: '1', action: 'view', occurred_at: '2020-01-01T00:00:00Z', event_id: id })
  await writeFile(file, [event('a'), event('b'), event('a')].join('\n'))
  expect(await run({}, undefined, 'ndjson')).toMatchObject({ read: 3, accepted: 2, duplicates: 1 })
  await writeFile(file, 'film,when,id\n1,2020-01-01T00:00:00Z,b\n1,2020-01-01T00:00:00Z,c\n')
  expect(await run({}, undefined, 'csv', ['entity_id=film', 'occurred_at=when', 'event_id=id', 'domain==jav', 'entity_type==movie', 'action==view']))
    .toMatchObject({ read: 2, accepted: 1, duplicates: 1 })
})
