import { AppError, COUNT, type Packs } from '@tallyfleet/domain'
import type { CatalogRow, CatalogStore, Clock, Journal, RollupStore, Tenant } from '@tallyfleet/ports'
import { readFreshness, type Freshness } from './freshness.ts'
import { checkSubject, readEntityId } from './subject.ts'

export type EntityView = {
  entityId: string
  /** Events by action. */
  totals: Record<string, number>
  /** Sums of declared measures by action and measure, in the unit of the pack. */
  measures: Record<string, Record<string, number>>
  activeDays: { first: string; last: string } | undefined
  /** Undefined: no catalog table, or no row. */
  row: CatalogRow | undefined
  freshness: Freshness
}

type Needs = { rollups: RollupStore; catalog: CatalogStore; journal: Journal; packs: Packs; clock: Clock }

/** Everything about one entity. Rejects with `ENTITY_UNKNOWN` when neither a count nor a catalog row exists. */
export async function getEntity(
  tenant: Tenant, subject: { domain: string; entityType: string; entityId: string }, needs: Needs,
): Promise<EntityView> {
  const { domain, entityType } = subject
  checkSubject({ domain, entityType }, needs.packs)
  const entityId = readEntityId(subject.entityId)
  const of = { tenant: tenant.id, domain, entityType }
  const freshness = await readFreshness(undefined, tenant.zone, needs)
  const hasCatalog = needs.packs.get(domain)!.entityTypes[entityType]!.catalog !== undefined
  const [[totals], activeDays, rows] = await Promise.all([
    needs.rollups.listTotals(of, [entityId]),
    needs.rollups.findActiveDays(of, entityId),
    hasCatalog ? needs.catalog.listRows(of, [entityId]) : [],
  ])
  const row = rows[0]
  if (!totals && !row) throw new AppError('ENTITY_UNKNOWN', `no ${entityType} ${JSON.stringify(entityId)} in ${domain}`)

  const view: EntityView = { entityId, totals: {}, measures: {}, activeDays, row, freshness }
  for (const [action, counts] of Object.entries(totals?.counts ?? {})) {
    for (const [measure, value] of Object.entries(counts)) {
      if (measure === COUNT) view.totals[action] = value
      else (view.measures[action] ??= {})[measure] = value
    }
  }
  return view
}
