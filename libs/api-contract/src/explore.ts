import { z } from 'zod'
import { envelopeOf } from './envelope.ts'
import { integerParameter } from './parameters.ts'

export { asInteger } from './parameters.ts'

const name = (what: string, example: string) => z.string().min(1).max(32).meta({ description: what, example })
const dayOrInstant = (what: string) => z.string().max(64).meta({
  description: `${what}: a day, or an instant that starts a day in the tenant's zone`, example: '2026-11-21',
})

/** Whose numbers: a domain, an entity type and an action of its pack. */
export const subjectParameters = {
  domain: name('The domain pack', 'jav'),
  entity_type: name('An entity type of the pack', 'movie'),
  action: name('An action of the pack', 'view'),
}

export const topQuerySchema = z.strictObject({
  ...subjectParameters,
  from: dayOrInstant('First day').optional(),
  to: dayOrInstant('End, exclusive').optional(),
  limit: integerParameter(1000, 100),
  cursor: z.string().min(1).max(2048).optional().meta({ description: '`nextCursor` of the page before' }),
})

export const topAnswerSchema = envelopeOf(z.array(z.object({
  entity_id: z.string(),
  title: z.string().optional().meta({ description: 'From the catalog' }),
  count: z.int(),
})))

export const timeSeriesQuerySchema = z.strictObject({
  ...subjectParameters,
  interval: z.enum(['day', 'week', 'month', 'year']),
  from: dayOrInstant('First day'),
  to: dayOrInstant('End, exclusive; absent: with today').optional(),
  entity_id: z.string().min(1).max(1024).optional().meta({ description: 'Absent: the sum over all entities' }),
})

export const timeSeriesAnswerSchema = envelopeOf(z.array(z.object({
  bucket: z.string().meta({ description: 'A day, ISO week, month or year', example: '2026-W47' }),
  count: z.int().meta({ description: 'Events of the bucket that lie in the range' }),
})))

export const entityParamsSchema = z.strictObject({
  domain: subjectParameters.domain,
  entity_type: subjectParameters.entity_type,
  entity_id: z.string().min(1).max(1024).meta({ description: 'Percent-encoded, slashes too', example: 'm-1' }),
})

export const entityAnswerSchema = envelopeOf(z.object({
  domain: z.string(),
  entity_type: z.string(),
  entity_id: z.string(),
  title: z.string().nullable(),
  totals: z.record(z.string(), z.int()).meta({ description: 'Events by action' }),
  measures: z.record(z.string(), z.record(z.string(), z.int()))
    .meta({ description: 'Sums of declared measures by action, in the unit of the pack' }),
  firstDay: z.string().nullable(),
  lastDay: z.string().nullable(),
  catalog: z.object({
    columns: z.record(z.string(), z.unknown()),
    totals: z.record(z.string(), z.number()).meta({ description: 'What the row shows, by action' }),
    opening: z.record(z.string(), z.number()).meta({ description: 'What the row showed before it was bound, by action' }),
  }).nullable().meta({ description: 'null: no catalog row' }),
}))
