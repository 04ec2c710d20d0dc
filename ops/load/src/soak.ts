import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { packs } from '@tallyfleet/packs'
import type { Journal } from '@tallyfleet/ports'
import { openDurableStores, storesConfig } from '@tallyfleet/stores'
import type { Redis } from 'ioredis'
import { ApiBench } from './api-bench.ts'
import { figureOf, quantile, type Bench, type Measures } from './harness.ts'
import { expectCount, Workplace } from './workplace.ts'

const BATCH = 20
const CONNECTIONS = 8
const PILOT_REQUESTS = 500
const SLICE_SECONDS = 10
const SAMPLE_MS = 1_000
const FLUSH_INTERVAL_MS = 1_000
const GOAL_LAG_SECONDS = 5
/** What counts as noise: garbage is collected when a heap likes to. */
const GOAL_GROWTH = 1.05
const PAGE_KB = 4
const SETTLE_TIMEOUT_MS = 120_000

/**
 * The whole fleet on one machine (API, scheduler, worker, Redis, embedded stores) at half of what its API takes with
 * the others at work, for `seconds`. Memory: each process in the last quarter of the run against the quarter before.
 * Lag: now less the instant up to which everything acknowledged is in the rollups, each second; a Redis before 7.2
 * costs up to three seconds of it. Keys: bytes of those that never expire, without counters that are about to be flushed.
 */
export const soak: Bench = async (options) => {
  await using workplace = new Workplace()
  await using api = await ApiBench.open(workplace)
  const home = `${workplace.folder}/home`
  const env = { NODE_ENV: 'production', FLEET_HOME: home, REDIS_URL: api.redisUrl, FLUSH_INTERVAL_MS: String(FLUSH_INTERVAL_MS), LOG_LEVEL: 'warn' }
  const roles = new Map<string, number>([['api', api.server.pid]])
  for (const [name, path] of [['scheduler', 'apps/scheduler/src/main.ts'], ['worker', 'apps/workers/src/main.ts']] as const) {
    const { child }: { child: ChildProcess } = await workplace.startProgram(path, { env })
    roles.set(name, child.pid!)
  }
  roles.set('redis', Number(/process_id:(\d+)/.exec(await api.redis.info('server'))?.[1]))
  await using stores = await openDurableStores(storesConfig.parse({ FLEET_HOME: home }), { packs })

  let sent = 0
  const send = async (requests: number, perSecond?: number) => {
    const measures = await api.send(api.server, { requests, connections: CONNECTIONS, batch: BATCH, perSecond, counts: false })
    sent += requests * BATCH
    return measures
  }
  await send(PILOT_REQUESTS)
  const pilot = await send(PILOT_REQUESTS * 2)
  await untilFlushed(stores.journal, Date.now())
  const perSecond = Math.max(1, Math.round(pilot['rate']! / BATCH / 2))
  options.say(`${perSecond * BATCH} events/s for ${options.seconds} s`)

  const samples: Measures[] = []
  const slices: Measures[] = []
  const end = performance.now() + options.seconds * 1_000
  const watching = (async () => {
    while (performance.now() < end) {
      samples.push(await sampleOf(api.redis, stores.journal, roles))
      await sleep(SAMPLE_MS)
    }
  })()
  while (performance.now() < end) {
    const seconds = Math.min(SLICE_SECONDS, (end - performance.now()) / 1_000)
    slices.push(await send(Math.max(1, Math.round(perSecond * seconds)), perSecond))
    const { lagSeconds, ...memory } = samples.at(-1) ?? {}
    options.say(`${Math.round((end - performance.now()) / 1_000)} s left, lag ${lagSeconds?.toFixed(1)} s, ${JSON.stringify(memory)}`)
  }
  await watching
  await untilFlushed(stores.journal, Date.now())
  const found = await stores.rollups.listTop({ tenant: 'default', domain: 'jav', entityType: 'movie' }, 'view', { interval: 'total', bucket: 'all' }, 10_000)
  expectCount('events in the rollups', found.reduce((sum, { count }) => sum + count, 0), sent)

  const quarter = Math.ceil(samples.length / 4)
  const medianOf = (name: string, from: number, to?: number) => quantile(samples.slice(from, to).map((sample) => sample[name]!), 0.5)
  const growthOf = (name: string) => medianOf(name, -quarter) / medianOf(name, -2 * quarter, -quarter)
  const names = [...roles.keys()].map((role) => `${role} MB`)
  return {
    arms: [
      figureOf(`sent, for ${Math.round(options.seconds)} s`, slices, 'rate', 'events/s'), figureOf('answers', slices, 'p99Ms', 'ms p99'),
      figureOf('lag', samples, 'lagSeconds', 's'), ...names.map((name) => figureOf(name, samples, name, 'MB')),
      figureOf('keys that never expire', samples, 'keysKB', 'KB'), figureOf('queues and their last hour of jobs', samples, 'queuesKB', 'KB'),
    ],
    checks: [
      ...names.map((name) => ({ name: `${name}, last quarter / third`, ratio: growthOf(name), goal: GOAL_GROWTH, better: 'lower' as const })),
      { name: 'keys that never expire, last quarter / third', ratio: growthOf('keysKB'), goal: GOAL_GROWTH, better: 'lower' },
      { name: 'lag p95 in seconds', ratio: quantile(samples.map(({ lagSeconds }) => lagSeconds!), 0.95), goal: GOAL_LAG_SECONDS, better: 'lower' },
    ],
  }
}

async function sampleOf(redis: Redis, journal: Journal, roles: ReadonlyMap<string, number>): Promise<Measures> {
  const sample: Measures = { lagSeconds: (Date.now() - await flushedThrough(journal)) / 1_000, ...await lastingSizes(redis) }
  for (const [role, pid] of roles) {
    sample[`${role} MB`] = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_KB / 1_024
  }
  return sample
}

/** When everything acknowledged until then was in the rollups; 0 before the first flush. */
async function flushedThrough(journal: Journal): Promise<number> {
  const last = await journal.find('flush', 'last') as { at: string } | undefined
  return last ? Date.parse(last.at) : 0
}

async function untilFlushed(journal: Journal, at: number): Promise<void> {
  const deadline = performance.now() + SETTLE_TIMEOUT_MS
  while (await flushedThrough(journal) <= at) {
    if (performance.now() > deadline) throw new Error('the last events were not flushed')
    await sleep(100)
  }
}

/**
 * Hot counters and open batches come and go with each flush; whatever expires is bounded by that. Finished jobs stay in
 * their queues for an hour, so those are told apart: they grow for as long, whatever the run.
 */
async function lastingSizes(redis: Redis): Promise<{ keysKB: number; queuesKB: number }> {
  const sizes = { keysKB: 0, queuesKB: 0 }
  for await (const keys of redis.scanStream({ count: 1_000 }) as AsyncIterable<string[]>) {
    const lasting = keys.filter((key) => !/^(hot|batch|seen):/.test(key))
    if (lasting.length === 0) continue
    const answers = await redis.pipeline(lasting.flatMap((key) => [['ttl', key], ['memory', 'USAGE', key]])).exec()
    for (const [at, key] of lasting.entries()) {
      if (answers![2 * at]![1] === -1) sizes[key.startsWith('{') ? 'queuesKB' : 'keysKB'] += Number(answers![2 * at + 1]![1] ?? 0) / 1_024
    }
  }
  return sizes
}
