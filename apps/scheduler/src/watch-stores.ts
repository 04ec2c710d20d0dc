import { readTelemetry } from '@tallyfleet/features'
import type { Metrics } from '@tallyfleet/metrics'
import { systemClock, type HotStore, type Log, type QueueAdmin } from '@tallyfleet/ports'
import { repeat } from './repeat.ts'

const LOOK_MS = 15_000

/** Keeps gauges of what Redis holds. Every scheduler sees the same, so the highest stands for all. */
export function watchStores(
  { hot, admin, metrics, log }: { hot: HotStore; admin: QueueAdmin; metrics: Metrics; log: Log },
): AsyncDisposable {
  const gauge = (name: string, help: string) => metrics.gauge(name, help, [], 'max')
  const hotFields = gauge('fleet_hot_fields', 'Fields in the hot counters, not yet flushed')
  const openBatches = gauge('fleet_open_batches', 'Frozen batches that are not finished')
  const oldestOpen = gauge('fleet_oldest_open_batch_seconds', 'Age of the oldest of them; 0 when none is')
  const stopped = gauge('fleet_stopped_shards', 'Shards that stopped because Redis and the rollups disagree')
  const dedupeIds = gauge('fleet_dedupe_ids', 'Event ids that are remembered')
  const dedupeBytes = gauge('fleet_dedupe_bytes', 'Their memory, estimated')
  const used = gauge('fleet_redis_used_bytes', 'Memory that Redis uses')
  const max = gauge('fleet_redis_max_bytes', 'Memory that Redis may use; 0 = no limit')
  return repeat('watch stores', LOOK_MS, log, async () => {
    const telemetry = await readTelemetry({ hot, admin, clock: systemClock })
    hotFields.set(telemetry.hotFields)
    openBatches.set(telemetry.openBatches)
    oldestOpen.set(telemetry.oldestOpenSeconds)
    stopped.set(telemetry.stoppedShards)
    dedupeIds.set(telemetry.dedupeIds)
    dedupeBytes.set(telemetry.dedupeBytes)
    used.set(telemetry.redisUsedBytes)
    max.set(telemetry.redisMaxBytes)
  })
}
