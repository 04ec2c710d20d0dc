import { dimensionsOf, type Packs } from '@tallyfleet/domain'
import type { CatalogStore, Clock, Journal, RollupStore, Tenant } from '@tallyfleet/ports'
import { readFreshness, type Freshness } from '../explore/freshness.ts'
import { checkSubject, readEntityId } from '../explore/subject.ts'
import { getDimension, mappingOf, readCatalogView, valuesOf } from './catalog-view.ts'
import { byBytes } from './read-sums.ts'

export type RelatedQuery = {
  domain: string
  entityType: string
  entityId: string
  /** Dimensions to share; absent: every list of the catalog. */
  by?: readonly string[] | undefined
  limit: number
}

export type Related = {
  entityId: string
  title: string | null
  shared: { dimension: string; value: string }[]
  score: number
  totals: Record<string, number>
}

type Needs = { rollups: RollupStore; catalog: CatalogStore; journal: Journal; packs: Packs; clock: Clock }

/**
 * Entities whose catalog rows share values with this one's. A shared value weighs ln(rows / rows that hold it), its
 * inverse document frequency (Spärck Jones 1972): an actor in three films says more than a genre of half of them, and a
 * value of all rows says nothing. Ties by id. None for an entity without a row.
 */
export async function listRelated(
  tenant: Tenant, query: RelatedQuery, needs: Needs,
): Promise<{ related: Related[]; freshness: Freshness }> {
  const { domain, entityType, limit } = query
  checkSubject({ domain, entityType }, needs.packs)
  const entityId = readEntityId(query.entityId)
  const of = { tenant: tenant.id, domain, entityType }
  const freshness = await readFreshness(undefined, tenant.zone, needs)
  const mapping = mappingOf(of, needs.packs)
  const dimensions = query.by
    ? query.by.map((name) => getDimension(of, name, '/by', needs.packs))
    : mapping ? dimensionsOf(mapping).filter(({ column }) => mapping.columns[column]?.type === 'list') : []
  if (dimensions.length === 0) return { related: [], freshness }

  const { rows } = await readCatalogView(of, dimensions, [], needs)
  const own = rows.find(({ id }) => id === entityId)
  if (!own) return { related: [], freshness }
  const found = new Map<string, Related>()
  for (const dimension of dimensions) {
    const wanted = new Set(valuesOf(dimension, own))
    const holders = new Map<string, typeof rows[number][]>([...wanted].map((value) => [value, []]))
    for (const row of rows) for (const value of valuesOf(dimension, row)) holders.get(value)?.push(row)
    for (const [value, sharing] of holders) {
      const weight = Math.log(rows.length / sharing.length)
      for (const { id, title } of sharing) {
        if (id === entityId || weight === 0) continue
        let related = found.get(id)
        if (!related) found.set(id, (related = { entityId: id, title, shared: [], score: 0, totals: {} }))
        related.shared.push({ dimension: dimension.name, value })
        related.score += weight
      }
    }
  }
  const related = [...found.values()].sort((a, b) => b.score - a.score || byBytes(a.entityId, b.entityId)).slice(0, limit)
  const totals = await needs.rollups.listTotals(of, related.map((one) => one.entityId))
  for (const { entityId: id, counts } of totals) {
    const one = related.find((candidate) => candidate.entityId === id)!
    for (const [action, measures] of Object.entries(counts)) one.totals[action] = measures.count ?? 0
  }
  return { related, freshness }
}
