import { closeLedger } from '@tallyfleet/features'
import type { Processor } from '@tallyfleet/ports'
import type { JobNeeds } from '../job-needs.ts'

type Needs = Pick<JobNeeds, 'hot' | 'rollups' | 'journal'>

/** Closes every minute that is past; a gap is what nobody must miss. */
export const processCloseLedger: Processor<Record<string, never>, Needs> = async ({ log }, needs) => {
  const { closed, gaps } = await closeLedger(needs)
  if (gaps.length > 0) log.error({ gaps: gaps.slice(0, 10), count: gaps.length }, 'ledger does not balance')
  return { closed, gaps: gaps.length }
}
