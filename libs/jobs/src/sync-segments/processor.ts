import { syncSegments } from '@tallyfleet/features'
import type { Processor } from '@tallyfleet/ports'
import type { JobNeeds } from '../job-needs.ts'

type Needs = Pick<JobNeeds, 'catalog' | 'segments' | 'packs'>

/** Syncs the segments. */
export const processSyncSegments: Processor<Record<string, never>, Needs> = async ({ signal }, needs) =>
  await syncSegments(needs, { signal })
