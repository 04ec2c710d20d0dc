import { randomUUID } from 'node:crypto'
import {
  ALL_SHARDS, AppError, deltaOf, SEPARATOR, shardOf, type Delta, type EntityKey, type MinuteCounts,
} from '@tallyfleet/domain'
import type {
  DedupeStatus, FreezeRequest, HotLedger, HotServerStatus, HotStore, IngestOutcome, IngestRequest, LoggedCounters, OpenBatch,
  ShardLogs, ShardStatus,
} from '@tallyfleet/ports'
import { Cluster, type Redis } from 'ioredis'
import { field } from './info-field.ts'
import { IngestWriter } from './ingest-writer.ts'
import { connectRedis, mastersOf, Script, unavailable } from './redis-connection.ts'
import { renewLog } from './renew-log.ts'
import { batchKey, claimKey, hotKey, metaKey, minutesKey, SETTLED_KEY, tagOf } from './shard-keys.ts'
import { waitForLog } from './wait-for-log.ts'
import { WriteBarrier } from './write-barrier.ts'

const freezeScript = new Script('freeze')
const openLogScript = new Script('open-log')
const openRepairScript = new Script('open-repair')
const batchScript = new Script('batch')
const finishScript = new Script('finish')
const ledgerScript = new Script('ledger')
const minutesScript = new Script('minutes')

/** BullMQ deadlocks when its adds reach the limit, so ingest stops well below. */
const SHED_AT = 0.7
const PRESSURE_CHECK_MS = 500
const CLAIM_RETENTION_SECONDS = 7 * 86_400
const HOW_TO_SYNC = 'Set it with: redis-cli CONFIG SET appendonly yes, CONFIG SET appendfsync always, CONFIG REWRITE'

export type RedisHotStoreOptions = {
  url: string
  /**
   * When `ingest` resolves. `everysec`: the AOF's fsync each second follows. `fsync`: it is on disk; refuses to open
   * where neither appendfsync is `always` nor WAITAOF is there. `replica`: so many replicas have it.
   */
  durability?: 'everysec' | 'fsync' | 'replica'
  /** For `replica`: how many, and how long a write waits for them. */
  replicas?: { count: number; timeoutMs: number }
  /** Where WAITAOF is missing: waits so long for the AOF, and does not watch it. Below 3000 only where no power is lost. */
  settleMs?: number
}

/** HotStore on Redis, Valkey or Redis Cluster. All keys of a shard carry its tag; see the scripts for their shapes. */
export class RedisHotStore implements HotStore, LoggedCounters {
  readonly #client: Redis | Cluster
  readonly #writer: IngestWriter
  readonly #settleMs: number | undefined
  /** What a write waits for before it is acknowledged; undefined: nothing, or the server itself syncs first. */
  #barrier: WriteBarrier | undefined
  /** How many replicas a 202 waits for; 0 = none. */
  #replicas = 0
  /** Every write is on disk when it is answered. */
  #alwaysSynced = false
  #pressure = 0
  #pressureAt = 0
  #pressureCheck: Promise<void> | undefined

  private constructor(client: Redis | Cluster, options: RedisHotStoreOptions) {
    this.#client = client
    this.#writer = new IngestWriter(client)
    this.#settleMs = options.settleMs
    if (options.durability === 'replica') {
      const replicas = options.replicas ?? { count: 1, timeoutMs: 1_000 }
      this.#replicas = replicas.count
      this.#barrier = new WriteBarrier(client, { wait: 'replicas', ...replicas })
    }
  }

  /** Rejects with `STORE_UNAVAILABLE`, or with `STORE_REFUSED` when the server is set up to lose counts. */
  static async open(options: RedisHotStoreOptions): Promise<RedisHotStore> {
    const store = new RedisHotStore(await connectRedis(options.url), options)
    try {
      const { maxmemoryPolicy } = await store.serverStatus()
      if (maxmemoryPolicy !== 'noeviction' && maxmemoryPolicy !== 'unknown') {
        throw new AppError('STORE_REFUSED', `redis may evict counts: maxmemory-policy is ${maxmemoryPolicy}, must be noeviction`)
      }
      if (options.durability === 'fsync') await store.#syncEveryWrite()
      await store.#checkIntsets()
      return store
    } catch (error) {
      await store[Symbol.asyncDispose]()
      throw error
    }
  }

  async ingest(request: IngestRequest): Promise<IngestOutcome[]> {
    if (!request.log) this.#shed()
    const life = this.#barrier?.life
    const outcomes = await this.#writer.write(request)
    if (life !== undefined) await this.#one(this.#barrier!.pass(life))
    return outcomes
  }

  admit(request: IngestRequest): void {
    this.#shed()
    this.#writer.admit(request)
  }

  dismiss(request: IngestRequest): void {
    this.#writer.dismiss(request)
  }

  async listShardLogs(): Promise<ShardLogs[]> {
    return await this.#all(ALL_SHARDS.map(async (shard) => {
      const meta = await this.#client.hgetall(metaKey(shard))
      const numbers = (prefix: string) => Object.fromEntries(Object.entries(meta).filter(([name]) => name.startsWith(prefix))
        .map(([name, seq]) => [name.slice(prefix.length), Number(seq)] as const))
      return {
        shard, ready: meta['logs'] !== undefined, epoch: meta['epoch'], stopped: meta['stopped'] !== undefined,
        positions: numbers('log:'), told: numbers('told:'),
      }
    }))
  }

  async beginRebuild(shards: readonly number[], rebuild: string): Promise<void> {
    await this.#all(shards.map((shard) => this.#client.hset(metaKey(shard), `remembered:${rebuild}`, 0)))
  }

  async openShardLogs(
    shard: number, { rebuild, remembered, n, told, needed, epoch, positions }: Parameters<LoggedCounters['openShardLogs']>[1],
  ): ReturnType<LoggedCounters['openShardLogs']> {
    const answer = await this.#one(openLogScript.run(this.#client, [metaKey(shard)], [
      rebuild, remembered, epoch ?? '', n, told.length, ...told, needed.length, ...needed, ...Object.entries(positions).flat(),
    ]))
    return answer === 1 ? 'opened' : answer === 2 ? 'waits' : 'refused'
  }

  async forgetShards(shards: readonly number[]): Promise<void> {
    const tags = new Set(shards.map(tagOf))
    await this.#all(mastersOf(this.#client).map(async (master) => {
      for await (const keys of master.scanStream({ match: '*{t*}*', count: 1_000 }) as AsyncIterable<string[]>) {
        const own = keys.filter((key) => tags.has(key.slice(key.indexOf('{'), key.indexOf('}') + 1)))
        await Promise.all(own.map((key) => master.unlink(key))) // one by one: on a Cluster they live in many slots
      }
    }))
  }

  async freeze(requests: readonly FreezeRequest[]): Promise<OpenBatch[]> {
    const now = Date.now()
    const answers = await this.#all(requests.map(async ({ shard, epoch, floor = { n: 0, flushed: {} } }) => {
      const answer = await freezeScript.run(this.#client, [hotKey(shard), metaKey(shard)],
        [tagOf(shard), now, randomUUID(), epoch, floor.n, ...Object.entries(floor.flushed).flat()]) as [number, string, number, OpenBatch['kind'], string] | null
      return answer ? [{ shard, n: answer[0], name: answer[1], frozenAt: new Date(answer[2]), kind: answer[3], log: positionsOf(answer[4]) }] : []
    }))
    return answers.flat()
  }

  async openRepair({ shard, epoch }: Omit<FreezeRequest, 'floor'>): Promise<OpenBatch | undefined> {
    const answer = await this.#one(openRepairScript.run(
      this.#client, [metaKey(shard)], [Date.now(), randomUUID(), epoch])) as [number, string, number] | null
    return answer ? { shard, n: answer[0], name: answer[1], frozenAt: new Date(answer[2]), kind: 'repair' } : undefined
  }

  async settle(): Promise<void> {
    await this.#waitUntilSafe()
    await this.#all(mastersOf(this.#client).map(renewLog)) // afterwards: a wait sees little of a log that is renewed
  }

  async #waitUntilSafe(): Promise<void> {
    const life = this.#barrier?.life
    const masters = mastersOf(this.#client)
    await this.#all(masters.map(async (master) => {
      const { version, appendOnly, canWaitForDisk } = await statusOf(master)
      if (!appendOnly || this.#alwaysSynced) return // nothing to wait for
      // WAITAOF speaks of this connection's own writes, and a server that was killed and started again syncs what it
      // found only together with a new write: so there must be one. On a Cluster the freezes are.
      if (!(this.#client instanceof Cluster)) await master.set(SETTLED_KEY, Date.now())
      if (canWaitForDisk) {
        const [local] = await master.call('WAITAOF', '1', '0', '4000') as [number, number]
        if (local < 1) throw new AppError('STORE_UNAVAILABLE', `redis ${version} did not write its log to disk in 4 s`)
        return
      }
      const runId = await runIdOf(master)
      await waitForLog(master, this.#settleMs)
      if (await runIdOf(master) !== runId) {
        throw new AppError('STORE_UNAVAILABLE', 'redis was started again before its log was on disk')
      }
    }))
    if (life !== undefined) {
      if (!(this.#client instanceof Cluster)) await this.#one(this.#client.set(SETTLED_KEY, Date.now()))
      await this.#one(this.#barrier!.pass(life))
    }
  }

  async findBatch({ shard, n, name }: OpenBatch): Promise<Delta[] | undefined> {
    const cells = await this.#one(batchScript.run(this.#client, [metaKey(shard), batchKey(shard, n)], [n, name])) as string[] | null
    if (!cells) return undefined
    return Array.from({ length: cells.length / 2 }, (_, at) => deltaOf(cells[2 * at]!, Number(cells[2 * at + 1])))
  }

  async finish({ shard, n, name }: OpenBatch): Promise<boolean> {
    return await this.#one(finishScript.run(this.#client, [metaKey(shard), batchKey(shard, n)], [n, name])) === 1
  }

  async listHot(entity: EntityKey): Promise<Delta[]> {
    const prefix = [entity.tenant, entity.domain, entity.entityType, entity.entityId, ''].join(SEPARATOR)
    const fields = new Map<string, number>()
    let cursor = '0'
    do {
      const [next, found] = await this.#one(this.#client.hscan(
        hotKey(shardOf(entity)), cursor, 'MATCH', `${prefix.replace(/[\\*?[\]^-]/g, '\\$&')}*`, 'COUNT', 1_000))
      for (let at = 0; at < found.length; at += 2) fields.set(found[at]!, Number(found[at + 1]))
      cursor = next
    } while (cursor !== '0')
    return [...fields].map(([name, value]) => deltaOf(name, value))
  }

  async listShards(): Promise<ShardStatus[]> {
    return await this.#all(ALL_SHARDS.map(async (shard) => {
      const [[epoch, done, open, name, frozenAt, stopped, kind], hotFields] = await Promise.all([
        this.#client.hmget(metaKey(shard), 'epoch', 'done', 'open', 'name', 'frozen_at', 'stopped', 'kind'), this.#client.hlen(hotKey(shard)),
      ])
      return {
        shard, hotFields, epoch: epoch ?? undefined, stopped: stopped ?? undefined, done: done ? Number(done) : undefined,
        open: open ? {
          shard, n: Number(open), name: name!, frozenAt: new Date(Number(frozenAt)), kind: kind === 'repair' ? 'repair' as const : 'flush' as const,
        } : undefined,
      }
    }))
  }

  async listLedger(): Promise<HotLedger[]> {
    const rows = await this.#all(ALL_SHARDS.map(async (shard) => {
      const [done, epoch, ...cells] = await ledgerScript.run(
        this.#client, [hotKey(shard), metaKey(shard)], [tagOf(shard)]) as string[]
      const ledger: HotLedger[] = []
      for (let at = 0; at < cells.length; at += 4) {
        const [tenant, counted, open, hot] = cells.slice(at, at + 4)
        ledger.push({
          shard, tenant: tenant!, counted: Number(counted), open: Number(open), hot: Number(hot),
          done: done === '' ? undefined : Number(done), epoch: epoch || undefined,
        })
      }
      return ledger
    }))
    return rows.flat()
  }

  async stopShard(shard: number, reason: string): Promise<void> {
    await this.#one(this.#client.hset(metaKey(shard), 'stopped', reason))
  }

  async resumeShard(shard: number): Promise<void> {
    await this.#one(this.#client.hdel(metaKey(shard), 'stopped'))
  }

  async listMinutes(before: number): Promise<MinuteRow[] | undefined> {
    const shards = await this.#all(ALL_SHARDS.map((shard) => this.#minutesOf(shard, before, 'list')))
    return shards.includes(null) ? undefined : minuteRowsOf(shards as string[][])
  }

  async listOpenMinutes(): Promise<MinuteRow[]> {
    const shards = await this.#all(ALL_SHARDS.map((shard) => this.#client.hgetall(minutesKey(shard))))
    return minuteRowsOf(shards.map((fields) => Object.entries(fields).flat()))
  }

  async deleteMinutes(before: number): Promise<void> {
    await this.#all(ALL_SHARDS.map((shard) => this.#minutesOf(shard, before, 'delete')))
  }

  async currentMinute(): Promise<number> {
    const [seconds] = await this.#one(mastersOf(this.#client)[0]!.time())
    return Math.floor(Number(seconds) / 60)
  }

  async expireClaims(importId: string): Promise<void> {
    await this.#all(ALL_SHARDS.map((shard) => this.#client.expire(claimKey(shard, importId), CLAIM_RETENTION_SECONDS)))
  }

  async dedupeStatus(): Promise<DedupeStatus> {
    let ids = 0
    const samples: string[] = []
    await this.#all(ALL_SHARDS.map(async (shard) => {
      for (const part of (await this.#client.hget(metaKey(shard), 'seen') ?? '').split(';')) {
        const [window, levels = ''] = part.split('/')
        levels.split(',').forEach((level, index) => {
          const [subs, count] = level.split(':').map(Number)
          if (!count) return
          ids += count
          const sub = Math.floor(Math.random() * subs!)
          if (samples.length < 64) samples.push(`seen:${tagOf(shard)}:${window}:${index + 1}:${sub}`)
        })
      }
    }))
    let bytes = 0
    let members = 0
    await this.#all(samples.map(async (key) => {
      const [size, count] = await Promise.all([this.#client.memory('USAGE', key), this.#client.scard(key)])
      bytes += size ?? 0
      members += count
    }))
    return { ids, bytes: members === 0 ? 0 : Math.round((bytes / members) * ids) }
  }

  async serverStatus(): Promise<HotServerStatus> {
    const all = await this.#all(mastersOf(this.#client).map((master) => statusOf(master, this.#replicas)))
    const fullest = all.reduce((worst, one) => (fillOf(one) > fillOf(worst) ? one : worst))
    return { ...fullest, refusal: all.find(({ refusal }) => refusal !== undefined)?.refusal }
  }

  /** Duplicates so far in this process by the age of the first event, in windows of 12 hours; last: import chunks. */
  get duplicateAges(): readonly number[] {
    return this.#writer.duplicateAges
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#client.quit()
    } catch {
      this.#client.disconnect()
    }
  }

  async #minutesOf(shard: number, before: number, act: 'list' | 'delete'): Promise<string[] | null> {
    return await minutesScript.run(this.#client, [minutesKey(shard), metaKey(shard)], [before, act]) as string[] | null
  }

  #shed(): void {
    if (performance.now() - this.#pressureAt > PRESSURE_CHECK_MS) this.#pressureCheck ??= this.#measurePressure()
    if (this.#pressure >= SHED_AT) {
      throw new AppError('OVERLOADED', 'redis is almost out of memory', { details: { retryAfterSeconds: 5 } })
    }
  }

  async #measurePressure(): Promise<void> {
    try {
      this.#pressure = fillOf(await this.serverStatus())
    } catch {
      // the write itself will tell that redis is away
    } finally {
      this.#pressureAt = performance.now()
      this.#pressureCheck = undefined
    }
  }

  async #syncEveryWrite(): Promise<void> {
    const policies = await this.#all(mastersOf(this.#client).map(async (master) => {
      const { appendOnly, canWaitForDisk } = await statusOf(master)
      if (!appendOnly) throw new AppError('STORE_REFUSED', `INGEST_DURABILITY=fsync needs appendonly yes in redis. ${HOW_TO_SYNC}`)
      const [, policy] = await master.config('GET', 'appendfsync').catch(() => []) as string[]
      if (policy !== 'always' && !canWaitForDisk) {
        throw new AppError('STORE_REFUSED', `INGEST_DURABILITY=fsync needs appendfsync always, redis has ${policy ?? 'hidden it'}. ${HOW_TO_SYNC}`)
      }
      return policy
    }))
    if (policies.every((policy) => policy === 'always')) this.#alwaysSynced = true
    else this.#barrier = new WriteBarrier(this.#client, { wait: 'disk' })
  }

  async #checkIntsets(): Promise<void> {
    for (const master of mastersOf(this.#client)) {
      const answer = await master.config('GET', 'set-max-intset-entries').catch(() => undefined) as string[] | undefined
      if (answer?.[1] !== undefined && Number(answer[1]) < 512) {
        throw new AppError('STORE_REFUSED', `redis has set-max-intset-entries ${answer[1]}; dedupe needs at least 512`)
      }
    }
  }

  async #one<T>(work: Promise<T>): Promise<T> {
    try {
      return await work
    } catch (error) {
      throw unavailable(error)
    }
  }

  #all<T>(work: Promise<T>[]): Promise<T[]> {
    return this.#one(Promise.all(work))
  }
}

/** The positions of a frozen batch, as its script tells them. */
function positionsOf(text: string): Record<string, number> | undefined {
  if (text === '') return undefined
  return Object.fromEntries(text.split(',').map((pair) => {
    const [id, seq] = pair.split(':') as [string, string]
    return [id, Number(seq)]
  }))
}

type MinuteRow = { minute: number; tenant: string; counts: MinuteCounts }

/** Sums the pairs field, events of many shards by minute and tenant. */
function minuteRowsOf(shards: string[][]): MinuteRow[] {
  const rows = new Map<string, MinuteRow>()
  for (const cells of shards) {
    for (let at = 0; at < cells.length; at += 2) {
      const [minute, tenant, outcome] = cells[at]!.split(SEPARATOR) as [string, string, keyof MinuteCounts]
      const key = minute + SEPARATOR + tenant
      let row = rows.get(key)
      if (!row) {
        row = { minute: Number(minute), tenant, counts: { counted: 0, duplicate: 0, rejected: 0, quarantined: 0 } }
        rows.set(key, row)
      }
      row.counts[outcome] += Number(cells[at + 1])
    }
  }
  return [...rows.values()]
}

function fillOf({ usedMemoryBytes, maxMemoryBytes }: HotServerStatus): number {
  return maxMemoryBytes === 0 ? 0 : usedMemoryBytes / maxMemoryBytes
}

/** Each start of a server has another. */
async function runIdOf(master: Redis): Promise<string | undefined> {
  return field(await master.info('server'), 'run_id')
}

async function statusOf(master: Redis, replicas = 0): Promise<HotServerStatus> {
  const info = await master.info()
  const version = field(info, 'redis_version') ?? '0'
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const online = info.match(/^slave\d+:.*\bstate=online\b/gm)?.length ?? 0
  return {
    ...(online < replicas && { refusal: `a 202 waits for ${replicas} replicas, and redis has ${online}` }),
    version,
    maxmemoryPolicy: field(info, 'maxmemory_policy') ?? 'unknown',
    appendOnly: field(info, 'aof_enabled') === '1',
    usedMemoryBytes: Number(field(info, 'used_memory') ?? 0),
    maxMemoryBytes: Number(field(info, 'maxmemory') ?? 0),
    canWaitForDisk: major > 7 || (major === 7 && minor >= 2),
  }
}
