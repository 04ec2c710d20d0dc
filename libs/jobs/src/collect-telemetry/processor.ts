import { collectTelemetry } from '@tallyfleet/features'
import type { Processor } from '@tallyfleet/ports'
import type { JobNeeds } from '../job-needs.ts'

type Needs = Pick<JobNeeds, 'hot' | 'rollups' | 'catalog' | 'segments' | 'admin' | 'clock' | 'journal'>

/** Keeps one snapshot. */
export const processCollectTelemetry: Processor<Record<string, never>, Needs> = async (_, needs) => {
  const { hotFields, openBatches, stoppedShards } = await collectTelemetry(needs)
  return { hotFields, openBatches, stoppedShards }
}
