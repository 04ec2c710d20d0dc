import { scoreCatalogs } from '@tallyfleet/features'
import type { Processor } from '@tallyfleet/ports'
import type { JobNeeds } from '../job-needs.ts'

type Needs = Pick<JobNeeds, 'rollups' | 'catalog' | 'segments' | 'packs' | 'accounts' | 'records' | 'clock'>

/** Keeps one snapshot of each catalog. */
export const processScoreCatalog: Processor<Record<string, never>, Needs> = async ({ signal }, needs) =>
  await scoreCatalogs(needs, { signal })
