/**
 * The hot store on Redis: dedupe, hot counters, ledger and limits in one round trip. It never reads rollups, and knows
 * nothing of queues. Start at ingest-writer.ts and scripts/ingest.lua.
 */
export { RedisMetricsExchange } from './redis-metrics-exchange.ts'
export { RedisRequestCounts } from './redis-request-counts.ts'
export { RedisLiveExchange } from './redis-live-exchange.ts'
export { RedisHotStore, type RedisHotStoreOptions } from './redis-hot-store.ts'
export { probeRedis, setAppendFsync, stopRedis } from './redis-server-control.ts'
