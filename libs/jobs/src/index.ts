/**
 * Every job of the fleet: what producers and the scheduler need to know. A new job is one folder and a line here and in
 * processors.ts, which workers alone import (`@tallyfleet/jobs/processors`).
 */
import type { JobDefinition } from '@tallyfleet/ports'
import { applyRetentionJob } from './apply-retention/job.ts'
import { checkParityJob } from './check-parity/job.ts'
import { checkRollupsJob } from './check-rollups/job.ts'
import { closeLedgerJob } from './close-ledger/job.ts'
import { collectTelemetryJob } from './collect-telemetry/job.ts'
import { flushJob } from './flush/job.ts'
import { loadDemoJob } from './load-demo/job.ts'
import { scoreCatalogJob } from './score-catalog/job.ts'
import { syncCatalogJob } from './sync-catalog/job.ts'
import { syncSegmentsJob } from './sync-segments/job.ts'

export const jobs: readonly JobDefinition<any>[] = [
  flushJob,
  syncCatalogJob,
  syncSegmentsJob,
  closeLedgerJob,
  collectTelemetryJob,
  checkRollupsJob,
  checkParityJob,
  applyRetentionJob,
  scoreCatalogJob,
  loadDemoJob,
]

export { EXTRA_FLUSH } from './flush/job.ts'
export {
  applyRetentionJob, checkParityJob, checkRollupsJob, closeLedgerJob, collectTelemetryJob, flushJob, loadDemoJob, scoreCatalogJob,
  syncCatalogJob, syncSegmentsJob,
}
