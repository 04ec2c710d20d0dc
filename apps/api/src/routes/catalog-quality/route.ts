import { qualityAnswerSchema, qualityQuerySchema } from '@tallyfleet/api-contract'
import { readQuality, type QualitySnapshot } from '@tallyfleet/features'
import { defineRoute } from '../../http/define-route.ts'
import { toEnvelope } from '../../http/to-envelope.ts'

export const catalogQuality = defineRoute({
  method: 'get', path: '/api/v1/catalog/quality', id: 'readCatalogQuality', tag: 'catalog', scope: 'read',
  summary: 'How complete a catalog is, by field and by category, and how that went',
  description: 'Fields and categories are those that the pack names. Scores are shares of filled fields. Orphans and '
    + 'duplicates are counted each hour.',
  query: qualityQuerySchema,
  answers: { 200: { description: 'Scores, counts and trend', schema: qualityAnswerSchema } },
}, async ({ caller, query: { domain, entity_type: entityType, days } }, needs) => {
  const quality = await readQuality(caller.tenant, { domain, entityType, days }, needs)
  const { rows, score, fields, category, categories, counted, wontFix, trend, entityTypes } = quality
  const data = {
    domain, entity_type: quality.entityType,
    entity_types: entityTypes.map(({ entityType: type, title }) => ({ entity_type: type, title })),
    rows, score, fields, category: category ?? null, categories,
    issues: { ...countsOf(counted), wont_fix: wontFix }, countedAt: counted?.at ?? null,
    trend: trend.map((one) => ({ day: one.day, rows: one.rows, score: one.score, missing: one.missing, ...countsOf(one) })),
  }
  return { body: toEnvelope(data, needs.clock.now()) }
})

function countsOf(snapshot: QualitySnapshot | undefined) {
  return {
    'orphan-count': snapshot?.orphanCounts ?? null, 'orphan-link': snapshot?.orphanLinks ?? null,
    duplicate: snapshot?.duplicates ?? null,
  }
}
