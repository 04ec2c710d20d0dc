import { AggregatorRegistry, type MetricObject } from 'prom-client'

/**
 * What many processes published, each a list of metrics, as one Prometheus text. Counters and histograms add up; a
 * gauge follows its aggregator. What is not a list of metrics is left out: another release may have written it.
 */
export async function mergeMetrics(published: readonly unknown[]): Promise<string> {
  return AggregatorRegistry.aggregate(published.filter(isMetrics)).metrics()
}

function isMetrics(published: unknown): published is MetricObject[] {
  return Array.isArray(published) && published.every((metric: Partial<MetricObject> | null) =>
    typeof metric?.name === 'string' && Array.isArray((metric as { values?: unknown }).values))
}
