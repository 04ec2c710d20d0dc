import { ALL_SHARDS } from '@tallyfleet/domain'
import { flushShards } from '@tallyfleet/features'
import type { Processor } from '@tallyfleet/ports'
import type { JobNeeds } from '../job-needs.ts'
import { syncCatalogJob } from '../sync-catalog/job.ts'

type Payload = { shards?: number[] | undefined }
type Needs = Pick<JobNeeds, 'hot' | 'rollups' | 'journal' | 'packs' | 'secret' | 'clock' | 'queue'>

/** Flushes, then has the catalog follow. Safe beside other flushes, and to run again from any point. */
export const processFlush: Processor<Payload, Needs> = async ({ payload, jobId, signal, log }, needs) => {
  const shards = payload.shards ?? ALL_SHARDS
  const { batches, documents, stopped } = await flushShards(shards, { ...needs, log }, { jobId, signal })
  // Should this be lost, the catalog's own schedule makes up for it.
  if (batches.length > 0) await needs.queue.enqueue(syncCatalogJob, {}, { onlyOne: syncCatalogJob.name })
  const events = batches.reduce((sum, batch) => sum + batch.events, 0)
  return { batches: batches.length, events, documents, stopped: stopped.length }
}
