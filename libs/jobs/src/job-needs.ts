import type { FlushNeeds, ParityNeeds, SyncCatalogNeeds, SyncSegmentsNeeds } from '@tallyfleet/features'
import type { AccountStore, JobQueue, QueueAdmin, RecordStore, TelemetryStore } from '@tallyfleet/ports'

/** Everything that some processor needs; each asks for its part alone. */
export type JobNeeds = Omit<FlushNeeds, 'log'> & SyncCatalogNeeds & SyncSegmentsNeeds & ParityNeeds & {
  accounts: AccountStore
  records: RecordStore
  telemetry: TelemetryStore
  queue: JobQueue
  admin: QueueAdmin
}
