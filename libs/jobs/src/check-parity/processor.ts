import { checkParity, repairStores, type ParityStore } from '@tallyfleet/features'
import type { Processor } from '@tallyfleet/ports'
import type { JobNeeds } from '../job-needs.ts'
import { summarizeParity, type ParityNeeds } from '../summarize-parity.ts'

type Payload = {
  stores?: ParityStore[] | undefined; from?: string | undefined; to?: string | undefined
  repair?: boolean | undefined; dryRun?: boolean | undefined
}
type Needs = Pick<JobNeeds, ParityNeeds | 'secret'>

/** Parity of all stores, and their repair when asked for. Safe to run again from any point. */
export const processCheckParity: Processor<Payload, Needs> = async ({ payload, jobId, signal, log }, needs) => {
  const { stores, from, to, repair = false, dryRun = false } = payload
  const options = { ...(stores ? { stores } : {}), range: { from, to }, signal }
  if (!repair && !dryRun) return summarizeParity(await checkParity(needs, options), log)
  const { plan, run, left } = await repairStores({ ...needs, log }, { ...options, dryRun, jobId })
  return { ...summarizeParity(run, log), planned: plan.length, dryRun, left: left.length }
}
