import type { Processor } from '@tallyfleet/ports'
import type { JobNeeds } from '../job-needs.ts'

type Payload = { tenant: string; zone: string }
type Needs = Pick<JobNeeds, 'hot' | 'rollups' | 'journal' | 'catalog' | 'segments' | 'records' | 'packs' | 'secret' | 'clock'>

/** Loads the demo, or what is new since it was loaded. Safe to run again from any point. */
export const processLoadDemo: Processor<Payload, Needs> = async ({ payload, jobId, signal, log }, needs) => {
  const { loadDemo } = await import('@tallyfleet/demo') // a fleet that never shows it never reads it
  return await loadDemo(payload, { ...needs, log }, { signal, jobId })
}
