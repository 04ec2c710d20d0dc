import {
  dimensionParamsSchema, dimensionsAnswerSchema, dimensionsQuerySchema, dimensionTopAnswerSchema,
  dimensionTopQuerySchema,
} from '@tallyfleet/api-contract'
import { listDimensions, listDimensionValues } from '@tallyfleet/features'
import { defineRoute } from '../../http/define-route.ts'
import { segmentOf } from '../../http/segment-of.ts'
import { toEnvelope } from '../../http/to-envelope.ts'

export const dimensions = defineRoute({
  method: 'get',
  path: '/api/v1/dimensions',
  id: 'listDimensions',
  tag: 'insight',
  summary: 'What the entities of a type can be grouped and filtered by',
  scope: 'read',
  query: dimensionsQuerySchema,
  list: true,
  answers: { 200: { description: 'The dimensions; none without a catalog', schema: dimensionsAnswerSchema } },
}, async ({ query: { domain, entity_type: entityType } }, { packs, clock }) => {
  const data = listDimensions({ domain, entityType }, packs).map(({ name, title, column }) => ({ name, title, column }))
  return { body: toEnvelope(data, clock.now()) }
})

export const dimensionTop = defineRoute({
  method: 'get',
  path: '/api/v1/dimensions/{dimension}/top',
  id: 'listDimensionValues',
  tag: 'insight',
  summary: 'Genres, actors, sources, decades, … by the events of their entities',
  description: 'An event counts for each value that its entity holds. Without `from` and `to`: everything so far. At most '
    + '400 days, 100,000 entities and catalog rows.',
  scope: 'read',
  params: dimensionParamsSchema,
  query: dimensionTopQuerySchema,
  list: true,
  answers: { 200: { description: 'The list', schema: dimensionTopAnswerSchema } },
  problems: [404],
}, async ({ params: { dimension }, query: { entity_type: entityType, seg: asked, ...query }, caller }, needs) => {
  const seg = await segmentOf(caller, { domain: query.domain, entityType, seg: asked }, needs)
  const { entries, nextCursor, freshness } =
    await listDimensionValues(caller.tenant, { entityType, dimension, ...query, seg }, needs)
  return { body: toEnvelope(entries, needs.clock.now(), { freshness, nextCursor }) }
})
