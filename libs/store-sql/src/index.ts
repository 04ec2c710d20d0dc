/** Stores on SQL engines. Rollups, journal and segments: SQLite, the embedded edition. Catalog and accounts: MySQL too. */
export { SqliteJournal } from './sqlite-journal.ts'
export { SqliteRollupStore } from './sqlite-rollup-store.ts'
export { SqliteSegmentStore } from './sqlite-segment-store.ts'
export { SqlAccountStore } from './account-store.ts'
export { SqlCatalogStore } from './catalog-store.ts'
export { SqlRecordStore } from './record-store.ts'
export { SqlTelemetryStore } from './telemetry-store.ts'
export { openSqlDatabase, type SqlDatabase } from './sql-database.ts'
