import type { CatalogMapping, Packs } from '@tallyfleet/domain'
import type { CatalogStore, RollupStore, SegmentOf, SegmentStore, TopAfter } from '@tallyfleet/ports'

/** Rows that are looked at together. */
const PAGE = 1_000
/** Values of a column that are followed. */
const MAX_LINKS = 20_000

export type OrphanNeeds = { rollups: RollupStore; catalog: CatalogStore; segments: SegmentStore; packs: Packs }

/** One page of what counts, most first, and which of it has no catalog row. */
export async function pageOrphans(
  of: SegmentOf, action: string, limit: number, after: TopAfter | undefined, { rollups, catalog }: OrphanNeeds,
): Promise<{ orphans: TopAfter[]; last: TopAfter | undefined }> {
  const page = await rollups.listTop(of, action, { interval: 'total', bucket: 'all' }, limit, after)
  const rows = new Set((await catalog.listRows(of, page.map(({ entityId }) => entityId))).map(({ id }) => id))
  return { orphans: page.filter(({ entityId }) => !rows.has(entityId)), last: page.length === limit ? page.at(-1) : undefined }
}

/** How many entities have a count of any of the actions and no catalog row. Reads every entity with a count. */
export async function countOrphans(
  of: SegmentOf, actions: readonly string[], needs: OrphanNeeds, signal?: AbortSignal,
): Promise<number> {
  const ids = new Set<string>()
  for (const action of actions) {
    for (let after: TopAfter | undefined; ;) {
      signal?.throwIfAborted()
      const { orphans, last } = await pageOrphans(of, action, PAGE, after, needs)
      for (const { entityId } of orphans) ids.add(entityId)
      if (!(after = last)) break
    }
  }
  return ids.size
}

export type OrphanLink = { column: string; references: string; id: string; rows: number; totals: Record<string, number> }

/**
 * Ids in referring columns that no row has. A column is followed only where the type it refers to has any row: without
 * one its ids are names. Of a column with more than 20,000 values the most frequent are followed.
 */
export async function listOrphanLinks(of: SegmentOf, mapping: CatalogMapping, needs: OrphanNeeds): Promise<OrphanLink[]> {
  const links: OrphanLink[] = []
  for (const [column, { references, dimension }] of Object.entries(mapping.columns)) {
    if (references === undefined || !dimension) continue
    const target = { ...of, entityType: references }
    if ((await needs.catalog.scanRows(target, undefined, 1)).length === 0) continue
    const buckets = await needs.segments.listBuckets(of, column, [], MAX_LINKS)
    for (let from = 0; from < buckets.length; from += PAGE) {
      const part = buckets.slice(from, from + PAGE)
      const rows = new Set((await needs.catalog.listRows(target, part.map(({ value }) => String(value)))).map(({ id }) => id))
      links.push(...part.filter(({ value }) => !rows.has(String(value))).map(({ value, documents, totals }) =>
        ({ column, references, id: String(value), rows: documents, totals })))
    }
  }
  return links
}
