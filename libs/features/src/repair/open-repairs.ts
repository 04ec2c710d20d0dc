import { setTimeout as sleep } from 'node:timers/promises'
import { checkShards } from '../flush/check-shards.ts'
import { flushShards, type FlushNeeds } from '../flush/flush-shards.ts'

const TRIES = 10
const WAIT_MS = 200

/**
 * Opens a repair batch for each shard; any flush that follows computes and applies it. What is hot is flushed first: a
 * shard takes one batch at a time. Answers the shards that could not: stopped, without a number, or always under flush.
 */
export async function openRepairs(
  shards: readonly number[], needs: FlushNeeds, { jobId, signal }: { jobId: string; signal?: AbortSignal },
): Promise<number[]> {
  let left = [...shards]
  for (let tries = 0; left.length > 0 && tries < TRIES; tries++) {
    if (tries > 0) await sleep(WAIT_MS, undefined, { signal })
    await flushShards(left, needs, signal ? { jobId, signal } : { jobId })
    const { shards: statuses, contradictions } = await checkShards(needs)
    const able = statuses.filter(({ shard, epoch, stopped, done }) =>
      left.includes(shard) && epoch !== undefined && done !== undefined && !stopped && !contradictions.has(shard))
    if (able.length === 0) break
    const opened = await Promise.all(able.map(({ shard, epoch }) => needs.hot.openRepair({ shard, epoch: epoch! })))
    left = left.filter((shard) => !opened.some((batch) => batch?.shard === shard))
  }
  return left
}
