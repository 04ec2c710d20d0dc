import { collectDefaultMetrics, Counter, Gauge, Registry, type Aggregator as PromAggregator } from 'prom-client'
import { PlainHistogram } from './plain-histogram.ts'

/** How the values of several processes become one. `sum` unless told. */
export type Aggregator = Exclude<PromAggregator, 'omit'>

/** The metrics of one process. Asking for a name again answers the metric that exists. */
export type Metrics = {
  readonly registry: Registry
  /** Grows only. Name it `…_total`. */
  counter(name: string, help: string, labelNames?: readonly string[]): Counter
  /** Goes up and down. `aggregator`: `max` where every process reports the same thing, such as a queue's depth. */
  gauge(name: string, help: string, labelNames?: readonly string[], aggregator?: Aggregator): Gauge
  /** Counts observations by upper bound. Name the unit: `…_seconds`, `…_bytes`. */
  histogram(name: string, help: string, labelNames?: readonly string[], buckets?: readonly number[]): PlainHistogram
}

/** From a millisecond to ten minutes, a bit finer than doubling where people look. */
export const SECONDS_BUCKETS: readonly number[] =
  [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600]

/** How often the event loop is looked at. Each look wakes the process: 10 ms took 4 ms a second of it, this takes 1. */
const LAG_STEP_MS = 50

/**
 * Opens a registry, with the runtime's own metrics (event-loop lag, memory, garbage collection) unless
 * `runtimeMetrics` is false. Every sample carries the label `app`.
 */
export function createMetrics(
  { app, runtimeMetrics = true }: { app?: string; runtimeMetrics?: boolean } = {},
): Metrics {
  const registry = new Registry()
  if (app) registry.setDefaultLabels({ app })
  if (runtimeMetrics) collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LAG_STEP_MS })
  const registers = [registry]
  const known = <M>(name: string, create: () => M): M => (registry.getSingleMetric(name) as M | undefined) ?? create()
  return {
    registry,
    counter: (name, help, labelNames = []) => known(name, () => new Counter({ name, help, labelNames, registers })),
    gauge: (name, help, labelNames = [], aggregator = 'sum') =>
      known(name, () => new Gauge({ name, help, labelNames, registers, aggregator })),
    histogram: (name, help, labelNames = [], buckets = SECONDS_BUCKETS) => known(name, () => {
      const histogram = new PlainHistogram({ name, help, labelNames, buckets })
      registry.registerMetric(histogram.asMetric())
      return histogram
    }),
  }
}
