import type { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import type { Packs } from '@tallyfleet/domain'
import type { LiveHub } from '@tallyfleet/features'
import type { ResponseTimes } from '@tallyfleet/features'
import type { Metrics } from '@tallyfleet/metrics'
import type {
  AccountStore, CatalogStore, Clock, HotStore, JobQueue, Journal, LiveExchange, Log, QueueAdmin, RecordStore, RequestCounts,
  RollupStore, SegmentStore,
  TelemetryStore,
} from '@tallyfleet/ports'
import type { ApiConfig } from '@tallyfleet/config'

/** A queue as Bull Board takes it; the queue lib makes them. */
export type BoardQueue = ConstructorParameters<typeof BullMQAdapter>[0]

/** What the API works with; opened by main.ts, or by a test. */
export type ApiNeeds = {
  hot: HotStore
  rollups: RollupStore
  journal: Journal
  catalog: CatalogStore
  segments: SegmentStore
  accounts: AccountStore
  records: RecordStore
  telemetry: TelemetryStore
  /** The installation's secret. */
  secret: string
  /** Where the signed reports of this machine lie. */
  reportsFolder: string
  /** The built dashboard; absent, or without a build: a plain page stands in its place. */
  dashboardFolder?: string
  /** What is counted right now, here and elsewhere. */
  live: LiveHub
  exchange: LiveExchange
  queues: QueueAdmin
  /** For work that is too long for a request. */
  queue: JobQueue
  /** Of limits; absent: each process counts for itself. */
  requests?: RequestCounts
  boardQueues: readonly BoardQueue[]
  packs: Packs
  clock: Clock
  log: Log
  metrics: Metrics
  config: ApiConfig
  /** Takes down how long reads took; absent: nobody does. */
  responseTimes?: ResponseTimes
  /** The metrics of all processes, as Prometheus text; absent: those of this process. */
  mergedMetrics?: () => Promise<string>
}
