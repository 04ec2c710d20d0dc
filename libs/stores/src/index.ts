/** Picks an adapter for each role by the scheme of its URL, and nothing else. */
export { hasRollups, openDurableStores, openRequestCounts, openRollups, openStores, type DurableStores, type MetricsExchange, type Stores } from './open-stores.ts'
export { storesConfig, type StoresConfig } from './stores-config.ts'
