import { z } from 'zod'
import { envelopeOf } from './envelope.ts'
import { dayParameter, range } from './insight-parts.ts'
import { formatParameter } from './parameters.ts'

const visibility = z.enum(['personal', 'shared']).default('personal')
  .meta({ description: 'shared: everyone of the tenant sees it' })
const owned = {
  id: z.string(), owner: z.string().meta({ description: '`user:<id>` or `key:<id>`' }), mine: z.boolean(),
  createdAt: z.iso.datetime(), updatedAt: z.iso.datetime(),
}
const instant = z.iso.datetime({ offset: true }).max(40)
const line = (most: number) => z.string().trim().min(1).max(most).refine((text) => !/\p{Cc}/u.test(text), 'holds a control character')

export const annotationBodySchema = z.strictObject({
  at: instant.meta({ example: '2026-11-21T10:00:00Z' }),
  until: instant.nullable().default(null).meta({ description: 'End of a span; null: a moment' }),
  title: line(200).meta({ example: 'Release 2.0' }),
  kind: z.enum(['note', 'deploy', 'etl', 'experiment', 'incident']).default('note'),
  link: z.url({ protocol: /^https?$/ }).max(500).nullable().default(null),
  visibility,
}).refine(({ at, until }) => until === null || Date.parse(until) >= Date.parse(at), { error: 'ends before it starts', path: ['until'] })
export const annotationSchema = z.object({ ...annotationBodySchema.shape, ...owned }).meta({ id: 'Annotation' })
export const annotationsQuerySchema = z.strictObject({
  from: dayParameter('First day').optional(), to: range.to, format: formatParameter,
})
export const annotationsAnswerSchema = envelopeOf(z.array(annotationSchema))
export const annotationAnswerSchema = envelopeOf(annotationSchema)

export const viewBodySchema = z.strictObject({
  name: line(100).meta({ example: 'Drama this month' }),
  page: z.string().regex(/^\/[A-Za-z0-9/_.-]{0,199}$/, 'is not a path of the dashboard').refine((path) => !path.startsWith('//'), 'is not a path of the dashboard')
    .meta({ description: 'Path of the dashboard', example: '/content' }),
  query: z.string().max(4000).regex(/^[\x21-\x7e]*$/, 'is not a query string')
    .meta({ description: 'What stands after `?`', example: 'from=-28d&cmp=prev,wd&f=genres:is:Drama' }),
  pinned: z.boolean().default(false).meta({ description: 'Shown on the overview' }),
  visibility,
})
export const viewSchema = z.object({ ...viewBodySchema.shape, ...owned }).meta({ id: 'SavedView' })
export const viewsQuerySchema = z.strictObject({ format: formatParameter })
export const viewsAnswerSchema = envelopeOf(z.array(viewSchema))
export const viewAnswerSchema = envelopeOf(viewSchema)

export const ownedParamsSchema = z.strictObject({ id: z.string().regex(/^[0-9a-f-]{36}$/, 'is no id of this list') })
export const deletedAnswerSchema = envelopeOf(z.object({ id: z.string() }))

export type Annotation = z.output<typeof annotationSchema>
export type SavedView = z.output<typeof viewSchema>
