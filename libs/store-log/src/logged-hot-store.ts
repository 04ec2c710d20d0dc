import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { AppError, toAppError, type EntityKey } from '@tallyfleet/domain'
import {
  flushedPositions, type FreezeRequest, type HotStore, type IngestOutcome, type IngestRequest, type Journal, type Log,
  type LoggedCounters, type LogPlace, type OpenBatch, type RollupStore, type ShardLogs,
} from '@tallyfleet/ports'
import { IngestLog } from './ingest-log.ts'
import { announceLog, type KnownLog } from './known-logs.ts'
import { countLacking, listLogFolders, logFolder } from './list-logs.ts'
import { lockFolder } from './lock-folder.ts'
import { logIn, rebuildShards, replay } from './rebuild.ts'
import { logIdOf, type Segment } from './segments.ts'

export type LoggedHotStoreOptions = {
  /** Stays open when the log is closed. */
  hot: HotStore & LoggedCounters
  rollups: RollupStore
  journal: Journal
  /** The logs stand under it. */
  home: string
  log: Log
  /** How often the hot store is asked whether it still holds what it acknowledged; 0 = never. */
  watchMs?: number
  segmentBytes?: number
}

const MAX_LOGS = 1_000
const LONGEST_PAUSE_MS = 5_000
const TIDY_EVERY_MS = 10 * 60_000
/** The dedupe sets remember an id for 48 to 60 hours. */
const HORIZON_MS = 60 * 3_600_000

/**
 * A hot store behind an ingest log: a request is on disk before the hot store hears of it, so whatever an acknowledged
 * event was counted into can be lost and made again. The first request, or {@link start}, takes a log of its own under
 * the home, and sends what the hot store lacks of it and of the logs that nobody writes to any more.
 *
 * When the hot store refuses a record, the rest must not overtake it: requests are refused with `STORE_UNAVAILABLE`
 * until everything logged has been sent again, which begins at once.
 */
export class LoggedHotStore implements HotStore {
  readonly #hot: HotStore & LoggedCounters
  readonly #options: LoggedHotStoreOptions
  #starting: Promise<void> | undefined
  #log: IngestLog | undefined
  #lock: Disposable | undefined
  /** Set while requests are refused. */
  #recovering: Promise<void> | undefined
  /** Why the hot store cannot be rebuilt from this home alone. */
  #waits: string | undefined
  #stopped = new Set<number>()
  #inFlight = 0
  #timers: NodeJS.Timeout[] = []
  #closed = false

  constructor(options: LoggedHotStoreOptions) {
    this.#hot = options.hot
    this.#options = options
  }

  /**
   * Takes a log and brings the hot store up to it. Rejects with `STORE_REFUSED` when a log is damaged or the hot store
   * holds more of it than it does itself; `STORE_UNAVAILABLE` when a store does not answer: call again. Where a rebuild
   * waits for logs of other homes it resolves, and requests are refused until they came.
   */
  start(): Promise<void> {
    this.#starting ??= this.#start().catch(async (error: unknown) => {
      await this.#release()
      this.#starting = undefined
      throw error
    })
    return this.#starting
  }

  async ingest(request: IngestRequest): Promise<IngestOutcome[]> {
    await this.start()
    const log = this.#log
    if (this.#recovering || this.#closed || !log) throw behind()
    if (request.events.some(({ shard }) => this.#stopped.has(shard))) {
      throw new AppError('SHARD_STOPPED', 'a shard stopped; see fleet doctor')
    }
    const logged: IngestRequest = { ...request, log: { id: log.id, seq: 0, previous: new Map() } }
    log.admit(logged)
    this.#hot.admit(logged)
    this.#inFlight++
    try {
      if (request.events.length === 0) return await this.#hot.ingest(logged)
      return await new Promise<IngestOutcome[]>((resolve, reject) => {
        const durable = (place: LogPlace) => {
          logged.log = place
          this.#hot.ingest(logged).then(resolve, (error: unknown) => {
            this.#fallBehind()
            reject(error)
          })
        }
        log.append(logged, durable, (error) => {
          this.#hot.dismiss(logged)
          reject(error)
        })
      })
    } finally {
      this.#inFlight--
    }
  }

  /**
   * Sends again what is logged and not held, now. Answers when the hot store is up to the logs that are free. Rejects
   * with `STORE_UNAVAILABLE` while shards that lost their memory wait for logs of other homes.
   */
  async recover(): Promise<{ events: number; stopped: number }> {
    let shards = await this.#hot.listShardLogs()
    const lost = shards.filter(({ ready }) => !ready)
    if (lost.length > 0) {
      this.#options.log.info({ shards: lost.length }, 'hot store has no memory of logged events, rebuilding it')
      const missing = await this.#rebuild()
      this.#waits = missing.length === 0 ? undefined : 'redis lost its memory of ids, and waits for the ingest logs '
        + `${missing.map(({ id, host, folder }) => `${id} (${host} ${folder})`).join(', ')}: start an API there, or run `
        + 'fleet log rebuild there'
      if (this.#waits !== undefined) {
        throw new AppError('STORE_UNAVAILABLE', this.#waits, { details: { retryAfterSeconds: 5 } })
      }
      shards = await this.#hot.listShardLogs()
    }
    this.#waits = undefined
    const sent = this.#log ? await this.#replayOwn(this.#log, shards) : { events: 0, stopped: new Set<number>() }
    this.#stopped = sent.stopped
    for (const folder of await listLogFolders(this.#options.home)) {
      using lock = lockFolder(folder) // our own is locked as well
      const id = lock && await logIdOf(folder)
      if (id !== undefined) {
        await (await IngestLog.open(folder)).close() // makes its end durable
        sent.events += (await replay(logIn(folder, id), shards, this.#hot)).events
      }
    }
    if (sent.events > 0) this.#options.log.warn({ events: sent.events }, 'logged events sent to the hot store again')
    return { events: sent.events, stopped: sent.stopped.size }
  }

  /** Shards that lack logged records: see {@link countLacking}. */
  countLacking(): Promise<{ lost: number; behind: number }> {
    return countLacking(this.#options.home, this.#hot)
  }

  /**
   * Throws away what the hot store holds of these shards and makes it again from rollups and logs. What was counted
   * without a log, and not flushed, is lost.
   */
  async rebuild(shards: readonly number[]): Promise<{ events: number; stopped: number }> {
    await this.#hot.forgetShards(shards)
    return await this.recover()
  }

  /** Deletes segments that no rebuild can need: all of it flushed, and old enough to be forgotten by dedupe. */
  async prune(now = new Date()): Promise<number> {
    const log = this.#log
    if (!log) return 0
    const flushed = await this.#flushed()
    const isFlushed = ({ lastOf }: Segment) => lastOf.every((seq, shard) => seq <= (flushed.get(shard)?.[log.id] ?? 0))
    // A repeat that waits to be sent again must find its first try, up to 60 hours older than itself.
    const oldest = log.segments.find((segment) => !isFlushed(segment))?.firstAt ?? now
    const horizon = Math.min(oldest.getTime(), now.getTime()) - HORIZON_MS
    return await log.prune((segment) => isFlushed(segment) && (segment.lastAt?.getTime() ?? 0) < horizon)
  }

  freeze(requests: readonly FreezeRequest[]): Promise<OpenBatch[]> { return this.#hot.freeze(requests) }
  openRepair(request: Omit<FreezeRequest, 'floor'>) { return this.#hot.openRepair(request) }
  settle(): Promise<void> { return this.#hot.settle() }
  findBatch(batch: OpenBatch) { return this.#hot.findBatch(batch) }
  listHot(entity: EntityKey) { return this.#hot.listHot(entity) }
  finish(batch: OpenBatch): Promise<boolean> { return this.#hot.finish(batch) }
  listShards() { return this.#hot.listShards() }
  listLedger() { return this.#hot.listLedger() }
  stopShard(shard: number, reason: string): Promise<void> { return this.#hot.stopShard(shard, reason) }
  resumeShard(shard: number): Promise<void> { return this.#hot.resumeShard(shard) }
  listMinutes(before: number) { return this.#hot.listMinutes(before) }
  listOpenMinutes() { return this.#hot.listOpenMinutes() }
  deleteMinutes(before: number): Promise<void> { return this.#hot.deleteMinutes(before) }
  currentMinute(): Promise<number> { return this.#hot.currentMinute() }
  expireClaims(importId: string): Promise<void> { return this.#hot.expireClaims(importId) }
  dedupeStatus() { return this.#hot.dedupeStatus() }

  async serverStatus() {
    const fault = this.#log?.fault
    const refusal = this.#waits ?? (fault && `the ingest log cannot be written: ${fault}`)
    return { ...await this.#hot.serverStatus(), ...(refusal && { refusal }) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    await this.#starting?.catch(() => {})
    await this.#recovering
    await this.#release()
  }

  async #start(): Promise<void> {
    const { home, segmentBytes, watchMs = 5_000 } = this.#options
    for (let slot = 0; !this.#lock; slot++) {
      if (slot === MAX_LOGS) throw new AppError('STORE_REFUSED', `${MAX_LOGS} processes write ingest logs under ${home}`)
      const folder = join(logFolder(home), String(slot).padStart(3, '0'))
      this.#lock = lockFolder(folder)
      if (this.#lock) this.#log = await IngestLog.open(folder, { segmentBytes })
    }
    const { id, folder } = this.#log!
    const announce = () => announceLog(id, folder, this.#options.journal)
    await announce()
    await this.recover().catch((error: unknown) => {
      if (this.#waits === undefined) throw error
      this.#fallBehind()
    })
    if (watchMs > 0) this.#timers.push(setInterval(() => void this.#watch(), watchMs).unref())
    this.#timers.push(setInterval(() => void Promise.all([announce(), this.prune()]).catch((error: unknown) => {
      this.#options.log.warn({ err: toAppError(error) }, 'ingest log not pruned')
    }), TIDY_EVERY_MS).unref())
  }

  async #release(): Promise<void> {
    for (const timer of this.#timers.splice(0)) clearInterval(timer)
    await this.#log?.close()
    this.#log = undefined
    this.#lock?.[Symbol.dispose]()
    this.#lock = undefined
  }

  /** One process of a home rebuilds at a time; the others find the shards ready when it is their turn. */
  async #rebuild(): Promise<KnownLog[]> {
    for (;;) {
      using lock = lockFolder(join(logFolder(this.#options.home), 'rebuild'))
      if (lock) {
        const lost = (await this.#hot.listShardLogs()).filter(({ ready }) => !ready)
        return lost.length > 0 ? await rebuildShards(lost, this.#options) : []
      }
      await sleep(200)
    }
  }

  async #replayOwn(log: IngestLog, shards: readonly ShardLogs[]): Promise<{ events: number; stopped: Set<number> }> {
    const ahead = shards.find(({ positions }) => (positions[log.id] ?? 0) > log.last)
    if (ahead) {
      throw new AppError('STORE_REFUSED', `redis holds record ${ahead.positions[log.id]} of ingest log ${log.id}, which ends`
        + ` with ${log.last}: the log went back in time. Move its folder away, and a new one begins`)
    }
    return await replay(log, shards, this.#hot)
  }

  /** Whether the hot store still holds what it said; nobody else would notice while no request comes. */
  async #watch(): Promise<void> {
    const log = this.#log
    if (this.#recovering || this.#inFlight > 0 || !log) return
    const shards = await this.#hot.listShardLogs().catch(() => undefined)
    if (!shards || this.#recovering || this.#inFlight > 0) return
    const lacks = ({ shard, ready, stopped, positions }: ShardLogs) => !ready
      || (stopped !== this.#stopped.has(shard)) || (!stopped && (positions[log.id] ?? 0) < log.lastOf[shard]!)
    if (shards.some(lacks)) this.#fallBehind()
  }

  #fallBehind(): void {
    this.#recovering ??= this.#recoverUntilDone().finally(() => { this.#recovering = undefined })
  }

  async #recoverUntilDone(): Promise<void> {
    for (let pauseMs = 20; !this.#closed; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      await sleep(pauseMs)
      if (this.#inFlight > 0) continue
      try {
        await this.recover()
        return
      } catch (error) {
        this.#options.log.warn({ err: toAppError(error) }, 'hot store is behind the ingest log')
      }
    }
  }

  async #flushed(): Promise<Map<number, Record<string, number>>> {
    const { rollups, journal } = this.#options
    const positions = new Map<number, Record<string, number>>()
    for (const manifest of await rollups.listLatestManifests()) {
      positions.set(manifest.shard, await flushedPositions(manifest, { rollups, journal }))
    }
    return positions
  }
}

function behind(): AppError {
  return new AppError('STORE_UNAVAILABLE', 'redis is being brought up to the ingest log', { details: { retryAfterSeconds: 1 } })
}
