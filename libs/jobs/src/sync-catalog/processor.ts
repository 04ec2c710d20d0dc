import { syncCatalog } from '@tallyfleet/features'
import type { Processor } from '@tallyfleet/ports'
import type { JobNeeds } from '../job-needs.ts'
import { syncSegmentsJob } from '../sync-segments/job.ts'

type Needs = Pick<JobNeeds, 'rollups' | 'catalog' | 'packs' | 'queue'>

/** Syncs the catalog, then has the segments follow, which are built from its rows. */
export const processSyncCatalog: Processor<Record<string, never>, Needs> = async ({ signal }, needs) => {
  const result = await syncCatalog(needs, { signal })
  await needs.queue.enqueue(syncSegmentsJob, {}, { onlyOne: syncSegmentsJob.name })
  return result
}
