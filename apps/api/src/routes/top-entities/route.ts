import { topAnswerSchema, topQuerySchema } from '@tallyfleet/api-contract'
import { listTopEntities } from '@tallyfleet/features'
import { defineRoute } from '../../http/define-route.ts'
import { toEnvelope } from '../../http/to-envelope.ts'

export const topEntities = defineRoute({
  method: 'get',
  path: '/api/v1/entities/top',
  id: 'listTopEntities',
  tag: 'read',
  summary: 'The entities with the highest counts',
  description: 'By count descending, then by id in UTF-8 byte order. Without `from` and `to`: totals. A range that is '
    + 'exactly one day, ISO week, month or year is read from its index; any other is slower and holds at most 400 days.',
  scope: 'read',
  query: topQuerySchema,
  answers: { 200: { description: 'The list', schema: topAnswerSchema } },
}, async ({ query: { entity_type: entityType, ...query }, caller }, needs) => {
  const { entries, nextCursor, freshness } = await listTopEntities(caller.tenant, { entityType, ...query }, needs)
  const data = entries.map(({ entityId, title, count }) => ({
    entity_id: entityId, ...(title !== undefined && { title }), count,
  }))
  return { body: toEnvelope(data, needs.clock.now(), { freshness, nextCursor }) }
})
