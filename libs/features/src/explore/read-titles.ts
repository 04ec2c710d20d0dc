import type { Packs } from '@tallyfleet/domain'
import type { CatalogStore, EntityOf } from '@tallyfleet/ports'

/** Titles of entities from their catalog rows; those without a row or a title are absent. */
export async function readTitles(
  of: EntityOf, ids: readonly string[], { catalog, packs }: { catalog: CatalogStore; packs: Packs },
): Promise<Map<string, string>> {
  if (ids.length === 0 || !packs.get(of.domain)?.entityTypes[of.entityType]?.catalog) return new Map()
  const rows = await catalog.listRows(of, ids)
  return new Map(rows.flatMap(({ id, title }) => (title === null ? [] : [[id, title] as const])))
}
