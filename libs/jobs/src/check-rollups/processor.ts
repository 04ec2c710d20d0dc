import { checkParity } from '@tallyfleet/features'
import type { Processor } from '@tallyfleet/ports'
import type { JobNeeds } from '../job-needs.ts'
import { summarizeParity, type ParityNeeds } from '../summarize-parity.ts'

type Needs = Pick<JobNeeds, ParityNeeds>

/** The part of parity that needs no other store. */
export const processCheckRollups: Processor<Record<string, never>, Needs> = async ({ signal, log }, needs) =>
  summarizeParity(await checkParity(needs, { stores: ['ledger', 'rollups'], signal }), log)
