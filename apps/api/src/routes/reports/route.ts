import { reportsAnswerSchema, reportsQuerySchema } from '@tallyfleet/api-contract'
import { listReports } from '@tallyfleet/features'
import { defineRoute } from '../../http/define-route.ts'
import { toEnvelope } from '../../http/to-envelope.ts'

export const reports = defineRoute({
  method: 'get',
  path: '/api/v1/reports',
  id: 'listReports',
  tag: 'proof',
  summary: 'The latest signed reports, each verified',
  description: 'A report covers the whole installation; what stands in it is not told here. Reports lie in the home of '
    + 'the machine that made them: one that runs elsewhere lists none.',
  scope: 'read',
  query: reportsQuerySchema,
  answers: { 200: { description: 'The latest reports, newest first', schema: reportsAnswerSchema } },
}, async ({ query: { limit } }, { reportsFolder, clock }) => {
  const { fingerprint, reports, faults } = await listReports(reportsFolder, limit)
  return { body: toEnvelope({ fingerprint: fingerprint ?? null, reports, faults }, clock.now()) }
})
