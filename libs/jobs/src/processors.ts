import type { Job } from '@tallyfleet/ports'
import { applyRetentionJob } from './apply-retention/job.ts'
import { processApplyRetention } from './apply-retention/processor.ts'
import { checkParityJob } from './check-parity/job.ts'
import { processCheckParity } from './check-parity/processor.ts'
import { checkRollupsJob } from './check-rollups/job.ts'
import { processCheckRollups } from './check-rollups/processor.ts'
import { closeLedgerJob } from './close-ledger/job.ts'
import { processCloseLedger } from './close-ledger/processor.ts'
import { collectTelemetryJob } from './collect-telemetry/job.ts'
import { processCollectTelemetry } from './collect-telemetry/processor.ts'
import { flushJob } from './flush/job.ts'
import { processFlush } from './flush/processor.ts'
import type { JobNeeds } from './job-needs.ts'
import { loadDemoJob } from './load-demo/job.ts'
import { processLoadDemo } from './load-demo/processor.ts'
import { scoreCatalogJob } from './score-catalog/job.ts'
import { processScoreCatalog } from './score-catalog/processor.ts'
import { syncCatalogJob } from './sync-catalog/job.ts'
import { processSyncCatalog } from './sync-catalog/processor.ts'
import { syncSegmentsJob } from './sync-segments/job.ts'
import { processSyncSegments } from './sync-segments/processor.ts'

export type { JobNeeds }

/** Every job with its processor: what a worker runs. */
export const processors: readonly Job<any, JobNeeds>[] = [
  { definition: flushJob, process: processFlush },
  { definition: syncCatalogJob, process: processSyncCatalog },
  { definition: syncSegmentsJob, process: processSyncSegments },
  { definition: closeLedgerJob, process: processCloseLedger },
  { definition: collectTelemetryJob, process: processCollectTelemetry },
  { definition: checkRollupsJob, process: processCheckRollups },
  { definition: checkParityJob, process: processCheckParity },
  { definition: applyRetentionJob, process: processApplyRetention },
  { definition: scoreCatalogJob, process: processScoreCatalog },
  { definition: loadDemoJob, process: processLoadDemo },
]
