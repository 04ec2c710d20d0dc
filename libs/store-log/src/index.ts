/**
 * The ingest log: an acknowledged event outlives the loss of the hot store. It knows nothing of Redis: any hot store
 * that offers LoggedCounters may stand behind it. Start at logged-hot-store.ts, then rebuild.ts.
 */
export { LoggedHotStore, type LoggedHotStoreOptions } from './logged-hot-store.ts'
export { forgetLog } from './known-logs.ts'
export { listLogs, logFolder, type LogSummary } from './list-logs.ts'
