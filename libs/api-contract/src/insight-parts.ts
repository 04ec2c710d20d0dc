import { z } from 'zod'
import { compareParameter } from './parameters.ts'

/** Parameters and pieces of answers that several insights share. */

const day = z.string().meta({ example: '2026-11-21' })
export const cursor = z.string().min(1).max(4096).optional().meta({ description: '`nextCursor` of the page before' })
export const ratio = z.number().nullable()
export const change = ratio.meta({ description: '(now - before) / before; null where there was nothing before', example: 0.25 })

export const dayParameter = (what: string) => z.string().max(64).meta({
  description: `${what}: a day, or an instant that starts a day in the tenant's zone`, example: '2026-11-01',
})

/** At most 400 days; without both: everything so far, which has no comparison. */
export const range = {
  from: dayParameter('First day').optional(),
  to: dayParameter('End, exclusive; absent: with today').optional(),
}
export const comparison = {
  cmp: compareParameter.optional(),
  cmp_from: dayParameter('First day of a custom comparison').optional(),
  cmp_to: dayParameter('Its end, exclusive').optional(),
}

export const daysSchema = z.object({ from: day, to: day.meta({ description: 'Exclusive' }) }).meta({ id: 'Days' })
export const compared = z.object({ from: day, to: day, kind: z.enum(['prev', 'year', 'custom']), matchWeekday: z.boolean() })
  .nullable().meta({ description: 'null: nothing was asked to compare with' })
export const point = z.object({ bucket: z.string().meta({ example: '2026-11-21' }), count: z.int() })
export const figure = z.object({ value: z.int(), previous: z.int().nullable(), change }).meta({ id: 'Figure' })
export const entityOf = {
  entity_id: z.string().meta({ example: 'm-1' }),
  title: z.string().nullable().meta({ description: 'From the catalog' }),
}
