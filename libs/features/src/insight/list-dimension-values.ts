import { dimensionsOf, type Dimension, type Filter, type Packs } from '@tallyfleet/domain'
import type { CatalogStore, Clock, EntityOf, Journal, RollupStore, Tenant } from '@tallyfleet/ports'
import { readFreshness, type Freshness } from '../explore/freshness.ts'
import type { DayRange } from '../explore/range.ts'
import { readTitles } from '../explore/read-titles.ts'
import { checkSubject } from '../explore/subject.ts'
import type { SegmentMembers } from '../segment-queries/segment-members.ts'
import { actionsOfType } from './actions-of-type.ts'
import { getDimension, mappingOf, readCatalogView, valuesOf } from './catalog-view.ts'
import { changeOf, readComparison, type ComparisonQuery } from './comparison.ts'
import { readInsightRange } from './cover-range.ts'
import { pageByScore } from './page-by-score.ts'
import { readSums, type Sums } from './read-sums.ts'

export type DimensionQuery = ComparisonQuery & {
  domain: string
  entityType: string
  /** Such as `genres`, `genre`, `actor`, `source`, `decade`. */
  dimension: string
  /** Orders the list; absent: the type's first action. */
  action?: string | undefined
  from?: string | undefined
  to?: string | undefined
  f: readonly Filter[]
  seg?: SegmentMembers | undefined
  limit: number
  cursor?: string | undefined
}

export type DimensionEntry = {
  value: string
  /** Of the entity that the value names, where the pack has such a type: an actor. */
  title: string | null
  /** Catalog rows with the value. */
  entities: number
  /** Of them with any event in the range. */
  active: number
  counts: Record<string, number>
  previous: Record<string, number> | null
  change: number | null
  share: number
}

type Needs = {
  rollups: RollupStore; catalog: CatalogStore; journal: Journal; packs: Packs; clock: Clock; secret: string
}

/** The dimensions of an entity type; none without a catalog. */
export function listDimensions(of: { domain: string; entityType: string }, packs: Packs): Dimension[] {
  checkSubject(of, packs)
  const mapping = mappingOf({ tenant: '', ...of }, packs)
  return mapping ? dimensionsOf(mapping) : []
}

/**
 * The values of a dimension with the events of the entities that hold them, by every action of the type, most events
 * of the ordering action first. Events of an entity count for each value that it holds.
 */
export async function listDimensionValues(
  tenant: Tenant, query: DimensionQuery, needs: Needs,
): Promise<{ entries: DimensionEntry[]; nextCursor: string | undefined; freshness: Freshness }> {
  const { domain, entityType, f } = query
  checkSubject(query.action === undefined ? { domain, entityType } : { domain, entityType, action: query.action }, needs.packs)
  const of = { tenant: tenant.id, domain, entityType }
  const dimension = getDimension(of, query.dimension, '/dimension', needs.packs)
  const actions = actionsOfType(needs.packs.get(domain)!, entityType)
  const action = query.action ?? actions[0]!
  const now = needs.clock.now()
  const range = readInsightRange(query, tenant.zone, now)
  const before = readComparison(query, range, tenant.zone, now)?.range
  const freshness = await readFreshness(range, tenant.zone, needs)

  const view = await readCatalogView(of, [dimension], f, needs, query.seg)
  const sums = await readAll(of, actions, range, needs)
  const previousSums = before && await readAll(of, actions, before, needs)
  const groups = new Map<string, string[]>()
  for (const row of view.rows) {
    for (const value of valuesOf(dimension, row)) {
      const ids = groups.get(value)
      if (ids) ids.push(row.id)
      else groups.set(value, [row.id])
    }
  }
  let all = 0
  for (const [id, count] of sums.get(action)!) if (view.passes(id)) all += count

  const entries = [...groups].map(([value, ids]): DimensionEntry => {
    const counts = addUp(ids, sums)
    const previous = previousSums ? addUp(ids, previousSums) : null
    return {
      value, title: null, entities: ids.length,
      active: ids.filter((id) => actions.some((one) => sums.get(one)!.has(id))).length,
      counts, previous, change: changeOf(counts[action]!, previous?.[action] ?? null),
      share: all === 0 ? 0 : counts[action]! / all,
    }
  })
  const list = ['dimension', tenant.id, domain, entityType, dimension.name, action, range, before, f, query.seg?.id]
  const { page, nextCursor } =
    pageByScore(entries, ({ counts, value }) => ({ score: counts[action]!, id: value }), query, list, needs.secret)
  const titles = await titlesOfValues(of, dimension, page.map(({ value }) => value), needs)
  return { entries: page.map((entry) => ({ ...entry, title: titles.get(entry.value) ?? null })), nextCursor, freshness }
}

async function readAll(
  of: EntityOf, actions: readonly string[], range: DayRange | undefined, needs: Needs,
): Promise<ReadonlyMap<string, Sums>> {
  return new Map(await Promise.all(actions.map(async (action) => [action, await readSums(of, action, range, needs)] as const)))
}

function addUp(ids: readonly string[], sums: ReadonlyMap<string, Sums>): Record<string, number> {
  return Object.fromEntries([...sums].map(([action, counts]) =>
    [action, ids.reduce((sum, id) => sum + (counts.get(id) ?? 0), 0)]))
}

/** Where a dimension holds ids of another type of the pack (`actors` of `actor`), the titles of those entities. */
function titlesOfValues(
  of: EntityOf, { name }: Dimension, values: readonly string[], needs: Needs,
): Promise<ReadonlyMap<string, string>> {
  const types = needs.packs.get(of.domain)!.entityTypes
  const entityType = [name, name.replace(/s$/, '')].find((type) => Object.hasOwn(types, type) && type !== of.entityType)
  return entityType === undefined ? Promise.resolve(new Map()) : readTitles({ ...of, entityType }, values, needs)
}
