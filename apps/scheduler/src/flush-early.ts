import { EXTRA_FLUSH, flushJob } from '@tallyfleet/jobs'
import type { HotStore, JobQueue, Log } from '@tallyfleet/ports'
import { repeat } from './repeat.ts'

const LOOK_MS = 5_000

/** Brings a flush forward when the hot counters hold more than `limit` fields: a flush's memory grows with them. */
export function flushEarly(
  { hot, queue, log, limit, everyMs = LOOK_MS }:
    { hot: HotStore; queue: JobQueue; log: Log; limit: number; everyMs?: number },
): AsyncDisposable {
  return repeat('flush early', everyMs, log, async () => {
    const hotFields = (await hot.listShards()).reduce((sum, shard) => sum + shard.hotFields, 0)
    if (hotFields <= limit) return
    await queue.enqueue(flushJob, {}, { onlyOne: EXTRA_FLUSH })
    log.info({ hotFields, limit }, 'flush brought forward')
  })
}
