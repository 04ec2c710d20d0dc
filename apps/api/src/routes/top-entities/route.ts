import { topAnswerSchema, topQuerySchema } from '@tallyfleet/api-contract'
import { listTopEntities } from '@tallyfleet/features'
import { defineRoute } from '../../http/define-route.ts'
import { segmentOf } from '../../http/segment-of.ts'
import { toEnvelope } from '../../http/to-envelope.ts'

export const topEntities = defineRoute({
  method: 'get',
  path: '/api/v1/entities/top',
  id: 'listTopEntities',
  tag: 'read',
  summary: 'The entities with the highest counts',
  description: 'By count descending, then by id in UTF-8 byte order. Without `from` and `to`: totals. A range that is '
    + 'exactly one day, ISO week, month or year is read from its index; any other is slower and holds at most 400 days. '
    + 'With `f` or `cmp` the counts of all entities are read: at most 100,000 of them.',
  scope: 'read',
  query: topQuerySchema,
  list: true,
  answers: { 200: { description: 'The list', schema: topAnswerSchema } },
  problems: [404],
}, async ({ query: { entity_type: entityType, seg: asked, ...query }, caller }, needs) => {
  const seg = await segmentOf(caller, { domain: query.domain, entityType, seg: asked }, needs)
  const { entries, nextCursor, freshness } = await listTopEntities(caller.tenant, { entityType, ...query, seg }, needs)
  const data = entries.map(({ entityId, title, count, compared }) => ({
    entity_id: entityId, ...(title !== undefined && { title }), count, ...compared,
  }))
  return { body: toEnvelope(data, needs.clock.now(), { freshness, nextCursor }) }
})
