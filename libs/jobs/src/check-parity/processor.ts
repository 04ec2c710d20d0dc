import { checkParity } from '@tallyfleet/features'
import type { Processor } from '@tallyfleet/ports'
import type { JobNeeds } from '../job-needs.ts'
import { summarizeParity, type ParityNeeds } from '../summarize-parity.ts'

type Needs = Pick<JobNeeds, ParityNeeds>

/** Parity of all stores. */
export const processCheckParity: Processor<Record<string, never>, Needs> = async ({ signal, log }, needs) =>
  summarizeParity(await checkParity(needs, { signal }), log)
