import { setTimeout as sleep } from 'node:timers/promises'
import { ALL_SHARDS } from '@tallyfleet/domain'
import { flushShards, syncCatalog, syncSegments } from '@tallyfleet/features'
import { silentLog, systemClock } from '@tallyfleet/ports'
import { openAll, packs, type Environment } from '../context.ts'
import { EXIT, type CommandResult } from '../output.ts'

/**
 * Flushes now, in this process: safe beside any number of workers. With `wait` it also syncs the catalog and the
 * segments, and ends when every mark has reached what was frozen; exit 6 names what lags after the timeout.
 */
export async function flush(env: Environment, { wait, timeoutSeconds }: { wait: boolean; timeoutSeconds: number }): Promise<CommandResult> {
  await using stores = await openAll(env)
  const needs = { ...stores, packs, clock: systemClock, log: silentLog }
  const deadline = performance.now() + timeoutSeconds * 1_000
  const jobId = `cli-${process.pid}`
  const result = await flushShards(ALL_SHARDS, needs, { jobId })
  // A batch that a worker had frozen before lacks what was counted since: those shards once more.
  const rest = result.left.length > 0 ? await flushShards(result.left, needs, { jobId }) : undefined
  result.batches.push(...rest?.batches ?? [])
  result.documents += rest?.documents ?? 0
  const frozen = [...result.frozen, ...rest?.frozen ?? []]
  const events = result.batches.reduce((sum, batch) => sum + batch.events, 0)
  const data = { batches: result.batches.length, events, documents: result.documents, stopped: [...new Set([...result.stopped, ...rest?.stopped ?? []])], lagging: [] as string[] }
  if (wait) {
    for (;;) {
      await syncCatalog(needs)
      await syncSegments(needs)
      data.lagging = await listLagging(frozen)
      if (data.lagging.length === 0 || performance.now() > deadline) break
      await sleep(200)
    }
  }
  const bad = data.stopped.length > 0 || data.lagging.length > 0
  return {
    data, exit: bad ? EXIT.partly : EXIT.ok,
    text: [`flushed ${events} events of ${data.batches} shards into ${data.documents} documents`,
      ...data.stopped.map((shard) => `shard ${shard} stopped: see fleet doctor`), ...data.lagging].join('\n'),
  }

  async function listLagging(batches: readonly { shard: number; n: number }[]): Promise<string[]> {
    const [shards, marks, revisions, segmentMarks] = await Promise.all([
      stores.hot.listShards(), stores.catalog.listMarks(), stores.catalog.listRevisions(), stores.segments.listMarks(),
    ])
    const lagging: string[] = []
    for (const { shard, n } of batches) {
      if ((shards[shard]!.done ?? 0) < n) lagging.push(`rollups of shard ${shard}: batch ${n} is not finished`)
      if ((marks.get(shard) ?? 0) < n) lagging.push(`catalog of shard ${shard}: synced to ${marks.get(shard) ?? 0} of ${n}`)
      if ((segmentMarks.get(shard) ?? 0) < (revisions.get(shard) ?? 0)) lagging.push(`segments of shard ${shard}`)
    }
    return lagging
  }
}
