import { z } from 'zod'
import { envelopeOf } from './envelope.ts'
import {
  change, compared, comparison, cursor, dayParameter, daysSchema, entityOf, figure, point, range, ratio,
} from './insight-parts.ts'
import { filterParameter, formatParameter, integerParameter, listParameter, segmentParameter, subjectParameters } from './parameters.ts'

const { domain, entity_type, action } = subjectParameters

export const overviewQuerySchema = z.strictObject({
  domain,
  entity_type: entity_type.optional().meta({ description: 'Absent: the first type of the pack that has a catalog' }),
  from: dayParameter('First day; absent: 28 days ago').optional(), to: range.to, ...comparison,
  f: filterParameter, seg: segmentParameter,
})

export const overviewAnswerSchema = envelopeOf(z.object({
  domain: z.string(),
  entity_type: z.string(),
  zone: z.string().meta({ example: 'Europe/Prague' }),
  range: daysSchema,
  compare: compared,
  actions: z.array(figure.extend({
    action: z.string().meta({ example: 'view' }),
    title: z.string(),
    active: figure.meta({ description: 'Entities with such an event in the range' }),
    spark: z.array(point).meta({ description: 'By day, zeros included' }),
    previousSpark: z.array(point).meta({ description: 'The compared days; empty without a comparison' }),
  })),
  active: figure.meta({ description: 'Entities with any event in the range' }),
  quality: z.object({
    received: figure, duplicates: figure, rejected: figure,
  }).nullable().meta({ description: 'Of the whole tenant, by the minute of arrival; null for ranges over 92 days' }),
  pending: z.int().meta({ description: 'Counted, not yet in these numbers; of the whole tenant' }),
  lagSeconds: z.number().nullable().meta({ description: 'Since `dataThrough`; null before the first flush' }),
  snapshot: z.object({
    totals: z.record(z.string(), z.int()).meta({ description: 'Everything so far, by action' }),
    entities: z.int().meta({ description: 'Entities with any event so far' }),
    catalogRows: z.int().nullable().meta({ description: 'null: the type has no catalog' }),
  }),
}))

export const moversQuerySchema = z.strictObject({
  ...subjectParameters,
  from: dayParameter('First day'), to: range.to, ...comparison,
  direction: z.enum(['up', 'down', 'both']).default('both'),
  f: filterParameter, seg: segmentParameter,
  limit: integerParameter(1000, 50), cursor, format: formatParameter,
})

export const moversAnswerSchema = envelopeOf(z.array(z.object({
  ...entityOf,
  count: z.int(),
  previous: z.int().meta({ description: 'In the compared days' }),
  difference: z.number().meta({ description: 'count - previous, the latter scaled to as many days' }),
  change,
  score: z.number().meta({ description: 'The difference in standard errors of a count; the list is by its size', example: 4.2 }),
  rank: z.int().nullable().meta({ description: 'By count in the range; null: no count' }),
  previousRank: z.int().nullable(),
})))

export const trendsQuerySchema = z.strictObject({
  domain, entity_type,
  action: listParameter(10, 'One to ten actions', 'view').optional().meta({ description: 'Absent: every action of the type' }),
  entity_id: listParameter(10, 'Up to ten entities; absent: the sum over all', 'm-1').optional(),
  interval: z.enum(['day', 'week', 'month', 'year']).default('day'),
  from: dayParameter('First day'), to: range.to, ...comparison,
  f: filterParameter, seg: segmentParameter, format: formatParameter,
})

export const trendsAnswerSchema = envelopeOf(z.array(z.object({
  action: z.string(),
  entity_id: z.string().nullable().meta({ description: 'null: all entities' }),
  title: z.string().nullable(),
  total: figure,
  points: z.array(z.object({
    bucket: z.string(), count: z.int(),
    previousBucket: z.string().nullable(), previous: z.int().nullable(),
  })).meta({ description: 'The n-th bucket stands beside the n-th of the compared days; zeros included' }),
})))

const spread = z.object({
  entities: z.int().meta({ description: 'How many have a count' }),
  sum: z.int(), min: z.int().nullable(), p50: z.int().nullable(), p90: z.int().nullable(), p99: z.int().nullable(),
  max: z.int().nullable(), mean: ratio,
}).meta({ id: 'Spread', description: 'Percentiles by nearest rank: the least count that p % of the entities do not pass' })

export const distributionsQuerySchema = z.strictObject({
  ...subjectParameters, ...range,
  by: z.string().min(1).max(64).default('count').meta({
    description: '`count`: a histogram; or a dimension of the catalog, such as genre, decade, actor, source', example: 'genre',
  }),
  f: filterParameter, seg: segmentParameter,
  limit: integerParameter(1000, 100), format: formatParameter,
})

export const distributionsAnswerSchema = envelopeOf(z.object({
  by: z.string(),
  spread: spread.meta({ description: 'Over all entities that the filters let through' }),
  buckets: z.array(z.object({
    value: z.string().nullable().meta({ description: 'null: the catalog row holds nothing, or there is no row', example: 'Drama' }),
    from: z.int().nullable().meta({ description: 'Histogram: the least count of the bin' }),
    to: z.int().nullable().meta({ description: 'Histogram: the end of the bin, exclusive' }),
    ...spread.shape,
    share: z.number().meta({ description: 'Of the sum over all entities; lists make shares that add up to more than 1' }),
  })),
}))

export const dimensionsQuerySchema = z.strictObject({ domain, entity_type, format: formatParameter })
export const dimensionsAnswerSchema = envelopeOf(z.array(z.object({
  name: z.string().meta({ example: 'genres' }), title: z.string(), column: z.string(),
})))

export const dimensionParamsSchema = z.strictObject({
  dimension: z.string().min(1).max(64).meta({ description: 'A dimension, or one item of a list: genre, actor', example: 'genre' }),
})
export const dimensionTopQuerySchema = z.strictObject({
  domain, entity_type,
  action: action.optional().meta({ description: 'Orders the list; absent: the first action that the catalog shows' }),
  ...range, ...comparison,
  f: filterParameter, seg: segmentParameter,
  limit: integerParameter(1000, 50), cursor, format: formatParameter,
})
export const dimensionTopAnswerSchema = envelopeOf(z.array(z.object({
  value: z.string().meta({ example: 'Drama' }),
  title: z.string().nullable().meta({ description: 'Of the entity that the value names, such as an actor; else null' }),
  entities: z.int().meta({ description: 'Catalog rows with the value' }),
  active: z.int().meta({ description: 'Of them with any event in the range' }),
  counts: z.record(z.string(), z.int()).meta({ description: 'By action', example: { view: 12, download: 3 } }),
  previous: z.record(z.string(), z.int()).nullable(),
  change: change.meta({ description: 'Of the ordering action' }),
  share: z.number().meta({ description: 'Of the ordering action over all entities' }),
})))

export const suggestionsQuerySchema = z.strictObject({
  domain, entity_type,
  from: dayParameter('First day; absent: 28 days ago').optional(), to: range.to,
  kind: z.enum(['fix', 'promote']).optional(),
  rule: z.string().min(1).max(64).optional().meta({ description: 'Only suggestions of one rule', example: 'promote.rising' }),
  limit: integerParameter(500, 50), cursor, format: formatParameter,
})
export const suggestionsAnswerSchema = envelopeOf(z.array(z.object({
  id: z.string().meta({ example: 'fix.missing.images:m-1' }),
  kind: z.enum(['fix', 'promote']),
  rule: z.object({
    id: z.string().meta({ example: 'promote.rising' }),
    text: z.string().meta({ description: 'The rule in words' }),
    threshold: z.record(z.string(), z.number()).meta({ example: { least: 20, factor: 2 } }),
  }),
  ...entityOf,
  numbers: z.record(z.string(), z.number()).meta({ description: 'What the rule met', example: { count: 80, previous: 20 } }),
  score: z.number().meta({ description: 'Events that it is about: the list is by it' }),
})))

export type Overview = z.output<typeof overviewAnswerSchema>['data']
export type Mover = z.output<typeof moversAnswerSchema>['data'][number]
export type Trend = z.output<typeof trendsAnswerSchema>['data'][number]
export type Distribution = z.output<typeof distributionsAnswerSchema>['data']
export type DimensionValue = z.output<typeof dimensionTopAnswerSchema>['data'][number]
export type Suggestion = z.output<typeof suggestionsAnswerSchema>['data'][number]
