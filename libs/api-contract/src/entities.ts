import { z } from 'zod'
import { envelopeOf } from './envelope.ts'
import { comparison, compared, dayParameter, daysSchema, entityOf, figure, point, range } from './insight-parts.ts'
import { formatParameter, integerParameter, listParameter, subjectParameters } from './parameters.ts'

const { domain, entity_type } = subjectParameters

/** Other parameters were always passed over here, and still are. */
export const entityQuerySchema = z.object({
  from: dayParameter('First day; absent: no `insight`').optional(), to: range.to, ...comparison,
  interval: z.enum(['day', 'week', 'month', 'year']).default('day'),
})

const standing = z.object({
  action: z.string(),
  total: figure,
  rank: z.int().nullable().meta({ description: 'Among the entities of the type; null: no count' }),
  entities: z.int().meta({ description: 'Entities with a count' }),
  share: z.number().meta({ description: 'Of the count over all entities' }),
  points: z.array(point),
})

/** What an entity's page shows for a range, beside its totals. */
export const entityInsightSchema = z.object({ range: daysSchema, compare: compared, actions: z.array(standing) })

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
  ranks: z.array(z.object({
    action: z.string(),
    rank: z.int().meta({ description: 'By everything so far, from 1' }),
    entities: z.int().meta({ description: 'Entities of the type with a count' }),
    share: z.number().meta({ description: 'Of the count over all entities' }),
  })),
  insight: entityInsightSchema.nullable().meta({ description: 'null without `from`' }),
}))

export const relatedQuerySchema = z.strictObject({
  by: listParameter(10, 'Dimensions to share; absent: every list of the pack', 'genre').optional(),
  limit: integerParameter(100, 10), format: formatParameter,
})
export const relatedAnswerSchema = envelopeOf(z.array(z.object({
  ...entityOf,
  shared: z.array(z.object({ dimension: z.string(), value: z.string() })),
  score: z.number().meta({ description: 'Rare values weigh more: the sum of ln(rows / rows with the value)' }),
  totals: z.record(z.string(), z.int()),
})))

export const compareEntitiesQuerySchema = z.strictObject({
  domain, entity_type,
  entity_id: listParameter(5, 'Two to five entities', 'm-1')
    .refine((ids) => new Set(ids).size === ids.length && ids.length >= 2, 'needs two to five different entities'),
  from: dayParameter('First day'), to: range.to,
  interval: z.enum(['day', 'week', 'month', 'year']).default('day'),
  format: formatParameter,
})
export const compareEntitiesAnswerSchema = envelopeOf(z.array(z.object({ ...entityOf, actions: z.array(standing) })))

export type EntityInsight = z.output<typeof entityInsightSchema>
export type RelatedEntity = z.output<typeof relatedAnswerSchema>['data'][number]
export type ComparedEntity = z.output<typeof compareEntitiesAnswerSchema>['data'][number]
