import { SEPARATOR, shardOf } from '@tallyfleet/domain'
import { syncCatalog, projectRows } from '../catalog-sync/sync-catalog.ts'
import { flushShards, type FlushNeeds } from '../flush/flush-shards.ts'
import {
  checkParity, compareStores, type ParityDifference, type ParityNeeds, type ParityOptions, type ParityRun,
} from '../parity/check-parity.ts'
import { syncSegments } from '../segments/sync-segments.ts'
import { openRepairs } from './open-repairs.ts'

export type RepairNeeds = ParityNeeds & FlushNeeds

export type RepairResult = {
  /** Every difference that was found; those with `repairable` false were left alone. */
  plan: ParityDifference[]
  /** The comparison afterwards; of a dry run, the one that the plan comes from. */
  run: ParityRun
  /** Shards whose rollups could not be repaired: stopped, never counted in this life of Redis, or under flush all the while. */
  left: number[]
}

/** Rounds: a wrong total in the rollups shows in the catalog only when it is right. */
const ROUNDS = 3

/**
 * Compares the stores and puts right what differs from its source. Rollups: a numbered batch for each shard, beside
 * which flushes go on; lists beside the documents are counted again from them. Catalog rows are written again from opening + total, segment documents from their row under a
 * new revision. Then the stores are compared again.
 * @param dryRun only says what it would do
 */
export async function repairStores(
  needs: RepairNeeds, { dryRun = false, jobId, ...options }: ParityOptions & { dryRun?: boolean; jobId: string },
): Promise<RepairResult> {
  const first = await compareStores(needs, options)
  const plan = first.differences
  if (dryRun || !plan.some(({ repairable }) => repairable)) {
    const run = dryRun ? { ...first.run, dryRun } : first.run
    await needs.journal.put('parity', run.at, run)
    return { plan, run, left: [] }
  }
  let left: number[] = []
  let todo = plan
  for (let round = 0; round < ROUNDS && todo.some(({ repairable }) => repairable); round++) {
    const of = (store: string) => todo.filter((difference) => difference.store === store && difference.repairable)
    const shards = new Set(of('rollups').flatMap(({ cell, shard }) => (cell ? shard! : [])))
    left = await repairRollups([...shards], needs, { jobId, signal: options.signal })
    if (of('rollups').some(({ cell }) => !cell)) await needs.rollups.repairLists()
    await syncCatalog(needs, { signal: options.signal })
    await repairRows(of('catalog'), needs)
    await repairDocuments(of('segments'), needs)
    await syncSegments(needs, { signal: options.signal })
    todo = (await compareStores(needs, options)).differences
  }
  const run = await checkParity(needs, options)
  const { differences } = run
  const kept = { ...run, repaired: Math.max(0, plan.length - differences.length) }
  await needs.journal.put('parity', run.at, kept)
  return { plan, run: kept, left }
}

/** A repair batch for each shard, and whatever is hot before it. Answers the shards that took none. */
async function repairRollups(
  shards: number[], needs: RepairNeeds, options: { jobId: string; signal: AbortSignal | undefined },
): Promise<number[]> {
  if (shards.length === 0) return []
  const flush = { jobId: options.jobId, ...(options.signal ? { signal: options.signal } : {}) }
  const left = await openRepairs(shards, needs, flush)
  await flushShards(shards, needs, flush) // finds them open, as any other flush would
  return left
}

/** Shows opening + total again in rows that show something else. */
async function repairRows(differences: ParityDifference[], needs: RepairNeeds): Promise<void> {
  for (const { of, ids } of catalogsIn(differences)) {
    await projectRows(of, ids, (entityId) => shardOf({ ...of, entityId }), needs)
  }
}

/** Gives the rows of wrong documents a new revision: a document with the revision that it has is never overwritten. */
async function repairDocuments(differences: ParityDifference[], { catalog }: RepairNeeds): Promise<void> {
  for (const { of, ids } of catalogsIn(differences)) {
    const rows = await catalog.listRows(of, ids)
    await catalog.putRows(of, rows.map(({ id }) => ({ id, columns: {} })))
  }
}

function catalogsIn(differences: ParityDifference[]) {
  const groups = Map.groupBy(differences.flatMap(({ cell }) => cell ?? []), ({ tenant, domain, entityType }) =>
    [tenant, domain, entityType].join(SEPARATOR))
  return [...groups.values()].map((cells) => {
    const { tenant, domain, entityType } = cells[0]!
    return { of: { tenant, domain, entityType }, ids: [...new Set(cells.map(({ entityId }) => entityId!))] }
  })
}
