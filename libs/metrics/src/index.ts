/**
 * Numbers about the fleet in Prometheus form. Each process keeps its own registry and publishes it; whoever serves
 * /metrics merges what all have published, so one address shows the whole fleet.
 */
export * from './create-metrics.ts'
export * from './merge-metrics.ts'
export * from './metrics-hub.ts'
export * from './serve-health.ts'
