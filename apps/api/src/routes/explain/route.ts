import { explainAnswerSchema, explainQuerySchema } from '@tallyfleet/api-contract'
import { explainNumber } from '@tallyfleet/features'
import { defineRoute } from '../../http/define-route.ts'
import { toEnvelope } from '../../http/to-envelope.ts'

/** A request reads this many batches at most; the command reads all. */
const MAX_BATCHES = 5_000

export const explain = defineRoute({
  method: 'get',
  path: '/api/v1/explain',
  id: 'explainNumber',
  tag: 'proof',
  summary: 'Why a number is what it is',
  description: 'The batches that made it, with their jobs and times, what is still on its way, the catalog row and the '
    + `segment document. Reads the newest ${MAX_BATCHES} batches of the entity's shard.`,
  scope: 'read',
  query: explainQuerySchema,
  answers: { 200: { description: 'What made the number', schema: explainAnswerSchema } },
  problems: [404],
}, async ({ query: { domain, entity_type: entityType, entity_id: entityId, action, bucket }, caller }, needs) => {
  const subject = { tenant: caller.tenant.id, domain, entityType, entityId, action, bucket }
  const { tenant: _, entityType: type, entityId: id, ...found } =
    await explainNumber(subject, needs, { maxBatches: MAX_BATCHES })
  return { body: toEnvelope({ ...found, entity_type: type, entity_id: id }, needs.clock.now()) }
})
