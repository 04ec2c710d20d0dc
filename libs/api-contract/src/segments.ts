import { segmentConditionSchema } from '@tallyfleet/domain'
import { z } from 'zod'
import { envelopeOf } from './envelope.ts'
import { topQuerySchema } from './explore.ts'
import { formatParameter, integerParameter } from './parameters.ts'

const value = z.union([z.string(), z.number(), z.boolean()])
const { domain, entity_type } = topQuerySchema.shape
const name = z.string().trim().min(1).max(100).meta({ example: 'Dramas of the nineties' })
const visibility = z.enum(['personal', 'shared']).meta({ description: 'personal: for its owner alone' })
const totals = z.record(z.string(), z.number()).meta({ description: 'By action, as the catalog shows them', example: { view: 512 } })
const dimensionName = z.string().min(1).max(130).meta({ example: 'genres' })

export const segmentIdParamsSchema = z.strictObject({ id: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/) })

export const segmentDimensionsQuerySchema = z.strictObject({ domain, entity_type })

/** What a builder offers. */
export const segmentDimensionsAnswerSchema = envelopeOf(z.object({
  dimensions: z.array(z.object({
    dimension: z.string().meta({ description: 'Dotted: of what a column refers to', example: 'actors.age' }),
    title: z.string(),
    type: z.enum(['text', 'number', 'boolean', 'date']),
    list: z.boolean().meta({ description: 'An entity may have several values' }),
    operators: z.array(z.enum(['in', 'range', 'exists'])),
    facet: z.boolean().meta({ description: 'May stand in `facets`' }),
  })),
  totals: z.array(z.object({ action: z.string(), title: z.string() })),
}))

const asked = {
  facets: z.array(dimensionName).max(8).default([]).meta({ description: 'Dimensions to break the segment down by' }),
  facet_limit: z.int().min(1).max(100).default(20),
  action: z.string().min(1).max(32).optional().meta({ description: 'Orders `top`; absent: the first of the catalog', example: 'view' }),
  top: z.int().min(0).max(100).default(10).meta({ description: 'How many entities to name' }),
}

export const previewSegmentBodySchema = z.strictObject({
  domain, entity_type,
  definition: segmentConditionSchema,
  overlap: z.union([segmentConditionSchema, z.strictObject({ segment: segmentIdParamsSchema.shape.id })]).optional()
    .meta({ description: 'Another definition, or a saved segment, to compare with' }),
  ...asked,
})

export const previewSegmentExample = {
  domain: 'jav', entity_type: 'movie',
  definition: { all: [
    { dimension: 'genres', in: ['Drama'] },
    { dimension: 'release_date', gte: '1990-01-01', lt: '2000-01-01' },
    { not: { total: 'view', lt: 10 } },
  ] },
  facets: ['genres', 'decade'],
}

export const segmentSizeSchema = z.object({
  entities: z.int(),
  share: z.number().meta({ description: 'Of all entities of the type, 0 to 1' }),
  totals,
  top: z.array(z.object({ entity_id: z.string(), title: z.string().nullable(), count: z.number(), totals })),
  facets: z.record(z.string(), z.array(z.object({ value, entities: z.int(), totals })))
    .meta({ description: 'By dimension: its values, most entities first' }),
  overlap: z.object({
    entities: z.int().meta({ description: 'In the other one' }),
    both: z.int(),
    either: z.int(),
    jaccard: z.number().meta({ description: 'both / either; 0 when both are empty' }),
  }).optional(),
}).meta({ id: 'SegmentSize' })

export const previewSegmentAnswerSchema = envelopeOf(segmentSizeSchema)

export const segmentBodySchema = z.strictObject({
  name, domain, entity_type,
  description: z.string().max(1_000).default(''),
  visibility: visibility.default('personal'),
  definition: segmentConditionSchema,
})

export const segmentExample = {
  name: 'Dramas of the nineties', domain: 'jav', entity_type: 'movie', visibility: 'shared',
  definition: previewSegmentExample.definition,
}

export const segmentSchema = z.object({
  id: z.string(),
  name: z.string(), domain: z.string(), entity_type: z.string(), description: z.string(), visibility,
  definition: segmentConditionSchema,
  owner: z.string().meta({ example: 'user:018f', description: '`user:<id>` or `key:<id>`' }),
  mine: z.boolean(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
}).meta({ id: 'Segment' })

export const segmentsQuerySchema = z.strictObject({
  domain: domain.optional(), entity_type: entity_type.optional(), visibility: visibility.optional(),
  format: formatParameter,
})
export const segmentsAnswerSchema = envelopeOf(z.array(segmentSchema))
export const segmentAnswerSchema = envelopeOf(segmentSchema)

export const segmentMembersQuerySchema = z.strictObject({
  action: z.string().min(1).max(32).optional().meta({ description: 'Orders the list; absent: the first of the catalog', example: 'view' }),
  limit: topQuerySchema.shape.limit,
  cursor: topQuerySchema.shape.cursor,
  format: formatParameter,
})

export const segmentMembersAnswerSchema = envelopeOf(z.array(z.object({
  entity_id: z.string(), title: z.string().nullable(), count: z.number(), totals,
})))

export const segmentSizeQuerySchema = z.strictObject({
  facets: z.string().max(1_000).optional().meta({ description: 'Dimensions, comma-separated; at most 8', example: 'genres,source' }),
  action: segmentMembersQuerySchema.shape.action,
  top: integerParameter(100, 10, 0),
  overlap: segmentIdParamsSchema.shape.id.optional().meta({ description: 'Another saved segment' }),
})

export type SegmentDimension = z.output<typeof segmentDimensionsAnswerSchema>['data']['dimensions'][number]
export type SegmentSize = z.output<typeof segmentSizeSchema>
export type SavedSegment = z.output<typeof segmentSchema>
