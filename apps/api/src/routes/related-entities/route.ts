import { entityParamsSchema, relatedAnswerSchema, relatedQuerySchema } from '@tallyfleet/api-contract'
import { listRelated } from '@tallyfleet/features'
import { defineRoute } from '../../http/define-route.ts'
import { toEnvelope } from '../../http/to-envelope.ts'

export const relatedEntities = defineRoute({
  method: 'get',
  path: '/api/v1/entities/{domain}/{entity_type}/{entity_id}/related',
  id: 'listRelated',
  tag: 'insight',
  summary: 'Entities that share genres, actors or tags with one',
  description: 'Rare values weigh more. Reads the whole catalog of the type, at most 100,000 rows.',
  scope: 'read',
  params: entityParamsSchema,
  query: relatedQuerySchema,
  list: true,
  answers: { 200: { description: 'The list', schema: relatedAnswerSchema } },
}, async ({ params: { domain, entity_type: entityType, entity_id: entityId }, query, caller }, needs) => {
  const { related, freshness } = await listRelated(caller.tenant, { domain, entityType, entityId, ...query }, needs)
  const data = related.map(({ entityId: id, ...one }) => ({ entity_id: id, ...one }))
  return { body: toEnvelope(data, needs.clock.now(), { freshness }) }
})
