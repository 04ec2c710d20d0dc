import { overviewAnswerSchema, overviewQuerySchema } from '@tallyfleet/api-contract'
import { getOverview } from '@tallyfleet/features'
import { comparisonOf } from '../../http/comparison-of.ts'
import { defineRoute } from '../../http/define-route.ts'
import { segmentOf } from '../../http/segment-of.ts'
import { toEnvelope } from '../../http/to-envelope.ts'

export const overview = defineRoute({
  method: 'get',
  path: '/api/v1/overview',
  id: 'getOverview',
  tag: 'insight',
  summary: 'What happened, against another time, and everything so far',
  description: 'Totals, active entities and a sparkline by action; duplicates and refusals by the ledger; how current it '
    + 'is. A range holds at most 400 days. Filters and a segment narrow what is about entities; arrivals, what is pending '
    + 'and the lag stay those of the whole tenant.',
  scope: 'read',
  query: overviewQuerySchema,
  answers: { 200: { description: 'The overview', schema: overviewAnswerSchema } },
  problems: [404],
}, async ({ query: { entity_type, seg: asked, ...query }, caller }, needs) => {
  const seg = await segmentOf(caller, { domain: query.domain, entityType: entity_type, seg: asked }, needs)
  const entityType = seg?.entityType ?? entity_type
  const { comparison, quality, lagSeconds, snapshot, freshness, ...view } =
    await getOverview(caller.tenant, { entityType, ...query, seg }, needs)
  const data = {
    domain: query.domain, entity_type: view.entityType, zone: caller.tenant.zone, range: view.range,
    compare: comparisonOf(comparison), actions: view.actions, active: view.active, quality: quality ?? null,
    pending: view.pending, lagSeconds: lagSeconds ?? null,
    snapshot: { ...snapshot, catalogRows: snapshot.catalogRows ?? null },
  }
  return { body: toEnvelope(data, needs.clock.now(), { freshness }) }
})
