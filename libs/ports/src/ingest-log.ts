import type { Journal } from './journal.ts'
import type { IngestRequest, OpenBatch } from './hot-store.ts'
import type { Manifest, RollupStore } from './rollup-store.ts'

/** What a shard of the hot store knows of ingest logs. */
export type ShardLogs = {
  shard: number
  /** Takes records; false: its memory of ids may be gone, and must be rebuilt first. */
  ready: boolean
  epoch: string | undefined
  stopped: boolean
  /** The last record that it holds, by log. */
  positions: Record<string, number>
  /** While it is being rebuilt: of which logs it remembers what the manifests up to this number hold. */
  told: Record<string, number>
}

/**
 * What a hot store offers to a log in front of it. Its `ingest` takes requests with a `log` place: a shard that is not
 * ready, or lacks the record before, refuses with `STORE_UNAVAILABLE` and writes nothing; one that has the record
 * already counts nothing and answers `duplicate`.
 */
export interface LoggedCounters {
  /**
   * Whether a request may come in now, before it is logged: rejects as `ingest` does for limits and load, and takes
   * from the limit. A request that was admitted must be ingested or dismissed.
   */
  admit(request: IngestRequest): void
  dismiss(request: IngestRequest): void
  listShardLogs(): Promise<ShardLogs[]>
  /** Marks shards as being rebuilt. Whatever is read for the rebuild is read after it. */
  beginRebuild(shards: readonly number[], rebuild: string): Promise<void>
  /**
   * Notes that a shard remembers what the manifests up to `n` hold of the logs `told`, and makes it ready, in this life,
   * at these positions, once it remembers all `needed` ones: `waits` says that it does not yet. `refused`: somebody else
   * opened it before, or it lost data since the rebuild began, its mark or some of the `remembered` events; then
   * nothing changed.
   */
  openShardLogs(shard: number, at: {
    rebuild: string; remembered: number; n: number; told: readonly string[]; needed: readonly string[]
    epoch: string | undefined; positions: Record<string, number>
  }): Promise<'opened' | 'waits' | 'refused'>
  /** Deletes everything that the hot store holds of these shards. Only where a log can rebuild it. */
  forgetShards(shards: readonly number[]): Promise<void>
}

const KIND = 'log-position'
const KEPT_BATCHES = 16

const padded = (value: number, digits: number) => String(value).padStart(digits, '0')

/** The journal's id for the floor of a life. */
export function epochId(shard: number, epoch: string): string {
  return `${padded(shard, 3)}|${epoch}`
}

/**
 * Writes down up to where a batch holds the ingest logs. Call it before the batch's manifest is written: then a
 * manifest that stands has its positions.
 */
export async function notePositions({ shard, n, name, log }: OpenBatch, journal: Journal): Promise<void> {
  if (!log) return
  await journal.claim(KIND, `${padded(shard, 3)}|${padded(n, 15)}|${name}`, log)
  if (n % KEPT_BATCHES === 0) {
    await journal.deleteBefore(KIND, `${padded(shard, 3)}|${padded(n - KEPT_BATCHES, 15)}`, `${padded(shard, 3)}|`)
  }
}

/**
 * Up to where the rollups hold the ingest logs: the positions of a shard's newest manifest that has any. A life of the
 * shard that knew no log took nothing from one, so older positions still hold.
 */
export async function flushedPositions(
  { shard, n: newest }: Pick<Manifest, 'shard' | 'n'>, { rollups, journal }: { rollups: RollupStore; journal: Journal },
): Promise<Record<string, number>> {
  const prefix = `${padded(shard, 3)}|`
  const noted = await journal.list(KIND, { from: prefix, to: `${padded(shard, 3)}~`, limit: 100, descending: true })
  for (const { id, body } of noted) {
    const [, n, name] = id.split('|') as [string, string, string]
    if (Number(n) > newest) continue
    const manifest = await rollups.findManifest(shard, Number(n))
    if (manifest?.name === name) return body as Record<string, number>
  }
  return {}
}
