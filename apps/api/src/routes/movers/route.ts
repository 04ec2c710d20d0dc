import { moversAnswerSchema, moversQuerySchema } from '@tallyfleet/api-contract'
import { listMovers } from '@tallyfleet/features'
import { defineRoute } from '../../http/define-route.ts'
import { segmentOf } from '../../http/segment-of.ts'
import { toEnvelope } from '../../http/to-envelope.ts'

export const movers = defineRoute({
  method: 'get',
  path: '/api/v1/entities/movers',
  id: 'listMovers',
  tag: 'insight',
  summary: 'Gainers and losers between two ranges',
  description: 'Compared with `prev` unless `cmp` says otherwise. By the size of the score: the difference of the counts, '
    + 'scaled to as many days, in standard errors of a Poisson count. At most 400 days and 100,000 entities each.',
  scope: 'read',
  query: moversQuerySchema,
  list: true,
  answers: { 200: { description: 'The list', schema: moversAnswerSchema } },
  problems: [404],
}, async ({ query: { entity_type: entityType, seg: asked, ...query }, caller }, needs) => {
  const seg = await segmentOf(caller, { domain: query.domain, entityType, seg: asked }, needs)
  const { movers, nextCursor, freshness } = await listMovers(caller.tenant, { entityType, ...query, seg }, needs)
  const data = movers.map(({ entityId, ...mover }) => ({ entity_id: entityId, ...mover }))
  return { body: toEnvelope(data, needs.clock.now(), { freshness, nextCursor }) }
})
