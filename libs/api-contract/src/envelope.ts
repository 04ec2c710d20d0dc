import { z } from 'zod'

/** What every answer says about its numbers. */
export const metaSchema = z.object({
  computedAt: z.iso.datetime().meta({ description: 'When this answer was computed' }),
  dataThrough: z.iso.datetime().nullable()
    .meta({ description: 'Events acknowledged before this instant are in the numbers; null before the first flush' }),
  partial: z.boolean().meta({ description: 'true: the range reaches past `dataThrough`, so its numbers may still grow' }),
}).meta({ id: 'Meta' })

export const pageSchema = z.object({
  nextCursor: z.string().optional().meta({ description: 'Pass it as `cursor` for what comes next; absent at the end' }),
}).meta({ id: 'Page' })

export type Meta = z.output<typeof metaSchema>

/** The form of every answer of a read. */
export type Envelope<Data> = { data: Data; page: z.output<typeof pageSchema>; meta: Meta }

/** The schema of an answer whose payload is `data`. */
export function envelopeOf<Data extends z.ZodType>(data: Data) {
  return z.object({ data, page: pageSchema, meta: metaSchema })
}

/** What an answer holds, for readers that import types alone. */
export type AnswerOf<Schema extends z.ZodType> = z.output<Schema>
