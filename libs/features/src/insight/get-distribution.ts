import { type Filter, type Packs } from '@tallyfleet/domain'
import type { CatalogStore, Clock, Journal, RollupStore, Tenant } from '@tallyfleet/ports'
import { readFreshness, type Freshness } from '../explore/freshness.ts'
import { checkSubject } from '../explore/subject.ts'
import type { SegmentMembers } from '../segment-queries/segment-members.ts'
import { getDimension, readCatalogView, valuesOf } from './catalog-view.ts'
import { readInsightRange } from './cover-range.ts'
import { byBytes, readSums } from './read-sums.ts'
import { binEdges, spreadOf, type Spread } from './spread.ts'

export type DistributionQuery = {
  domain: string
  entityType: string
  action: string
  /** Both absent: everything so far. */
  from?: string | undefined
  to?: string | undefined
  /** `count`, or a dimension of the catalog. */
  by: string
  f: readonly Filter[]
  seg?: SegmentMembers | undefined
  /** Groups of a dimension, the largest sums first. */
  limit: number
}

/** A bin of the histogram (`from`, `to`), or the entities that share a value; null: their row holds none, or is absent. */
export type DistributionBucket = Spread & {
  value: string | null; from: number | null; to: number | null
  /** Of the sum over all entities. */
  share: number
}

export type DistributionView = { by: string; spread: Spread; buckets: DistributionBucket[]; freshness: Freshness }

type Needs = { rollups: RollupStore; catalog: CatalogStore; journal: Journal; packs: Packs; clock: Clock }

/**
 * How the counts of an action are spread over the entities that have one: as a histogram, or by a dimension. An entity
 * stands in the group of each value that it holds, so groups of a list overlap.
 */
export async function getDistribution(tenant: Tenant, query: DistributionQuery, needs: Needs): Promise<DistributionView> {
  const { domain, entityType, action, by, f } = query
  checkSubject(query, needs.packs)
  const of = { tenant: tenant.id, domain, entityType }
  const dimension = by === 'count' ? undefined : getDimension(of, by, '/by', needs.packs)
  const range = readInsightRange(query, tenant.zone, needs.clock.now())
  const freshness = await readFreshness(range, tenant.zone, needs)
  const [sums, view] = await Promise.all([
    readSums(of, action, range, needs), readCatalogView(of, dimension ? [dimension] : [], f, needs, query.seg),
  ])
  const entries = [...sums].filter(([id]) => view.passes(id))
  const spread = spreadOf(entries.map(([, count]) => count))
  const bucket = (counts: number[], part: Pick<DistributionBucket, 'value' | 'from' | 'to'>): DistributionBucket => {
    const own = spreadOf(counts)
    return { ...part, ...own, share: spread.sum === 0 ? 0 : own.sum / spread.sum }
  }
  if (!dimension) {
    const buckets = binsOf(entries.map(([, count]) => count))
      .map(({ from, to, counts }) => bucket(counts, { value: null, from, to }))
    return { by, spread, buckets, freshness }
  }

  const values = new Map(view.rows.map((row) => [row.id, valuesOf(dimension, row)]))
  const groups = new Map<string | null, number[]>()
  for (const [id, count] of entries) {
    const held = values.get(id) ?? []
    for (const value of held.length > 0 ? held : [null]) {
      const group = groups.get(value)
      if (group) group.push(count)
      else groups.set(value, [count])
    }
  }
  const buckets = [...groups].map(([value, counts]) => bucket(counts, { value, from: null, to: null }))
    .sort((a, b) => b.sum - a.sum || byBytes(a.value ?? '', b.value ?? '')).slice(0, query.limit)
  return { by: dimension.name, spread, buckets, freshness }
}

function binsOf(counts: readonly number[]): { from: number; to: number; counts: number[] }[] {
  if (counts.length === 0) return []
  const edges = binEdges(counts.reduce((most, count) => Math.max(most, count), 0))
  const bins = edges.slice(1).map((to, index) => ({ from: edges[index]!, to, counts: [] as number[] }))
  for (const count of counts) bins.find(({ to }) => count < to)!.counts.push(count)
  return bins
}
