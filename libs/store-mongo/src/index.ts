/**
 * Rollups, manifests and the journal in MongoDB. Knows the driver; hands out ports alone. Start at
 * mongo-rollup-store.ts, then fenced-apply.ts: the one write that everything rests on.
 */
export { MongoJournal } from './mongo-journal.ts'
export { MongoRollupStore } from './mongo-rollup-store.ts'
