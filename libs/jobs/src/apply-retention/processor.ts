import { applyRetention } from '@tallyfleet/features'
import type { Processor } from '@tallyfleet/ports'
import type { JobNeeds } from '../job-needs.ts'

type Needs = Pick<JobNeeds, 'rollups' | 'journal' | 'accounts' | 'telemetry' | 'records' | 'clock'>

/** Applies the installation's retention. */
export const processApplyRetention: Processor<Record<string, never>, Needs> = async (_, needs) =>
  await applyRetention(needs)
