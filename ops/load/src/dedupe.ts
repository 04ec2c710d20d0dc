import { randomBytes } from 'node:crypto'
import { ALL_SHARDS } from '@tallyfleet/domain'
import type { IngestEvent } from '@tallyfleet/ports'
import { RedisHotStore } from '@tallyfleet/store-redis'
import { Redis } from 'ioredis'
import { checkOf, figureOf, interleave, type Arm, type Bench, type Outcome } from './harness.ts'
import { expectCount, Workplace } from './workplace.ts'

const BATCH = 500
const IDS = 300_000
const MORE_IDS = [1_000_000, 3_000_000]
const IN_FLIGHT = 8
const IDS_A_SECOND = 60_000
const TTL_SECONDS = 48 * 3_600
const GOAL_BYTES = 10
const GOAL_SPEED = 0.9

/**
 * What it costs to remember an id: our sets, written by the script that ingest runs, against `SET NX EX` pipelined by
 * 500; eight requests are in flight on either side. Our events carry no counts, as the keys carry none; the ledger is
 * still kept. Sizes beyond 300,000 ids are taken when `seconds` allow for them.
 */
export const dedupe: Bench = async (options) => {
  await using workplace = new Workplace()
  const url = await workplace.startServer('redis')
  const redis = new Redis(url)
  await using hot = await RedisHotStore.open({ url })
  const outcome: Outcome = { arms: [], checks: [] }
  try {
    await ours(hot, redis, 20_000)()
    await bare(redis, 20_000)()
    for (const ids of [IDS, ...MORE_IDS.filter((more) => options.full || more <= options.seconds * IDS_A_SECOND)]) {
      const size = `${ids / 1_000_000}M ids`
      const runs = await interleave({ ours: ours(hot, redis, ids), bare: bare(redis, ids) }, options, size)
      for (const arm of ['ours', 'bare'] as const) {
        const name = arm === 'ours' ? 'sets' : 'SET NX EX'
        outcome.arms.push(figureOf(`${name}, ${size}`, runs[arm], 'bytes', 'bytes/id'), figureOf(`${name}, ${size}`, runs[arm], 'rate', 'ids/s'),
          figureOf(`${name}, Redis alone, ${size}`, runs[arm], 'cpuMicros', 'µs processor/id'))
      }
      const { median } = outcome.arms.at(-6)!
      outcome.checks.push({ name: `bytes an id, ${size}`, ratio: median, goal: GOAL_BYTES, better: 'lower' },
        checkOf(`speed, ${size}`, runs, 'rate', GOAL_SPEED, 'higher'))
    }
    return outcome
  } finally {
    redis.disconnect()
  }
}

function ours(hot: RedisHotStore, redis: Redis, ids: number): Arm {
  return async () => {
    await redis.flushall()
    // What a shard keeps once, whatever is remembered, is no cost of an id.
    await hot.ingest({ events: ALL_SHARDS.map((shard) => eventOf(shard, randomMember())), rejected: undefined })
    const batches = batchesOf(ids, (member, at) => eventOf(at % ALL_SHARDS.length, member))
    const measures = await measure(redis, ids, async () => {
      await eachInFlight(batches, (events) => hot.ingest({ events, rejected: undefined }))
    })
    expectCount('ids in the sets', (await hot.dedupeStatus()).ids, ids + ALL_SHARDS.length)
    const again = await hot.ingest({ events: batches[0]!, rejected: undefined })
    expectCount('duplicates of a batch sent twice', again.filter((one) => one === 'duplicate').length, batches[0]!.length)
    return measures
  }
}

function bare(redis: Redis, ids: number): Arm {
  return async () => {
    await redis.flushall()
    const batches = batchesOf(ids, (member) => `seen:${member}`)
    const measures = await measure(redis, ids, async () => {
      await eachInFlight(batches, (keys) => {
        const pipeline = redis.pipeline()
        for (const key of keys) pipeline.set(key, '1', 'EX', TTL_SECONDS, 'NX')
        return pipeline.exec()
      })
    })
    expectCount('keys', await redis.dbsize(), ids)
    return measures
  }
}

async function measure(redis: Redis, ids: number, work: () => Promise<void>) {
  const before = { bytes: await memoryOf(redis), cpu: await cpuSecondsOf(redis) }
  const startedAt = performance.now()
  await work()
  const seconds = (performance.now() - startedAt) / 1_000
  return {
    rate: ids / seconds,
    cpuMicros: (await cpuSecondsOf(redis) - before.cpu) / ids * 1_000_000,
    bytes: (await memoryOf(redis) - before.bytes) / ids,
  }
}

async function cpuSecondsOf(redis: Redis): Promise<number> {
  const info = await redis.info('cpu')
  return [/used_cpu_user:(\S+)/, /used_cpu_sys:(\S+)/].reduce((sum, pattern) => sum + Number(pattern.exec(info)?.[1]), 0)
}

async function eachInFlight<Entry>(entries: readonly Entry[], work: (entry: Entry) => Promise<unknown>): Promise<void> {
  let next = 0
  await Promise.all(Array.from({ length: IN_FLIGHT }, async () => {
    while (next < entries.length) await work(entries[next++]!)
  }))
}

/** Bytes in use, without what connections and the log hold for the moment. */
async function memoryOf(redis: Redis): Promise<number> {
  const info = await redis.info('memory')
  const field = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0)
  return field('used_memory') - field('mem_clients_normal') - field('mem_aof_buffer')
}

function batchesOf<Entry>(ids: number, entryOf: (member: string, at: number) => Entry): Entry[][] {
  return Array.from({ length: Math.ceil(ids / BATCH) }, (_, batch) => Array.from({ length: Math.min(BATCH, ids - batch * BATCH) },
    (_, at) => entryOf(randomMember(), batch * BATCH + at)))
}

function randomMember(): string {
  return randomBytes(8).readBigInt64BE().toString()
}

function eventOf(shard: number, member: string): IngestEvent {
  return { shard, tenant: 'default', member, increments: [] }
}
