import { entityAnswerSchema, entityParamsSchema } from '@tallyfleet/api-contract'
import { getEntity } from '@tallyfleet/features'
import { defineRoute } from '../../http/define-route.ts'
import { toEnvelope } from '../../http/to-envelope.ts'

export const entity = defineRoute({
  method: 'get',
  path: '/api/v1/entities/{domain}/{entity_type}/{entity_id}',
  id: 'getEntity',
  tag: 'read',
  summary: 'Totals, active days and catalog row of one entity',
  scope: 'read',
  params: entityParamsSchema,
  answers: { 200: { description: 'The entity', schema: entityAnswerSchema } },
  problems: [404],
}, async ({ params: { domain, entity_type: entityType, entity_id }, caller }, needs) => {
  const { entityId, totals, measures, activeDays, row, freshness } =
    await getEntity(caller.tenant, { domain, entityType, entityId: entity_id }, needs)
  const data = {
    domain, entity_type: entityType, entity_id: entityId, title: row?.title ?? null, totals, measures,
    firstDay: activeDays?.first ?? null, lastDay: activeDays?.last ?? null,
    catalog: row ? { columns: row.columns, totals: row.totals, opening: row.opening } : null,
  }
  return { body: toEnvelope(data, needs.clock.now(), { freshness }) }
})
