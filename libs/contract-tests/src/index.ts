/** What every adapter of a port must keep, as suites: an adapter's test calls the suite of its port. */
export * from './journal.contract.ts'
export * from './promise.ts'
export * from './record-store.contract.ts'
export * from './rollup-store.contract.ts'
export * from './segment-store.contract.ts'
export * from './telemetry-store.contract.ts'
export * from './account-store.contract.ts'
export * from './catalog-store.contract.ts'
