import { readTelemetry, type TelemetryNeeds } from '@tallyfleet/features'
import type { Metrics } from '@tallyfleet/metrics'
import { systemClock, type Log } from '@tallyfleet/ports'
import { repeat } from './repeat.ts'

const LOOK_MS = 15_000

/** Keeps gauges of what the stores hold and how far they lag. Every scheduler sees the same: the highest stands for all. */
export function watchStores(
  { metrics, log, ...needs }: Omit<TelemetryNeeds, 'clock'> & { metrics: Metrics; log: Log },
): AsyncDisposable {
  const gauge = (name: string, help: string) => metrics.gauge(name, help, [], 'max')
  const hotFields = gauge('fleet_hot_fields', 'Fields in the hot counters, not yet flushed')
  const openBatches = gauge('fleet_open_batches', 'Frozen batches that are not finished')
  const oldestOpen = gauge('fleet_oldest_open_batch_seconds', 'Age of the oldest of them; 0 when none is')
  const stopped = gauge('fleet_stopped_shards', 'Shards that stopped because Redis and the rollups disagree')
  const flushLag = gauge('fleet_flush_lag_seconds', 'Since everything that was hot was last on its way into the rollups')
  const syncLag = metrics.gauge('fleet_sync_lag', 'Batches (catalog) or row changes (segments) that a projection has not seen', ['store'], 'max')
  const ledgerGap = gauge('fleet_ledger_gap_events', 'Events that the ledger cannot account for: anything but 0 is an alarm')
  const dedupeIds = gauge('fleet_dedupe_ids', 'Event ids that are remembered')
  const dedupeBytes = gauge('fleet_dedupe_bytes', 'Their memory, estimated')
  const used = gauge('fleet_redis_used_bytes', 'Memory that Redis uses')
  const max = gauge('fleet_redis_max_bytes', 'Memory that Redis may use; 0 = no limit')
  return repeat('watch stores', LOOK_MS, log, async () => {
    const telemetry = await readTelemetry({ ...needs, clock: systemClock })
    hotFields.set(telemetry.hotFields)
    openBatches.set(telemetry.openBatches)
    oldestOpen.set(telemetry.oldestOpenSeconds)
    stopped.set(telemetry.stoppedShards)
    if (telemetry.flushLagSeconds !== undefined) flushLag.set(telemetry.flushLagSeconds)
    syncLag.set({ store: 'catalog' }, telemetry.catalogLagBatches)
    syncLag.set({ store: 'segments' }, telemetry.segmentsLagChanges)
    ledgerGap.set(telemetry.ledgerGapEvents)
    dedupeIds.set(telemetry.dedupeIds)
    dedupeBytes.set(telemetry.dedupeBytes)
    used.set(telemetry.redisUsedBytes)
    max.set(telemetry.redisMaxBytes)
  })
}
