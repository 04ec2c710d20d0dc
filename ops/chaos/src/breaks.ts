import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { FreezeRequest, HotStore, IngestOutcome, IngestRequest, OpenBatch, RollupStore } from '@tallyfleet/ports'
import { Redis } from 'ioredis'
import type { Prototypes } from './prototypes.ts'
import type { Traps } from './traps.ts'

/** A rule of the counting protocol that a run can take away, to see whether the harness would notice. */
export const BREAK_NAMES = ['dedupe', 'freeze', 'fence', 'wait'] as const
export type Break = (typeof BREAK_NAMES)[number]

export const BREAKS: Record<Break, (prototypes: Prototypes, traps: Traps, redisUrl: string) => void> = {
  dedupe: ({ hot }, traps) => splitDedupe(hot, traps),
  freeze: ({ hot }, traps, redisUrl) => splitFreeze(hot, redisUrl, traps),
  fence: ({ rollups }) => removeFence(rollups),
  wait: ({ hot }) => goOnUnsettled(hot),
}

/** Marks an event as seen in one step and counts it in another: dying between the two loses it. */
function splitDedupe(prototype: HotStore, traps: Traps): void {
  const ingest = prototype.ingest
  prototype.ingest = async function (request: IngestRequest): Promise<IngestOutcome[]> {
    if (request.claim) return await ingest.call(this, request)
    const marked = await ingest.call(this, { ...request, events: request.events.map((event) => ({ ...event, increments: [] })) })
    if (traps.isHalf('hot.ingest')) traps.die()
    const events = request.events.filter((_, at) => marked[at] === 'counted').map((event) => ({ ...event, member: undefined }))
    if (events.length > 0) await ingest.call(this, { events, rejected: undefined })
    return marked
  }
}

/** Copies the hot counter and deletes it with commands of their own: what comes between is lost, dying there doubles. */
function splitFreeze(prototype: HotStore, url: string, traps: Traps): void {
  const redis = new Redis(url, { maxRetriesPerRequest: 1 })
  redis.on('error', () => {})
  prototype.freeze = async (requests: readonly FreezeRequest[]): Promise<OpenBatch[]> => {
    const batches: OpenBatch[] = []
    for (const { shard, floor } of requests) {
      const [hotKey, metaKey] = [`hot:{t${shard}}`, `meta:{t${shard}}`]
      const [open, name, done] = await redis.hmget(metaKey, 'open', 'name', 'done')
      if (open) {
        batches.push({ shard, n: Number(open), kind: 'flush', name: name!, frozenAt: new Date() })
        continue
      }
      const fields = await redis.hgetall(hotKey)
      if (Object.keys(fields).length === 0) continue
      const n = Number(done ?? floor?.n ?? 0) + 1
      const batch: OpenBatch = { shard, n, kind: 'flush', name: randomUUID(), frozenAt: new Date() }
      await redis.hset(`batch:{t${shard}}:${n}`, fields)
      await redis.hset(metaKey, { open: n, name: batch.name, frozen_at: Date.now(), done: n - 1 })
      if (traps.isHalf('hot.freeze')) traps.die()
      await redis.del(hotKey)
      batches.push(batch)
    }
    return batches
  }
}

/** Forgets which batch each document holds, just before the fence would ask: a repeat counts again. Embedded only. */
function removeFence(prototype: RollupStore): void {
  const apply = prototype.apply
  const path = join(process.env['FLEET_HOME']!, 'rollups.sqlite')
  prototype.apply = async function (shard, n, documents) {
    const database = new DatabaseSync(path, { timeout: 5_000 })
    database.prepare('UPDATE documents SET seq = 0 WHERE shard = ?').run(shard)
    database.close()
    return await apply.call(this, shard, n, documents)
  }
}

/** Writes a manifest while its freeze may not be on the disk yet: a power loss takes the freeze, and not the manifest. */
function goOnUnsettled(prototype: HotStore): void {
  const settle = prototype.settle
  prototype.settle = async function () {
    void settle.call(this).catch(() => {})
  }
}
