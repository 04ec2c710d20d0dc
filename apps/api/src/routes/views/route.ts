import {
  deletedAnswerSchema, ownedParamsSchema, viewAnswerSchema, viewBodySchema, viewsAnswerSchema, viewsQuerySchema,
} from '@tallyfleet/api-contract'
import { createOwned, deleteOwned, listOwned, replaceOwned, type ViewBody } from '@tallyfleet/features'
import { defineRoute } from '../../http/define-route.ts'
import { toEnvelope } from '../../http/to-envelope.ts'

const body = {
  schema: viewBodySchema, types: ['application/json'],
  example: { name: 'Drama this month', page: '/content', query: 'from=-28d&cmp=prev,wd', visibility: 'shared' },
} as const
const sharing = 'Shared ones need the role analyst, or a key with the scope `admin`.'

export const listViews = defineRoute({
  method: 'get',
  path: '/api/v1/views',
  id: 'listViews',
  tag: 'saved',
  summary: 'Saved views: the caller\'s own and the shared ones',
  description: 'Oldest first, at most 1,000.',
  scope: 'read',
  query: viewsQuerySchema,
  list: true,
  answers: { 200: { description: 'The views', schema: viewsAnswerSchema } },
}, async ({ caller }, needs) =>
  ({ body: toEnvelope(await listOwned<ViewBody>('view', caller, needs), needs.clock.now()) }))

export const postView = defineRoute({
  method: 'post',
  path: '/api/v1/views',
  id: 'createView',
  tag: 'saved',
  summary: 'Save a view: a name for an address of the dashboard',
  description: sharing,
  scope: 'read',
  body,
  answers: { 201: { description: 'The view', schema: viewAnswerSchema } },
}, async ({ body: view, caller }, needs) => ({
  status: 201, body: toEnvelope(await createOwned<ViewBody>('view', view, caller, needs), needs.clock.now()),
}))

export const putView = defineRoute({
  method: 'put',
  path: '/api/v1/views/{id}',
  id: 'replaceView',
  tag: 'saved',
  summary: 'Change a view',
  description: `Its owner may, and an administrator where it is shared. ${sharing}`,
  scope: 'read',
  params: ownedParamsSchema,
  body,
  answers: { 200: { description: 'The view', schema: viewAnswerSchema } },
  problems: [404],
}, async ({ params: { id }, body: view, caller }, needs) =>
  ({ body: toEnvelope(await replaceOwned<ViewBody>('view', id, view, caller, needs), needs.clock.now()) }))

export const deleteView = defineRoute({
  method: 'delete',
  path: '/api/v1/views/{id}',
  id: 'deleteView',
  tag: 'saved',
  summary: 'Delete a view',
  scope: 'read',
  params: ownedParamsSchema,
  answers: { 200: { description: 'What was deleted', schema: deletedAnswerSchema } },
  problems: [404],
}, async ({ params: { id }, caller }, needs) => {
  await deleteOwned('view', id, caller, needs)
  return { body: toEnvelope({ id }, needs.clock.now()) }
})
