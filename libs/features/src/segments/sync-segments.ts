import { ALL_SHARDS, type Packs } from '@tallyfleet/domain'
import type { CatalogRow, CatalogStore, SegmentDocument, SegmentStore } from '@tallyfleet/ports'
import { dimensionsOfRow } from './row-dimensions.ts'

const PAGE = 500

export type SyncSegmentsNeeds = { catalog: CatalogStore; segments: SegmentStore; packs: Packs }

/**
 * Writes the catalog rows that changed since each shard's mark as segment documents, then moves the mark, which stands
 * in the segment store. A document's version is its row's revision: a late write changes nothing.
 */
export async function syncSegments(
  { catalog, segments, packs }: SyncSegmentsNeeds, { signal }: { signal?: AbortSignal } = {},
): Promise<{ written: number; shards: number }> {
  const result = { written: 0, shards: 0 }
  const revisions = await catalog.listRevisions()
  const marks = await segments.listMarks()
  const moved = new Map<number, number>()
  for (const shard of ALL_SHARDS) {
    const upTo = revisions.get(shard) ?? 0
    let after = marks.get(shard) ?? 0
    if (upTo <= after) continue
    for (;;) {
      signal?.throwIfAborted()
      const rows = await catalog.listChanged(shard, after, upTo, PAGE)
      if (rows.length === 0) break
      result.written += (await segments.putDocuments(rows.map((row) => documentOf(row, packs)))).written
      after = rows.at(-1)!.revision
    }
    moved.set(shard, upTo)
    result.shards++
  }
  if (moved.size > 0) await segments.putMarks(moved)
  return result
}

/** The segment document of a catalog row: its dimensions, and its totals. */
export function documentOf(row: CatalogRow, packs: Packs): SegmentDocument {
  const mapping = packs.get(row.domain)?.entityTypes[row.entityType]?.catalog
  const { tenant, domain, entityType, id: entityId, title, totals, revision: version, shard } = row
  const dimensions = mapping ? dimensionsOfRow(row, mapping) : {}
  return { tenant, domain, entityType, entityId, title, dimensions, totals, version, shard }
}
