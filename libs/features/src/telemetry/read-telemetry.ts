import type { Clock, HotStore, Journal, QueueAdmin } from '@tallyfleet/ports'

/** What the fleet holds at a moment. */
export type Telemetry = {
  at: string
  hotFields: number
  openBatches: number
  /** Age of the oldest open batch; 0 when none is. */
  oldestOpenSeconds: number
  stoppedShards: number
  dedupeIds: number
  dedupeBytes: number
  redisUsedBytes: number
  redisMaxBytes: number
  queues: {
    queue: string; ready: number; active: number; delayed: number; failed: number; oldestReadySeconds: number
  }[]
}

type Needs = { hot: HotStore; admin: QueueAdmin; clock: Clock }

const KEPT_DAYS = 7
const DAY_MS = 86_400_000

/** Reads it from the hot store and the queues. */
export async function readTelemetry({ hot, admin, clock }: Needs): Promise<Telemetry> {
  const [shards, dedupe, server, queues] = await Promise.all([
    hot.listShards(), hot.dedupeStatus(), hot.serverStatus(), admin.listQueues(),
  ])
  const now = clock.now()
  const open = shards.flatMap((shard) => shard.open ?? [])
  return {
    at: now.toISOString(),
    hotFields: shards.reduce((sum, { hotFields }) => sum + hotFields, 0),
    openBatches: open.length,
    oldestOpenSeconds: Math.max(0, ...open.map(({ frozenAt }) => (now.getTime() - frozenAt.getTime()) / 1_000)),
    stoppedShards: shards.filter(({ stopped }) => stopped !== undefined).length,
    dedupeIds: dedupe.ids,
    dedupeBytes: dedupe.bytes,
    redisUsedBytes: server.usedMemoryBytes,
    redisMaxBytes: server.maxMemoryBytes,
    queues: queues.map(({ queue, counts, oldestReadySeconds = 0 }) => ({
      queue, ready: counts.waiting + counts.prioritized, active: counts.active, delayed: counts.delayed,
      failed: counts.failed, oldestReadySeconds,
    })),
  }
}

/** Keeps a snapshot in the journal (kind `telemetry`, id = instant) and forgets those older than a week. */
export async function collectTelemetry(needs: Needs & { journal: Journal }): Promise<Telemetry> {
  const telemetry = await readTelemetry(needs)
  await needs.journal.put('telemetry', telemetry.at, telemetry)
  await needs.journal.deleteBefore('telemetry', new Date(Date.parse(telemetry.at) - KEPT_DAYS * DAY_MS).toISOString())
  return telemetry
}
