import { setTimeout as sleep } from 'node:timers/promises'
import { ALL_SHARDS } from '@tallyfleet/domain'
import { flushShards, syncCatalog, syncSegments } from '@tallyfleet/features'
import { silentLog, systemClock } from '@tallyfleet/ports'
import { openAll, packs, type Environment } from '../context.ts'
import { EXIT, type CommandResult } from '../output.ts'

const IDLE_SECONDS = 60
const LOOK_MS = 2_000

/**
 * Flushes now, in this process: safe beside any number of workers. With `wait` it also syncs the catalog and the
 * segments, and ends when every mark has reached what was frozen, or at the timeout: then exit 6 names what lags, and
 * workers go on with it.
 * @param timeoutSeconds undefined: 60 s in which nothing moves, so that a large flush on a slow machine comes to its end
 */
export async function flush(
  env: Environment, { wait, timeoutSeconds }: { wait: boolean; timeoutSeconds: number | undefined },
): Promise<CommandResult> {
  await using stores = await openAll(env)
  const needs = { ...stores, packs, clock: systemClock, log: silentLog }
  using limit = wait ? startLimit(timeoutSeconds, readProgress) : undefined
  const signal = limit?.signal
  const data = { batches: 0, events: 0, documents: 0, stopped: [] as number[], lagging: [] as string[] }
  /** The batch that each shard must have reached. */
  const frozen = new Map<number, number>()
  let flushed = false
  try {
    // A batch that a worker had frozen before lacks what was counted since: those shards once more.
    const left = await flushOnce(ALL_SHARDS)
    if (left.length > 0) await flushOnce(left)
    flushed = true
    while (wait) {
      await syncCatalog(needs, { signal })
      await syncSegments(needs, { signal })
      data.lagging = await listLagging()
      if (data.lagging.length === 0) break
      await sleep(200, undefined, { signal })
    }
  } catch (error) {
    if (!signal?.aborted) throw error
    if (!flushed) for (const { shard, open, done } of await stores.hot.listShards()) frozen.set(shard, open?.n ?? done ?? 0)
    data.lagging = await listLagging()
  }
  const bad = data.stopped.length > 0 || data.lagging.length > 0
  return {
    data, exit: bad ? EXIT.partly : EXIT.ok,
    text: [`flushed ${data.events} events of ${data.batches} shards into ${data.documents} documents`,
      ...data.stopped.map((shard) => `shard ${shard} stopped: see fleet doctor`), ...data.lagging].join('\n'),
  }

  async function readProgress(): Promise<string> {
    const [shards, marks, segmentMarks] = await Promise.all([
      stores.hot.listShards(), stores.catalog.listMarks(), stores.segments.listMarks(),
    ])
    return JSON.stringify([shards.map(({ done, open }) => [done, open?.n]), [...marks], [...segmentMarks]])
  }

  async function flushOnce(shards: readonly number[]): Promise<number[]> {
    const result = await flushShards(shards, needs, { jobId: `cli-${process.pid}`, signal })
    for (const { shard, n } of result.frozen) frozen.set(shard, n)
    data.batches += result.batches.length
    data.events += result.batches.reduce((sum, batch) => sum + batch.events, 0)
    data.documents += result.documents
    data.stopped = [...new Set([...data.stopped, ...result.stopped])]
    return result.left
  }

  async function listLagging(): Promise<string[]> {
    const [shards, marks, revisions, segmentMarks] = await Promise.all([
      stores.hot.listShards(), stores.catalog.listMarks(), stores.catalog.listRevisions(), stores.segments.listMarks(),
    ])
    const lagging: string[] = []
    for (const [shard, n] of frozen) {
      const { done = 0, hotFields } = shards[shard]!
      if (!flushed && hotFields > 0) lagging.push(`hot counter of shard ${shard}: ${hotFields} fields are not frozen`)
      if (done < n) lagging.push(`rollups of shard ${shard}: batch ${n} is not finished`)
      if ((marks.get(shard) ?? 0) < n) lagging.push(`catalog of shard ${shard}: synced to ${marks.get(shard) ?? 0} of ${n}`)
      if ((segmentMarks.get(shard) ?? 0) < (revisions.get(shard) ?? 0)) lagging.push(`segments of shard ${shard}`)
    }
    return lagging
  }
}

/** Aborts after `seconds`; without them, when {@link IDLE_SECONDS} have passed in which `progress` stayed the same. */
function startLimit(seconds: number | undefined, progress: () => Promise<string>): Disposable & { signal: AbortSignal } {
  const controller = new AbortController()
  if (seconds !== undefined) {
    const timer = setTimeout(() => controller.abort(), seconds * 1_000)
    return { signal: controller.signal, [Symbol.dispose]: () => clearTimeout(timer) }
  }
  let last = ''
  let movedAt = performance.now()
  const timer = setInterval(() => {
    progress().then((now) => {
      if (now !== last) movedAt = performance.now()
      last = now
      if (performance.now() - movedAt > IDLE_SECONDS * 1_000) controller.abort()
    }, () => {}) // the flush itself meets a store that is away
  }, LOOK_MS)
  return { signal: controller.signal, [Symbol.dispose]: () => clearInterval(timer) }
}
