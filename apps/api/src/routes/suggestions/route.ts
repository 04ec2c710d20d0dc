import { suggestionsAnswerSchema, suggestionsQuerySchema } from '@tallyfleet/api-contract'
import { listSuggestions } from '@tallyfleet/features'
import { defineRoute } from '../../http/define-route.ts'
import { toEnvelope } from '../../http/to-envelope.ts'

export const suggestions = defineRoute({
  method: 'get',
  path: '/api/v1/suggestions',
  id: 'listSuggestions',
  tag: 'insight',
  summary: 'What to fix and what to promote, with the rule behind each',
  description: 'Fix: one of the 200 most counted entities lacks a value in its catalog row, or the row. Promote: rising '
    + 'against as many days before, converting better than the rest, or faded.',
  scope: 'read',
  query: suggestionsQuerySchema,
  list: true,
  answers: { 200: { description: 'The list', schema: suggestionsAnswerSchema } },
}, async ({ query: { entity_type: entityType, ...query }, caller }, needs) => {
  const { suggestions, nextCursor, freshness } = await listSuggestions(caller.tenant, { entityType, ...query }, needs)
  const data = suggestions.map(({ entityId, ...suggestion }) => ({ entity_id: entityId, ...suggestion }))
  return { body: toEnvelope(data, needs.clock.now(), { freshness, nextCursor }) }
})
