import {
  previewSegmentAnswerSchema, previewSegmentBodySchema, previewSegmentExample, segmentAnswerSchema, segmentBodySchema,
  segmentDimensionsAnswerSchema, segmentDimensionsQuerySchema, segmentExample, segmentIdParamsSchema,
  segmentMembersAnswerSchema, segmentMembersQuerySchema, segmentsAnswerSchema, segmentSizeQuerySchema, segmentsQuerySchema,
} from '@tallyfleet/api-contract'
import {
  actorOf, deleteSegment, getMapping, getSegment, listMembers, listSegmentDimensions, listSegments, measureSegment,
  putSegment, type Caller, type SavedSegment, type SegmentMeasure, type SegmentUser,
} from '@tallyfleet/features'
import { defineRoute } from '../../http/define-route.ts'
import { mayShare } from '../../http/may-share.ts'
import { toEnvelope } from '../../http/to-envelope.ts'

const tag = 'segments'
const params = segmentIdParamsSchema
const UNKNOWN = [404]
/** A group takes two levels of JSON. */
const maxDepth = 24

export const segmentDimensions = defineRoute({
  method: 'get', path: '/api/v1/segments/dimensions', id: 'listSegmentDimensions', tag, scope: 'read',
  summary: 'What segments of an entity type can be built on',
  query: segmentDimensionsQuerySchema,
  answers: { 200: { description: 'Dimensions and totals', schema: segmentDimensionsAnswerSchema } },
}, async ({ query: { domain, entity_type: entityType } }, { packs, clock }) => {
  const of = { domain, entityType }
  const totals = Object.keys(getMapping(of, packs).totals)
    .map((action) => ({ action, title: packs.get(domain)!.actions[action]!.title }))
  return { body: toEnvelope({ dimensions: listSegmentDimensions(of, packs), totals }, clock.now()) }
})

export const previewSegment = defineRoute({
  method: 'post', path: '/api/v1/segments/preview', id: 'previewSegment', tag, scope: 'read',
  summary: 'Size, totals, leaders and parts of a segment that is not saved',
  description: 'Conditions nest at most 6 levels, 60 of them. Totals are those of the catalog rows. An entity counts '
    + 'once in each value of a list, so facets may add up to more than the segment.',
  body: { schema: previewSegmentBodySchema, types: ['application/json'], example: previewSegmentExample },
  answers: { 200: { description: 'The segment', schema: previewSegmentAnswerSchema } },
  problems: UNKNOWN,
}, async ({ caller, body }, needs) => {
  const { definition, overlap, facets, facet_limit: facetLimit, action, top } = body
  const other = overlap && ('segment' in overlap
    ? (await getSegment(userOf(caller), overlap.segment, needs)).definition : overlap)
  const of = { tenant: caller.tenant.id, domain: body.domain, entityType: body.entity_type }
  const measure = await measureSegment(of, { definition, overlap: other, facets, facetLimit, action, top }, needs)
  return { body: toEnvelope(viewOfMeasure(measure), needs.clock.now()) }
}, { maxDepth })

export const segments = defineRoute({
  method: 'get', path: '/api/v1/segments', id: 'listSegments', tag, scope: 'read',
  summary: 'Saved segments: your own and the shared ones',
  query: segmentsQuerySchema, list: true,
  answers: { 200: { description: 'The segments, by name', schema: segmentsAnswerSchema } },
}, async ({ caller, query: { entity_type: entityType, ...query } }, needs) => {
  const found = (await listSegments(userOf(caller), { entityType, ...query }, needs)).map((segment) => viewOf(segment, caller))
  const rows = found.map((segment) => ({ ...segment, definition: JSON.stringify(segment.definition) }))
  return { body: toEnvelope(found, needs.clock.now()), rows }
})

export const postSegment = defineRoute({
  method: 'post', path: '/api/v1/segments', id: 'createSegment', tag, scope: 'read',
  summary: 'Save a segment',
  description: 'Shared ones need an admin key, or a person who is more than a viewer.',
  body: { schema: segmentBodySchema, types: ['application/json'], example: segmentExample },
  answers: { 201: { description: 'The segment', schema: segmentAnswerSchema } },
  problems: [409],
}, async ({ caller, body: { entity_type: entityType, ...body } }, needs) => {
  const now = needs.clock.now()
  const saved = await putSegment(userOf(caller), { ...body, entityType }, undefined, { ...needs, now })
  return { status: 201, body: toEnvelope(viewOf(saved, caller), now) }
}, { maxDepth })

export const segment = defineRoute({
  method: 'get', path: '/api/v1/segments/{id}', id: 'getSegment', tag, scope: 'read',
  summary: 'A saved segment',
  params, answers: { 200: { description: 'The segment', schema: segmentAnswerSchema } }, problems: UNKNOWN,
}, async ({ caller, params: { id } }, needs) =>
  ({ body: toEnvelope(viewOf(await getSegment(userOf(caller), id, needs), caller), needs.clock.now()) }))

export const putSegmentRoute = defineRoute({
  method: 'put', path: '/api/v1/segments/{id}', id: 'replaceSegment', tag, scope: 'read',
  summary: 'Replace a saved segment; its owner stays',
  params, body: { schema: segmentBodySchema, types: ['application/json'], example: segmentExample },
  answers: { 200: { description: 'The segment', schema: segmentAnswerSchema } }, problems: UNKNOWN,
}, async ({ caller, params: { id }, body: { entity_type: entityType, ...body } }, needs) => {
  const now = needs.clock.now()
  const saved = await putSegment(userOf(caller), { ...body, entityType }, id, { ...needs, now })
  return { body: toEnvelope(viewOf(saved, caller), now) }
}, { maxDepth })

export const deleteSegmentRoute = defineRoute({
  method: 'delete', path: '/api/v1/segments/{id}', id: 'deleteSegment', tag, scope: 'read',
  summary: 'Delete a saved segment',
  params, answers: { 200: { description: 'What was deleted', schema: segmentAnswerSchema } }, problems: UNKNOWN,
}, async ({ caller, params: { id } }, needs) =>
  ({ body: toEnvelope(viewOf(await deleteSegment(userOf(caller), id, needs), caller), needs.clock.now()) }))

export const segmentSize = defineRoute({
  method: 'get', path: '/api/v1/segments/{id}/size', id: 'measureSegment', tag, scope: 'read',
  summary: 'Size, totals, leaders and parts of a saved segment',
  params, query: segmentSizeQuerySchema,
  answers: { 200: { description: 'The segment', schema: previewSegmentAnswerSchema } }, problems: UNKNOWN,
}, async ({ caller, params: { id }, query: { facets, action, top, overlap } }, needs) => {
  const { definition, domain, entityType } = await getSegment(userOf(caller), id, needs)
  const other = overlap === undefined ? undefined : (await getSegment(userOf(caller), overlap, needs)).definition
  const measure = await measureSegment({ tenant: caller.tenant.id, domain, entityType }, {
    definition, overlap: other, facets: facets ? facets.split(',').slice(0, 8) : [], facetLimit: 20, action, top,
  }, needs)
  return { body: toEnvelope(viewOfMeasure(measure), needs.clock.now()) }
})

export const segmentMembers = defineRoute({
  method: 'get', path: '/api/v1/segments/{id}/members', id: 'listSegmentMembers', tag, scope: 'read',
  summary: 'The entities of a saved segment, by their total of an action',
  params, query: segmentMembersQuerySchema, list: true,
  answers: { 200: { description: 'The entities', schema: segmentMembersAnswerSchema } }, problems: UNKNOWN,
}, async ({ caller, params: { id }, query: { action, limit, cursor } }, needs) => {
  const { definition, domain, entityType } = await getSegment(userOf(caller), id, needs)
  const of = { tenant: caller.tenant.id, domain, entityType }
  const { members, nextCursor } = await listMembers(of, { definition, action, limit, cursor }, needs)
  return { body: toEnvelope(members.map(entryOf), needs.clock.now(), { nextCursor }) }
})

function userOf(caller: Caller): SegmentUser {
  return { tenant: caller.tenant.id, actor: actorOf(caller), mayShare: mayShare(caller) }
}

function viewOf({ entityType, createdAt, updatedAt, ...segment }: SavedSegment, caller: Caller) {
  return {
    ...segment, entity_type: entityType, mine: segment.owner === actorOf(caller),
    createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString(),
  }
}

function viewOfMeasure({ top, ...measure }: SegmentMeasure) {
  return { ...measure, top: top.map(entryOf) }
}

function entryOf({ entityId, title, count, totals }: SegmentMeasure['top'][number]) {
  return { entity_id: entityId, title, count, totals }
}
