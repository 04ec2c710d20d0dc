import type { CatalogStore, HotStore, JobQueue, Journal, RollupStore, SegmentStore } from '@tallyfleet/ports'

/** The prototypes of the adapters that a process uses, by port. */
export type Prototypes = {
  hot: HotStore
  rollups: RollupStore
  journal: Journal
  catalog: CatalogStore
  segments: SegmentStore
  queue?: JobQueue
}
