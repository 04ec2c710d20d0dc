import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '@tallyfleet/domain'
import { field } from './info-field.ts'

/** What a server tells of its append-only file: the answers of INFO persistence and TIME. */
export type LogServer = { info(section: 'persistence'): Promise<string>; time(): Promise<(string | number)[]> }

const LOOK_AGAIN_MS = 20
const GIVE_UP_MS = 10_000
/** Longer than a server that syncs each second keeps a write back (2 s) and then waits for its sync (1 s). */
const BLIND_MS = 3_000

/**
 * Waits until everything that the server has executed is on its disk, where it syncs its log each second and has no
 * WAITAOF (before 7.2). By what is seen, mostly in about a second:
 * 1. A later second has begun by the server's clock. Now the server, as soon as no sync runs, writes what it kept back
 *    and begins a sync, at the end of a turn of its loop, and so between any two answers. (It begins one a second: one
 *    that was begun in this later second began with everything of the second before. But when a sync takes so long that
 *    it writes beside it, it skips the sync of that second, and counts that in `aof_delayed_fsync`.)
 * 2. Two answers in a row tell of no sync that runs (`aof_pending_bio_fsync`): after the first of them one was begun,
 *    if one was needed, and at the second it has ended.
 * A server that does not tell all that, or skipped a sync meanwhile, or rewrote its log and so synced the old file
 * unseen, gets three seconds instead.
 * @param fixedMs waits so long in place of all that, and then until no sync runs
 * @throws AppError `STORE_UNAVAILABLE` when the log cannot be written, or is not synced within 10 s
 */
export async function waitForLog(
  server: LogServer, fixedMs?: number, pause: (ms: number) => Promise<unknown> = sleep,
): Promise<void> {
  let patienceMs = GIVE_UP_MS
  const rest = async (ms: number) => {
    if (patienceMs <= 0) {
      throw new AppError('STORE_UNAVAILABLE', 'redis did not write its log to disk in 10 s')
    }
    patienceMs -= ms
    await pause(ms)
  }
  const look = async () => {
    const info = await server.info('persistence')
    if (field(info, 'aof_last_write_status') === 'err') {
      throw new AppError('STORE_UNAVAILABLE', 'redis cannot write its log to disk')
    }
    const running = field(info, 'aof_pending_bio_fsync')
    const forked = field(info, 'aof_rewrite_in_progress') === '1' || field(info, 'rdb_bgsave_in_progress') === '1'
    return {
      syncing: (running ?? '0') !== '0',
      unseen: `${field(info, 'aof_rewrites')} ${field(info, 'aof_delayed_fsync')}`,
      blind: forked || running === undefined,
    }
  }
  const millis = async () => {
    const [seconds, micros] = await server.time()
    return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000)
  }
  const synced = async (times: number) => {
    let now = await look()
    for (let quiet = now.syncing ? 0 : 1; quiet < times; quiet = now.syncing ? 0 : quiet + 1) {
      if (now.syncing) await rest(LOOK_AGAIN_MS)
      now = await look()
    }
    return now
  }

  const before = await look()
  if (fixedMs === undefined && !before.blind) {
    const startedAt = await millis()
    const nextSecond = (Math.floor(startedAt / 1_000) + 1) * 1_000
    for (let now = startedAt; now < nextSecond; now = await millis()) await rest(nextSecond - now)
    const after = await synced(2)
    if (!after.blind && after.unseen === before.unseen) return
  }
  await pause(fixedMs ?? BLIND_MS)
  await synced(1)
}
