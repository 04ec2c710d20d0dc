import type { ParityRun } from '@tallyfleet/features'
import type { Log } from '@tallyfleet/ports'

export type ParityNeeds = 'hot' | 'rollups' | 'catalog' | 'segments' | 'journal' | 'packs' | 'clock'

/** What is kept with the job; the whole run is in the journal. A difference is what nobody must miss. */
export function summarizeParity({ equal, differences, orphans, tookMs }: ParityRun, log: Log): Record<string, unknown> {
  if (!equal) log.error({ differences: differences.slice(0, 10) }, 'stores differ')
  return { equal, differences: differences.length, orphans: orphans.count, tookMs }
}
