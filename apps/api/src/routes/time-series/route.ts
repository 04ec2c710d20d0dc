import { timeSeriesAnswerSchema, timeSeriesQuerySchema } from '@tallyfleet/api-contract'
import { listTimeSeries } from '@tallyfleet/features'
import { defineRoute } from '../../http/define-route.ts'
import { segmentOf } from '../../http/segment-of.ts'
import { toEnvelope } from '../../http/to-envelope.ts'

export const timeSeries = defineRoute({
  method: 'get',
  path: '/api/v1/timeseries',
  id: 'listTimeSeries',
  tag: 'read',
  summary: 'Counts by day, ISO week, month or year',
  description: 'Buckets without a count are there with 0; at most 4,000 buckets. A bucket that the range cuts holds '
    + 'the events inside the range only. With `f` or `seg` at most 400 days.',
  scope: 'read',
  query: timeSeriesQuerySchema,
  list: true,
  answers: { 200: { description: 'The series', schema: timeSeriesAnswerSchema } },
  problems: [404],
}, async ({ query: { entity_type: entityType, entity_id: entityId, seg: asked, ...query }, caller }, needs) => {
  const seg = await segmentOf(caller, { domain: query.domain, entityType, seg: asked }, needs)
  const { points, freshness } = await listTimeSeries(caller.tenant, { entityType, entityId, ...query, seg }, needs)
  return { body: toEnvelope(points, needs.clock.now(), { freshness }) }
})
