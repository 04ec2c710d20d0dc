import { AppError, MAX_FILTERS, parseFilter, type Filter } from '@tallyfleet/domain'
import { z } from 'zod'

/** Parameters that many reads share. */

const name = (what: string, example: string) => z.string().min(1).max(32).meta({ description: what, example })

/** Whose numbers: a domain, an entity type and an action of its pack. */
export const subjectParameters = {
  domain: name('The domain pack', 'jav'),
  entity_type: name('An entity type of the pack', 'movie'),
  action: name('An action of the pack', 'view'),
}

/** Documents a number that travels as text in a query. */
export function asInteger(jsonSchema: Record<string, unknown>, maximum: number, usual: number, least = 1): void {
  delete jsonSchema.pattern
  Object.assign(jsonSchema, { type: 'integer', minimum: least, maximum, default: usual })
}

export const formatParameter = z.enum(['json', 'csv']).optional()
  .meta({ description: 'Absent: as `Accept` asks, else JSON. CSV holds the same rows; `Link` names the next page' })

/** A whole number in a query. */
export function integerParameter(most: number, usual: number, least = 1) {
  return z.string().regex(/^[0-9]{1,9}$/, `needs a whole number from ${least} to ${most}`)
    .transform(Number).pipe(z.int().min(least).max(most)).default(usual)
    .meta({ override: ({ jsonSchema }) => asInteger(jsonSchema, most, usual, least) })
}

/** One value or several of the same name, as a list. */
export function listParameter(most: number, description: string, example: string) {
  const one = z.string().min(1).max(2_000)
  return z.union([one, z.array(one).max(most)]).transform((value) => (Array.isArray(value) ? value : [value]))
    .meta({
      description, example: [example],
      override: ({ jsonSchema }) => {
        for (const key of Object.keys(jsonSchema)) if (key === 'anyOf') delete jsonSchema[key]
        Object.assign(jsonSchema, { type: 'array', maxItems: most, items: { type: 'string' } })
      },
    })
}

/** Repeated `f=field:op:value[,value]`; see `parseFilter` of the domain for the grammar. All must hold. */
export const filterParameter = listParameter(
  MAX_FILTERS,
  'Conditions on the catalog row, all of which must hold: `field:op:value[,value]` with `is`, `not` or `contains`; the '
  + 'values are alternatives; an empty value means that the row holds nothing; a backslash escapes a comma',
  'genres:is:Drama,Comedy',
).transform((texts, context): Filter[] => texts.flatMap((text) => {
  try {
    return [parseFilter(text)]
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    context.addIssue({ code: 'custom', message: error.message })
    return []
  }
})).default([])

/** Limits a read to a saved segment. */
export const segmentParameter = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'is no id of a segment').optional().meta({
  description: 'Id of a saved segment of the entity type: its members alone, as of now; at most 100,000',
  example: '019ab000-0000-7000-8000-000000000000',
})

const KINDS = ['prev', 'year', 'custom'] as const

/** `cmp=prev|year|custom[,wd]`. */
export const compareParameter = z.string().regex(/^(prev|year|custom)(,wd)?$/, 'is prev, year or custom, and may end with ,wd')
  .transform((text) => {
    const [kind, weekday] = text.split(',')
    return { kind: kind as (typeof KINDS)[number], matchWeekday: weekday === 'wd' }
  })
  .meta({
    description: 'Compare with `prev` (as many days, just before), `year` (the same dates a year ago) or `custom` '
      + '(`cmp_from`, `cmp_to`). `,wd` moves the compared days so that weekdays match: back by whole weeks',
    example: 'prev,wd',
  })
