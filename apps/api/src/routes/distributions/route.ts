import { distributionsAnswerSchema, distributionsQuerySchema } from '@tallyfleet/api-contract'
import { getDistribution } from '@tallyfleet/features'
import { defineRoute } from '../../http/define-route.ts'
import { segmentOf } from '../../http/segment-of.ts'
import { toEnvelope } from '../../http/to-envelope.ts'

export const distributions = defineRoute({
  method: 'get',
  path: '/api/v1/distributions',
  id: 'getDistribution',
  tag: 'insight',
  summary: 'How counts are spread over entities, as a histogram or by a dimension',
  description: 'Of the entities that have a count in the range. At most 400 days, 100,000 entities and catalog rows.',
  scope: 'read',
  query: distributionsQuerySchema,
  list: 'buckets',
  answers: { 200: { description: 'The distribution', schema: distributionsAnswerSchema } },
  problems: [404],
}, async ({ query: { entity_type: entityType, seg: asked, ...query }, caller }, needs) => {
  const seg = await segmentOf(caller, { domain: query.domain, entityType, seg: asked }, needs)
  const { freshness, ...data } = await getDistribution(caller.tenant, { entityType, ...query, seg }, needs)
  return { body: toEnvelope(data, needs.clock.now(), { freshness }) }
})
