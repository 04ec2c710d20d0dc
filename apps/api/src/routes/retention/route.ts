import { retentionAnswerSchema } from '@tallyfleet/api-contract'
import { DEFAULT_RETENTION_DAYS } from '@tallyfleet/features'
import { defineRoute } from '../../http/define-route.ts'
import { toEnvelope } from '../../http/to-envelope.ts'

/** A repeat is caught for 48 to 60 hours: what can be promised. */
const DEDUPE_DAYS = 2

export const retention = defineRoute({
  method: 'get',
  path: '/api/v1/retention',
  id: 'readRetention',
  tag: 'admin',
  summary: 'How long what is kept',
  scope: 'read',
  answers: { 200: { description: 'Each kind of record', schema: retentionAnswerSchema } },
}, async (_context, { clock }) => ({
  body: toEnvelope([
    { what: 'counts' as const, days: null, source: 'protocol' as const },
    { what: 'dedupe' as const, days: DEDUPE_DAYS, source: 'protocol' as const },
    ...Object.entries(DEFAULT_RETENTION_DAYS).map(([what, days]) => (
      { what: what as keyof typeof DEFAULT_RETENTION_DAYS, days, source: 'default' as const })),
    { what: 'audit' as const, days: null, source: 'default' as const },
  ], clock.now()),
}))
