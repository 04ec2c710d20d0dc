/**
 * What the engine needs from the outside, as roles. An adapter implements a role for one engine and passes its suite
 * in contract-tests. Start at hot-store.ts and rollup-store.ts: the two ends of a flush.
 */
export * from './account-store.ts'
export * from './catalog-store.ts'
export * from './clock.ts'
export * from './hot-store.ts'
export * from './ingest-log.ts'
export * from './job.ts'
export * from './journal.ts'
export * from './live-exchange.ts'
export * from './log-place.ts'
export * from './log.ts'
export * from './record-store.ts'
export * from './request-counts.ts'
export * from './rollup-store.ts'
export * from './segment-store.ts'
export * from './telemetry-store.ts'
