import { z } from 'zod'

/** A value of a dimension. Values match by type: `1`, `'1'` and `true` are three values. Dates are text. */
export type SegmentValue = string | number | boolean

/**
 * Which entities belong to a segment. `in`: any of the values, so that an empty list matches nothing; of a list, one
 * that matches is enough. `gte` and `lt` bound numbers, or text by its UTF-8 bytes, such as ISO dates: a value of the
 * other type never matches. `exists`: whether the dimension has any value. `total`: the number that the catalog shows
 * for an action.
 */
export type SegmentCondition =
  | { all: readonly SegmentCondition[] }
  | { any: readonly SegmentCondition[] }
  | { not: SegmentCondition }
  | { dimension: string; in: readonly SegmentValue[] }
  | { dimension: string; gte?: string | number | undefined; lt?: string | number | undefined }
  | { dimension: string; exists: boolean }
  | { total: string; gte?: number | undefined; lt?: number | undefined }

/** Groups within groups that a segment may hold. */
export const MAX_SEGMENT_DEPTH = 6
/** Conditions that a segment may hold, groups included. */
export const MAX_SEGMENT_CONDITIONS = 60
/** Values in one condition. */
export const MAX_SEGMENT_VALUES = 200

const bound = z.union([z.number(), z.string().min(1).max(64)])
const FORMS = [
  ['all'], ['any'], ['not'], ['dimension', 'in'], ['dimension', 'gte'], ['dimension', 'lt'], ['dimension', 'gte', 'lt'],
  ['dimension', 'exists'], ['total', 'gte'], ['total', 'lt'], ['total', 'gte', 'lt'],
].map((names) => names.sort().join())

/** The form of a condition, as it travels; which dimensions and actions there are is checked against the pack. */
export const segmentConditionSchema: z.ZodType<SegmentCondition> = z.lazy(() => z.strictObject({
  all: z.array(segmentConditionSchema).min(1).max(MAX_SEGMENT_CONDITIONS).optional(),
  any: z.array(segmentConditionSchema).min(1).max(MAX_SEGMENT_CONDITIONS).optional(),
  not: segmentConditionSchema.optional(),
  dimension: z.string().min(1).max(130).optional().meta({ example: 'genres' }),
  in: z.array(z.union([z.string().max(1_000), z.number(), z.boolean()])).min(1).max(MAX_SEGMENT_VALUES).optional()
    .meta({ example: ['Drama'] }),
  gte: bound.optional(),
  lt: bound.optional(),
  exists: z.boolean().optional(),
  total: z.string().min(1).max(32).optional().meta({ example: 'view' }),
}).superRefine((condition, context) => {
  const names = Object.entries(condition).filter(([, value]) => value !== undefined).map(([name]) => name).sort().join()
  if (!FORMS.includes(names)) {
    context.addIssue('needs `all`, `any` or `not`, a dimension with `in`, `exists` or `gte`/`lt`, or a total with `gte`/`lt`')
  }
  if (condition.total !== undefined && [condition.gte, condition.lt].some((edge) => typeof edge === 'string')) {
    context.addIssue('a total is bounded by numbers')
  }
  if (condition.gte !== undefined && condition.lt !== undefined && typeof condition.gte !== typeof condition.lt) {
    context.addIssue('`gte` and `lt` must be of one type')
  }
}) as unknown as z.ZodType<SegmentCondition>).meta({ id: 'SegmentCondition' })
