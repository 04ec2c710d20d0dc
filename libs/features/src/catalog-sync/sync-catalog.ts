import { ALL_SHARDS, catalogsOf, shardOf, type Packs } from '@tallyfleet/domain'
import type { CatalogOf, CatalogStore, EntityTotals, RollupStore } from '@tallyfleet/ports'

const PAGE = 500
/** Totals of several shards go together: a transaction of one shard's few rows is mostly its commit. */
const WRITTEN_AT_ONCE = 32_000

export type SyncCatalogNeeds = { rollups: RollupStore; catalog: CatalogStore; packs: Packs }

export type SyncCatalogResult = {
  written: number
  stale: number
  orphans: number
  shards: number
  /** Rows that were met for the first time. */
  bound: number
}

/**
 * Writes the totals that changed since each shard's mark into the catalog, then moves the mark. The mark stands in the
 * catalog itself, so an empty or restored catalog catches up by itself. Totals are absolute and versioned: running it
 * twice, or twice at once, changes nothing. Rows that came into a table behind the engine's back are projected too.
 */
export async function syncCatalog(
  { rollups, catalog, packs }: SyncCatalogNeeds, { signal }: { signal?: AbortSignal } = {},
): Promise<SyncCatalogResult> {
  const result: SyncCatalogResult = { written: 0, stale: 0, orphans: 0, shards: 0, bound: 0 }
  const mapped = mappedTypes(packs)
  const done = await doneByShard(rollups)
  const marks = await catalog.listMarks()
  // Every total below a mark is written before the mark moves.
  const put = async (totals: readonly EntityTotals[], upTo: ReadonlyMap<number, number>) => {
    signal?.throwIfAborted()
    const { written, stale, orphans } = await catalog.putTotals(totals)
    result.written += written
    result.stale += stale
    result.orphans += orphans.length
    if (upTo.size > 0) await catalog.putMarks(upTo)
  }
  let pending: EntityTotals[] = []
  let reached = new Map<number, number>()
  // The catalog takes totals while the next are read from the rollups.
  let writing = Promise.resolve()
  const write = async () => {
    await writing
    writing = put(pending, reached)
    writing.catch(() => {}) // the next to wait for it is told
    pending = []
    reached = new Map()
  }
  try {
    for (const shard of ALL_SHARDS) {
      const upTo = done.get(shard) ?? 0
      const from = marks.get(shard) ?? 0
      if (upTo <= from) continue
      let cursor: string | undefined
      do {
        if (pending.length >= WRITTEN_AT_ONCE) await write()
        const page = await rollups.listChangedTotals(shard, from, upTo, PAGE, cursor)
        pending.push(...page.totals.filter(({ domain, entityType }) => mapped.has(`${domain} ${entityType}`)))
        cursor = page.cursor
      } while (cursor !== undefined)
      reached.set(shard, upTo)
      result.shards++
    }
    await write()
    await writing
  } finally {
    await Promise.allSettled([writing]) // nothing goes on behind the caller's back
  }
  for (const { domain, entityType } of catalogsOf(packs)) {
    for (const tenant of await catalog.listTenants(domain, entityType)) {
      result.bound += await bindRows({ tenant, domain, entityType }, { rollups, catalog }, signal)
    }
  }
  return result
}

/** Projects the rows that no total has met, so that the numbers in them become their opening. */
async function bindRows(
  of: CatalogOf, stores: Pick<SyncCatalogNeeds, 'rollups' | 'catalog'>, signal: AbortSignal | undefined,
): Promise<number> {
  let bound = 0
  for (let first: string | undefined; ;) {
    signal?.throwIfAborted()
    const ids = await stores.catalog.listUnbound(of, PAGE)
    // The same row again is one that cannot be bound: asking once more would ask for ever.
    if (ids.length === 0 || ids[0] === first) return bound
    first = ids[0]
    await projectRows(of, ids, (entityId) => shardOf({ ...of, entityId }), stores)
    bound += ids.length
  }
}

/**
 * Projects given rows at once: after a catalog import, or for rows that appeared behind the engine's back. Rows
 * without a count are bound, so that the numbers in them become their opening.
 */
export async function projectRows(
  of: { tenant: string; domain: string; entityType: string }, ids: readonly string[], shardOfId: (id: string) => number,
  { rollups, catalog }: Pick<SyncCatalogNeeds, 'rollups' | 'catalog'>,
): Promise<void> {
  for (let at = 0; at < ids.length; at += PAGE) {
    const page = ids.slice(at, at + PAGE)
    const known = new Map((await rollups.listTotals(of, page)).map((totals) => [totals.entityId, totals]))
    await catalog.putTotals(page.map((entityId): EntityTotals =>
      known.get(entityId) ?? { ...of, entityId, shard: shardOfId(entityId), seq: 0, counts: {} }))
  }
}

/** Up to which batch each shard is applied in full: the batch before an open one. */
export async function doneByShard(rollups: RollupStore): Promise<Map<number, number>> {
  return new Map((await rollups.listLatestManifests()).map(({ shard, n, state }) => [shard, state === 'done' ? n : n - 1]))
}

function mappedTypes(packs: Packs): Set<string> {
  return new Set(catalogsOf(packs).map(({ domain, entityType }) => `${domain} ${entityType}`))
}
