import { AppError } from '@tallyfleet/domain'
import { expect, test } from 'vitest'
import { waitForLog, type LogServer } from './wait-for-log.ts'

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

/**
 * A server's log under `appendfsync everysec`, as `flushAppendOnlyFile` in Redis 6.2 to 7.0 treats it: at the end of
 * each turn of the loop the buffer is written, but kept back for 2 s while a sync runs; a sync begins when none runs,
 * something was written since the last began, and the second is another. A write beside a running sync uses up its
 * second: no sync begins in it.
 */
class ModelServer implements LogServer {
  nowMs: number
  executed = 0
  #inFile = 0
  #covered = 0
  synced = 0
  #lastSyncSecond = 0
  #sync: { endsAt: number; upTo: number } | undefined
  #keptBackSince: number | undefined
  #delayed = 0
  readonly #random: () => number
  readonly #slowMs: number

  constructor(random: () => number) {
    this.#random = random
    this.nowMs = 1_000_000 + random() * 5_000
    this.#slowMs = random() < 0.5 ? 5 : random() * 4_000
    for (let turn = 0; turn < 20; turn++) {
      this.#turn(random() * 400)
      this.executed++
    }
  }

  #turn(ms: number): void {
    this.nowMs += ms
    this.#endSync()
    const second = Math.floor(this.nowMs / 1_000)
    if (this.executed > this.#inFile) {
      this.#keptBackSince ??= this.nowMs
      if (this.#sync && this.nowMs - this.#keptBackSince < 2_000) return
      this.#inFile = this.executed
      this.#keptBackSince = undefined
      if (this.#sync) {
        this.#delayed++
        this.#lastSyncSecond = second
      }
    }
    if (this.#sync || this.#covered === this.#inFile || second <= this.#lastSyncSecond) return
    this.#sync = { endsAt: this.nowMs + this.#random() * this.#slowMs, upTo: this.#inFile }
    this.#covered = this.#inFile
    this.#lastSyncSecond = second
  }

  #endSync(): void {
    if (!this.#sync || this.#sync.endsAt > this.nowMs) return
    this.synced = Math.max(this.synced, this.#sync.upTo)
    this.#sync = undefined
  }

  /** Other clients write, the clock of the loop ticks, and in the end our command is executed and answered. */
  #answer<T>(tell: () => T): T {
    for (let turns = this.#random() * 3; turns > 1; turns--) {
      if (this.#random() < 0.5) this.executed++
      this.#turn(this.#random() * 60)
    }
    this.nowMs += this.#random() * 5
    if (this.#sync && this.#random() < 0.1) this.#sync.endsAt = this.nowMs // the worst moment: before an answer, after a turn
    this.#endSync()
    const told = tell()
    this.#turn(0)
    return told
  }

  async info(): Promise<string> {
    return this.#answer(() => `aof_rewrite_in_progress:0\r\nrdb_bgsave_in_progress:0\r\naof_rewrites:0\r\n`
      + `aof_delayed_fsync:${this.#delayed}\r\naof_last_write_status:ok\r\naof_pending_bio_fsync:${this.#sync ? 1 : 0}\r\n`)
  }

  async time(): Promise<string[]> {
    return this.#answer(() => [String(Math.floor(this.nowMs / 1_000)), String(Math.floor(this.nowMs % 1_000 * 1_000))])
  }

  readonly pause = async (ms: number): Promise<void> => {
    const until = this.nowMs + ms
    while (this.nowMs < until) this.#turn(Math.min(until - this.nowMs, 100))
  }
}

test('whatever a server syncs when, what it had executed is on disk after the wait, mostly within two seconds', async () => {
  const waits: number[] = []
  for (let seed = 0; seed < 1_000; seed++) {
    const server = new ModelServer(randomOf(seed))
    const [executed, startedAt] = [server.executed, server.nowMs]
    await waitForLog(server, undefined, server.pause).catch((error: AppError) => expect(error.message).toContain('in 10 s'))
      .then(() => waits.push(server.nowMs - startedAt))
    expect(server.synced, `seed ${seed}`).toBeGreaterThanOrEqual(executed)
  }
  expect(waits.sort((a, b) => a - b)[waits.length / 2]).toBeLessThan(2_000)
})

const calm = 'aof_rewrite_in_progress:0\r\nrdb_bgsave_in_progress:0\r\naof_rewrites:0\r\naof_last_write_status:ok\r\naof_pending_bio_fsync:0\r\n'

/** How long `waitForLog` rests with a server that answers these texts, the last one again and again. */
async function restOf(infos: string[], fixedMs?: number): Promise<number> {
  let at = 0
  let rested = 0
  await waitForLog({
    info: async () => infos[Math.min(at++, infos.length - 1)]!,
    time: async () => [1_000 + Math.floor(rested / 1_000), rested % 1_000 * 1_000],
  }, fixedMs, async (ms) => { rested += ms })
  return rested
}

test('a server that tells too little, forks, or rewrote its log meanwhile gets three seconds', async () => {
  expect(await restOf([calm])).toBe(1_000)
  expect(await restOf(['redis_version:7.0.15'])).toBe(3_000)
  expect(await restOf([calm.replace('aof_rewrite_in_progress:0', 'aof_rewrite_in_progress:1')])).toBe(3_000)
  expect(await restOf([calm.replace('bgsave_in_progress:0', 'bgsave_in_progress:1')])).toBe(3_000)
  expect(await restOf([calm, calm.replace('aof_rewrites:0', 'aof_rewrites:1')])).toBe(4_000)
})

test('a fixed time is kept as told', async () => {
  expect(await restOf([calm], 0)).toBe(0)
  expect(await restOf([calm], 700)).toBe(700)
})

test('a server that cannot write its log, or never syncs, is told of', async () => {
  await expect(restOf([calm.replace(':ok', ':err')])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  await expect(restOf([calm.replace('bio_fsync:0', 'bio_fsync:1')])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
})
