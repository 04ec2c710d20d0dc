import { z } from 'zod'
import { envelopeOf } from './envelope.ts'
import { topQuerySchema } from './explore.ts'
import { formatParameter, integerParameter } from './parameters.ts'

const { domain, entity_type } = topQuerySchema.shape
const share = z.number().meta({ description: '0 to 1; 1 when there is nothing to miss', example: 0.93 })
const missing = z.record(z.string(), z.int()).meta({ description: 'Rows that lack the field, by field', example: { actors: 12, image: 3 } })

export const qualityQuerySchema = z.strictObject({
  domain,
  entity_type: entity_type.optional().meta({ description: 'Absent: the first of the pack that has quality rules' }),
  days: integerParameter(400, 90).meta({ description: 'How far back the trend goes' }),
})

/** Issues that are about two stores, or two rows; missing fields come from the pack, as `missing-<field>`. */
const counts = {
  'orphan-count': z.int().nullable().meta({ description: 'Entities that count without a catalog row' }),
  'orphan-link': z.int().nullable().meta({ description: 'References to a row that does not exist' }),
  duplicate: z.int().nullable().meta({ description: 'Rows that share title and date with another one' }),
}

export const qualityAnswerSchema = envelopeOf(z.object({
  domain: z.string(),
  entity_type: z.string(),
  entity_types: z.array(z.object({ entity_type: z.string(), title: z.string() })).meta({ description: 'Types with quality rules' }),
  rows: z.int(),
  score: share.meta({ description: 'Filled fields of all fields of all rows, 0 to 1' }),
  fields: z.array(z.object({
    field: z.string().meta({ example: 'actors' }), title: z.string(), missing: z.int(), score: share,
  })),
  category: z.string().nullable().meta({ description: 'The dimension of `categories`', example: 'genres' }),
  categories: z.array(z.object({
    value: z.union([z.string(), z.number(), z.boolean()]), rows: z.int(), score: share, missing,
  })).meta({ description: 'The 100 largest, most rows first' }),
  issues: z.object(counts).extend({ wont_fix: z.int() })
    .meta({ description: 'As of `countedAt`; null before the first count of a night' }),
  countedAt: z.iso.datetime().nullable(),
  trend: z.array(z.object({
    day: z.string().meta({ example: '2026-11-21' }), rows: z.int(), score: share, missing, ...counts,
  })).meta({ description: 'One for each day that was counted, oldest first' }),
}))

export const issuesQuerySchema = z.strictObject({
  domain,
  entity_type: qualityQuerySchema.shape.entity_type,
  kind: z.string().regex(/^(missing-[a-z][a-z0-9_]{0,31}|orphan-count|orphan-link|duplicate)$/,
    'needs `missing-<field>`, `orphan-count`, `orphan-link` or `duplicate`')
    .meta({ description: '`missing-<field>` with a field of `/catalog/quality`, or one of the others', example: 'missing-actors' }),
  state: z.enum(['open', 'wont-fix', 'all']).default('open'),
  action: z.string().min(1).max(32).optional().meta({ description: 'Whose total orders the list; absent: the first of the catalog', example: 'view' }),
  limit: topQuerySchema.shape.limit,
  cursor: topQuerySchema.shape.cursor,
  format: formatParameter,
})

export const issueSchema = z.object({
  id: z.string().meta({ description: 'Stays the same while the fault does' }),
  kind: z.string(),
  domain: z.string(),
  entity_type: z.string(),
  entity_id: z.string().meta({ description: 'Of an orphan link: the id that leads nowhere' }),
  title: z.string().nullable(),
  count: z.number().meta({ description: 'Total of the action; of an orphan link: of the rows that refer to it' }),
  state: z.enum(['open', 'wont-fix']),
  wontFix: z.object({ reason: z.string(), by: z.string(), at: z.iso.datetime() }).nullable(),
  detail: z.object({
    column: z.string().optional().meta({ description: 'The column that is empty, or refers to nothing' }),
    rows: z.int().optional().meta({ description: 'Rows that refer to it' }),
    twins: z.array(z.string()).optional().meta({ description: 'Ids of rows with the same title and date' }),
  }),
}).meta({ id: 'CatalogIssue' })

export const issuesAnswerSchema = envelopeOf(z.array(issueSchema))
export const issueAnswerSchema = envelopeOf(issueSchema.pick({ id: true, kind: true, domain: true, entity_type: true, entity_id: true, state: true, wontFix: true }))

export const issueParamsSchema = z.strictObject({ id: z.string().regex(/^[A-Za-z0-9_-]{1,1800}$/) })
export const wontFixBodySchema = z.strictObject({
  reason: z.string().trim().min(1).max(1_000).meta({ example: 'A trailer: it has no actors' }),
})

export type CatalogQuality = z.output<typeof qualityAnswerSchema>['data']
export type CatalogIssue = z.output<typeof issueSchema>
