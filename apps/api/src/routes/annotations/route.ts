import {
  annotationAnswerSchema, annotationBodySchema, annotationsAnswerSchema, annotationsQuerySchema, deletedAnswerSchema,
  ownedParamsSchema,
} from '@tallyfleet/api-contract'
import {
  createOwned, deleteOwned, listAnnotations, replaceOwned, type AnnotationBody,
} from '@tallyfleet/features'
import { defineRoute } from '../../http/define-route.ts'
import { toEnvelope } from '../../http/to-envelope.ts'

const body = {
  schema: annotationBodySchema, types: ['application/json'],
  example: { at: '2026-11-21T10:00:00Z', title: 'Release 2.0', kind: 'deploy', visibility: 'shared' },
} as const
const sharing = 'Shared ones need the role analyst, or a key with the scope `admin`.'

export const listAllAnnotations = defineRoute({
  method: 'get',
  path: '/api/v1/annotations',
  id: 'listAnnotations',
  tag: 'saved',
  summary: 'Notes on the time axis: the caller\'s own and the shared ones',
  description: 'With `from` and `to`: those that touch the days. Oldest first, at most 1,000.',
  scope: 'read',
  query: annotationsQuerySchema,
  list: true,
  answers: { 200: { description: 'The notes', schema: annotationsAnswerSchema } },
}, async ({ query, caller }, needs) =>
  ({ body: toEnvelope(await listAnnotations(query, caller, needs), needs.clock.now()) }))

export const postAnnotation = defineRoute({
  method: 'post',
  path: '/api/v1/annotations',
  id: 'createAnnotation',
  tag: 'saved',
  summary: 'Make a note',
  description: sharing,
  scope: 'read',
  body,
  answers: { 201: { description: 'The note', schema: annotationAnswerSchema } },
}, async ({ body: note, caller }, needs) => ({
  status: 201,
  body: toEnvelope(await createOwned<AnnotationBody>('annotation', note, caller, needs), needs.clock.now()),
}))

export const putAnnotation = defineRoute({
  method: 'put',
  path: '/api/v1/annotations/{id}',
  id: 'replaceAnnotation',
  tag: 'saved',
  summary: 'Change a note',
  description: `Its owner may, and an administrator where it is shared. ${sharing}`,
  scope: 'read',
  params: ownedParamsSchema,
  body,
  answers: { 200: { description: 'The note', schema: annotationAnswerSchema } },
  problems: [404],
}, async ({ params: { id }, body: note, caller }, needs) =>
  ({ body: toEnvelope(await replaceOwned<AnnotationBody>('annotation', id, note, caller, needs), needs.clock.now()) }))

export const deleteAnnotation = defineRoute({
  method: 'delete',
  path: '/api/v1/annotations/{id}',
  id: 'deleteAnnotation',
  tag: 'saved',
  summary: 'Delete a note',
  scope: 'read',
  params: ownedParamsSchema,
  answers: { 200: { description: 'What was deleted', schema: deletedAnswerSchema } },
  problems: [404],
}, async ({ params: { id }, caller }, needs) => {
  await deleteOwned('annotation', id, caller, needs)
  return { body: toEnvelope({ id }, needs.clock.now()) }
})
