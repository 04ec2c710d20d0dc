import type { Packs } from '@tallyfleet/domain'
import type { CatalogStore, Clock, Journal, RollupStore, Tenant } from '@tallyfleet/ports'
import { readFreshness, type Freshness } from '../explore/freshness.ts'
import type { SeriesInterval } from '../explore/list-time-series.ts'
import type { DayRange } from '../explore/range.ts'
import { readTitles } from '../explore/read-titles.ts'
import { checkSubject, readEntityId } from '../explore/subject.ts'
import { actionsOfType } from './actions-of-type.ts'
import { readComparison, type Comparison, type ComparisonQuery } from './comparison.ts'
import { readInsightRange } from './cover-range.ts'
import { readStandings, type Standing } from './entity-standing.ts'

export type EntityInsightQuery = ComparisonQuery & {
  domain: string; entityType: string; entityId: string; from: string; to?: string | undefined; interval: SeriesInterval
}

type Needs = { rollups: RollupStore; catalog: CatalogStore; journal: Journal; packs: Packs; clock: Clock }

/** What an entity did in a range, by every action of its type. */
export async function getEntityInsight(tenant: Tenant, query: EntityInsightQuery, needs: Needs): Promise<{
  range: DayRange; comparison: Comparison | undefined; actions: Standing[]; freshness: Freshness
}> {
  const { domain, entityType, interval } = query
  checkSubject({ domain, entityType }, needs.packs)
  const entityId = readEntityId(query.entityId)
  const now = needs.clock.now()
  const range = readInsightRange(query, tenant.zone, now)!
  const comparison = readComparison(query, range, tenant.zone, now)
  const of = { tenant: tenant.id, domain, entityType }
  const freshness = await readFreshness(range, tenant.zone, needs)
  const actions = await Promise.all(actionsOfType(needs.packs.get(domain)!, entityType).map(async (action) =>
    (await readStandings(of, [entityId], action, interval, range, comparison?.range, needs))[0]!))
  return { range, comparison, actions, freshness }
}

/** Entities side by side: the standings of each, by every action of their type. */
export async function compareEntities(
  tenant: Tenant, query: Omit<EntityInsightQuery, 'entityId'> & { entityIds: readonly string[] }, needs: Needs,
): Promise<{ entities: { entityId: string; title: string | null; actions: Standing[] }[]; freshness: Freshness }> {
  const { domain, entityType, interval } = query
  checkSubject({ domain, entityType }, needs.packs)
  const ids = query.entityIds.map(readEntityId)
  const range = readInsightRange(query, tenant.zone, needs.clock.now())!
  const of = { tenant: tenant.id, domain, entityType }
  const freshness = await readFreshness(range, tenant.zone, needs)
  const titles = await readTitles(of, ids, needs)
  const byAction = await Promise.all(actionsOfType(needs.packs.get(domain)!, entityType).map((action) =>
    readStandings(of, ids, action, interval, range, undefined, needs)))
  return {
    entities: ids.map((entityId, index) => ({
      entityId, title: titles.get(entityId) ?? null, actions: byAction.map((standings) => standings[index]!),
    })),
    freshness,
  }
}
