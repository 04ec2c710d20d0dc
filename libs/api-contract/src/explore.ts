import { z } from 'zod'
import { envelopeOf } from './envelope.ts'
import { compareParameter, filterParameter, formatParameter, integerParameter, segmentParameter, subjectParameters } from './parameters.ts'

export { asInteger } from './parameters.ts'

const dayOrInstant = (what: string) => z.string().max(64).meta({
  description: `${what}: a day, or an instant that starts a day in the tenant's zone`, example: '2026-11-21',
})

export const topQuerySchema = z.strictObject({
  ...subjectParameters,
  from: dayOrInstant('First day').optional(),
  to: dayOrInstant('End, exclusive').optional(),
  limit: integerParameter(1000, 100),
  cursor: z.string().min(1).max(2048).optional().meta({ description: '`nextCursor` of the page before' }),
  cmp: compareParameter.optional(),
  cmp_from: dayOrInstant('First day of a custom comparison').optional(),
  cmp_to: dayOrInstant('Its end, exclusive').optional(),
  f: filterParameter, seg: segmentParameter,
  format: formatParameter,
})

export const topAnswerSchema = envelopeOf(z.array(z.object({
  entity_id: z.string(),
  title: z.string().optional().meta({ description: 'From the catalog' }),
  count: z.int(),
  previous: z.int().optional().meta({ description: 'With `cmp`: the count of the compared days' }),
  change: z.number().nullable().optional().meta({ description: 'With `cmp`: (count - previous) / previous; null: nothing before' }),
  rank: z.int().optional().meta({ description: 'With `cmp`: among all entities, whatever the filters' }),
  previousRank: z.int().nullable().optional().meta({ description: 'With `cmp`: in the compared days; null: no count' }),
})))

export const timeSeriesQuerySchema = z.strictObject({
  ...subjectParameters,
  interval: z.enum(['day', 'week', 'month', 'year']),
  from: dayOrInstant('First day'),
  to: dayOrInstant('End, exclusive; absent: with today').optional(),
  entity_id: z.string().min(1).max(1024).optional().meta({ description: 'Absent: the sum over all entities' }),
  f: filterParameter, seg: segmentParameter,
  format: formatParameter,
})

export const timeSeriesAnswerSchema = envelopeOf(z.array(z.object({
  bucket: z.string().meta({ description: 'A day, ISO week, month or year', example: '2026-W47' }),
  count: z.int().meta({ description: 'Events of the bucket that lie in the range' }),
})))
