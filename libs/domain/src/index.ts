/**
 * What Tallyfleet is about, free of input and output: events, packs, buckets, shards, deltas, error codes.
 * Start at event.ts (what may be counted), then delta.ts (what a count turns into).
 */
export * from './bot.ts'
export * from './bucket.ts'
export * from './delta.ts'
export * from './dimension.ts'
export * from './errors.ts'
export * from './event.ts'
export * from './filter.ts'
export * from './json-depth.ts'
export * from './ledger.ts'
export * from './moving.ts'
export * from './pack.ts'
export * from './segment.ts'
export * from './repair.ts'
export * from './retention.ts'
export * from './shard.ts'
