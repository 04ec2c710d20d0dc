import { AggregatorRegistry } from 'prom-client'
import type { MetricsSnapshot } from './metrics-hub.ts'

/**
 * The published snapshots of many processes as one Prometheus text. Counters and histograms add up; a gauge follows
 * its aggregator. A snapshot that is not ours is left out.
 */
export async function mergeMetrics(snapshots: readonly string[]): Promise<string> {
  const metrics = snapshots.flatMap((json) => {
    const snapshot = readSnapshot(json)
    return snapshot ? [snapshot.metrics] : []
  })
  return AggregatorRegistry.aggregate(metrics).metrics()
}

function readSnapshot(json: string): MetricsSnapshot | undefined {
  try {
    const snapshot = JSON.parse(json) as Partial<MetricsSnapshot> | null
    return Array.isArray(snapshot?.metrics) ? (snapshot as MetricsSnapshot) : undefined
  } catch {
    return undefined
  }
}
