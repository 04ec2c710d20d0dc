import { entityAnswerSchema, entityParamsSchema, entityQuerySchema } from '@tallyfleet/api-contract'
import { getEntity, getEntityInsight, readRanksSoFar } from '@tallyfleet/features'
import { defineRoute } from '../../http/define-route.ts'
import { comparisonOf } from '../../http/comparison-of.ts'
import { toEnvelope } from '../../http/to-envelope.ts'

export const entity = defineRoute({
  method: 'get',
  path: '/api/v1/entities/{domain}/{entity_type}/{entity_id}',
  id: 'getEntity',
  tag: 'read',
  summary: 'Totals, active days and catalog row of one entity',
  scope: 'read',
  description: 'With `from` also what it did in a range: count, rank, share and series by action.',
  params: entityParamsSchema,
  query: entityQuerySchema,
  answers: { 200: { description: 'The entity', schema: entityAnswerSchema } },
  problems: [404],
}, async ({ params: { domain, entity_type: entityType, entity_id }, query, caller }, needs) => {
  const { entityId, totals, measures, activeDays, row, freshness } =
    await getEntity(caller.tenant, { domain, entityType, entityId: entity_id }, needs)
  const { from } = query
  const insight = from === undefined ? undefined
    : await getEntityInsight(caller.tenant, { domain, entityType, entityId, ...query, from }, needs)
  const data = {
    domain, entity_type: entityType, entity_id: entityId, title: row?.title ?? null, totals, measures,
    firstDay: activeDays?.first ?? null, lastDay: activeDays?.last ?? null,
    catalog: row ? { columns: row.columns, totals: row.totals, opening: row.opening } : null,
    ranks: await readRanksSoFar({ tenant: caller.tenant.id, domain, entityType }, entityId, totals, needs),
    insight: insight
      ? { range: insight.range, compare: comparisonOf(insight.comparison), actions: insight.actions } : null,
  }
  return { body: toEnvelope(data, needs.clock.now(), { freshness }) }
})
