import { compareEntitiesAnswerSchema, compareEntitiesQuerySchema } from '@tallyfleet/api-contract'
import { compareEntities } from '@tallyfleet/features'
import { defineRoute } from '../../http/define-route.ts'
import { toEnvelope } from '../../http/to-envelope.ts'

export const comparedEntities = defineRoute({
  method: 'get',
  path: '/api/v1/entities/compare',
  id: 'compareEntities',
  tag: 'insight',
  summary: 'Two to five entities side by side',
  description: 'Count, rank, share and series of each, by action. As CSV: a row for each entity and action.',
  scope: 'read',
  query: compareEntitiesQuerySchema,
  list: true,
  answers: { 200: { description: 'The entities, as asked for', schema: compareEntitiesAnswerSchema } },
}, async ({ query: { entity_type: entityType, entity_id: entityIds, ...query }, caller }, needs) => {
  const { entities, freshness } = await compareEntities(caller.tenant, { entityType, entityIds, ...query }, needs)
  const data = entities.map(({ entityId, ...entity }) => ({ entity_id: entityId, ...entity }))
  const rows = data.flatMap(({ entity_id, title, actions }) => actions.map(({ action, total, rank, share }) =>
    ({ entity_id, title, action, count: total.value, rank, share })))
  return { body: toEnvelope(data, needs.clock.now(), { freshness }), rows }
})
