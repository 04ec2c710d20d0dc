import type { CatalogStore, Clock, HotStore, Journal, QueueAdmin, RollupStore, SegmentStore } from '@tallyfleet/ports'
import { doneByShard } from '../catalog-sync/sync-catalog.ts'

/** What the fleet holds at a moment. */
export type Telemetry = {
  at: string
  hotFields: number
  openBatches: number
  /** Age of the oldest open batch; 0 when none is. */
  oldestOpenSeconds: number
  stoppedShards: number
  /** Since everything that was hot was last on its way into the rollups; undefined before the first flush. */
  flushLagSeconds: number | undefined
  /** Batches that are in the rollups and not in the catalog, over all shards. */
  catalogLagBatches: number
  /** Changes of catalog rows that are not in the segments, over all shards. */
  segmentsLagChanges: number
  /** Events that the last closing of the ledger could not account for. */
  ledgerGapEvents: number
  dedupeIds: number
  dedupeBytes: number
  redisUsedBytes: number
  redisMaxBytes: number
  queues: {
    queue: string; ready: number; active: number; delayed: number; failed: number; oldestReadySeconds: number
  }[]
}

export type TelemetryNeeds = {
  hot: HotStore; rollups: RollupStore; catalog: CatalogStore; segments: SegmentStore; journal: Journal
  admin: QueueAdmin; clock: Clock
}

const KEPT_DAYS = 7
const DAY_MS = 86_400_000

/** Reads it from the stores and the queues. */
export async function readTelemetry({ hot, rollups, catalog, segments, journal, admin, clock }: TelemetryNeeds): Promise<Telemetry> {
  const [shards, dedupe, server, queues, done, marks, revisions, segmentMarks, lastFlush, gaps] = await Promise.all([
    hot.listShards(), hot.dedupeStatus(), hot.serverStatus(), admin.listQueues(), doneByShard(rollups),
    catalog.listMarks(), catalog.listRevisions(), segments.listMarks(), journal.find('flush', 'last'),
    journal.list('gap', { limit: 10_000 }),
  ])
  const flushedAt = (lastFlush as { at: string } | undefined)?.at
  const now = clock.now()
  const open = shards.flatMap((shard) => shard.open ?? [])
  return {
    at: now.toISOString(),
    hotFields: shards.reduce((sum, { hotFields }) => sum + hotFields, 0),
    openBatches: open.length,
    oldestOpenSeconds: Math.max(0, ...open.map(({ frozenAt }) => (now.getTime() - frozenAt.getTime()) / 1_000)),
    stoppedShards: shards.filter(({ stopped }) => stopped !== undefined).length,
    flushLagSeconds: flushedAt === undefined ? undefined : Math.max(0, (now.getTime() - Date.parse(flushedAt)) / 1_000),
    catalogLagBatches: lagOf(done, marks),
    segmentsLagChanges: lagOf(revisions, segmentMarks),
    ledgerGapEvents: gaps.reduce((sum, { body }) => sum + Math.abs((body as { gap: number } | null)?.gap ?? 0), 0),
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
export async function collectTelemetry(needs: TelemetryNeeds): Promise<Telemetry> {
  const telemetry = await readTelemetry(needs)
  await needs.journal.put('telemetry', telemetry.at, telemetry)
  await needs.journal.deleteBefore('telemetry', new Date(Date.parse(telemetry.at) - KEPT_DAYS * DAY_MS).toISOString())
  return telemetry
}

/** How far the marks are behind, over all shards. */
function lagOf(reached: ReadonlyMap<number, number>, marks: ReadonlyMap<number, number>): number {
  return [...reached].reduce((sum, [shard, n]) => sum + Math.max(0, n - (marks.get(shard) ?? 0)), 0)
}
