import { issueAnswerSchema, issueParamsSchema, issuesAnswerSchema, issuesQuerySchema, wontFixBodySchema } from '@tallyfleet/api-contract'
import { AppError } from '@tallyfleet/domain'
import { actorOf, listIssues, markWontFix, undoWontFix, type Caller, type IssueRef, type WontFix } from '@tallyfleet/features'
import { defineRoute } from '../../http/define-route.ts'
import { mayShare } from '../../http/may-share.ts'
import { toEnvelope } from '../../http/to-envelope.ts'

const tag = 'catalog'

export const catalogIssues = defineRoute({
  method: 'get', path: '/api/v1/catalog/issues', id: 'listCatalogIssues', tag, scope: 'read',
  summary: 'What is wrong with a catalog, most viewed first',
  description: 'A page may hold fewer than `limit` although there is a next one: follow `nextCursor` to the end.',
  query: issuesQuerySchema, list: true,
  answers: { 200: { description: 'The issues', schema: issuesAnswerSchema } },
}, async ({ caller, query: { entity_type: entityType, ...query } }, needs) => {
  const { issues, nextCursor } = await listIssues(caller.tenant, { entityType, ...query }, needs)
  const data = issues.map(({ id, title, count, detail, wontFix, ...ref }) =>
    ({ ...viewOf(id, ref, wontFix), title, count, detail }))
  return { body: toEnvelope(data, needs.clock.now(), { nextCursor }) }
})

export const postWontFix = defineRoute({
  method: 'post', path: '/api/v1/catalog/issues/{id}/wont-fix', id: 'markWontFix', tag, scope: 'read',
  summary: 'Take an issue off the list, with the reason',
  description: 'Needs an admin key, or a person who is more than a viewer. Audited.',
  params: issueParamsSchema, body: { schema: wontFixBodySchema, types: ['application/json'] },
  answers: { 200: { description: 'The issue', schema: issueAnswerSchema } }, problems: [404],
}, async ({ caller, params: { id }, body: { reason } }, needs) => {
  checkMayDecide(caller)
  const { wontFix, ...ref } = await markWontFix(caller.tenant.id, id, reason, actorOf(caller), needs)
  return { body: toEnvelope(viewOf(id, ref, wontFix), needs.clock.now()) }
})

export const deleteWontFix = defineRoute({
  method: 'delete', path: '/api/v1/catalog/issues/{id}/wont-fix', id: 'undoWontFix', tag, scope: 'read',
  summary: 'Put an issue back on the list',
  description: 'Needs an admin key, or a person who is more than a viewer. Audited.',
  params: issueParamsSchema,
  answers: { 200: { description: 'The issue', schema: issueAnswerSchema } }, problems: [404],
}, async ({ caller, params: { id } }, needs) => {
  checkMayDecide(caller)
  const ref = await undoWontFix(caller.tenant.id, id, actorOf(caller), needs)
  return { body: toEnvelope(viewOf(id, ref, undefined), needs.clock.now()) }
})

function checkMayDecide(caller: Caller): void {
  if (mayShare(caller)) return
  throw new AppError(caller.user ? 'ROLE_MISSING' : 'SCOPE_MISSING', 'deciding what is not fixed needs a role above viewer, or an admin key')
}

function viewOf(id: string, { domain, entityType, kind, entityId }: IssueRef, wontFix: WontFix | undefined) {
  return {
    id, kind, domain, entity_type: entityType, entity_id: entityId,
    state: wontFix ? 'wont-fix' as const : 'open' as const,
    wontFix: wontFix ? { ...wontFix, at: wontFix.at.toISOString() } : null,
  }
}
