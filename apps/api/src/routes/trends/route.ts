import { trendsAnswerSchema, trendsQuerySchema } from '@tallyfleet/api-contract'
import { listTrends } from '@tallyfleet/features'
import { defineRoute } from '../../http/define-route.ts'
import { segmentOf } from '../../http/segment-of.ts'
import { toEnvelope } from '../../http/to-envelope.ts'

export const trends = defineRoute({
  method: 'get',
  path: '/api/v1/trends',
  id: 'listTrends',
  tag: 'insight',
  summary: 'Series of several actions and entities, beside those of another time',
  description: 'Parameters `action` and `entity_id` may be repeated. As CSV: a row for each bucket.',
  scope: 'read',
  query: trendsQuerySchema,
  list: true,
  answers: { 200: { description: 'A series for each action and entity', schema: trendsAnswerSchema } },
  problems: [404],
}, async ({ query: { entity_type: entityType, action, entity_id, seg: asked, ...query }, caller }, needs) => {
  const seg = await segmentOf(caller, { domain: query.domain, entityType, seg: asked }, needs)
  const { trends, freshness } =
    await listTrends(caller.tenant, { entityType, actions: action, entityIds: entity_id, ...query, seg }, needs)
  const data = trends.map(({ entityId, ...trend }) => ({ entity_id: entityId, ...trend }))
  const rows = data.flatMap(({ action: of, entity_id: id, title, points }) =>
    points.map((point) => ({ action: of, entity_id: id, title, ...point })))
  return { body: toEnvelope(data, needs.clock.now(), { freshness }), rows }
})
