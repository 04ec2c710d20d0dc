import { z } from 'zod'
import { envelopeOf } from './envelope.ts'
import { asInteger } from './explore.ts'

export const ledgerQuerySchema = z.strictObject({
  from: z.string().max(64).optional().meta({ description: 'A day or instant, inclusive', example: '2026-11-21' }),
  to: z.string().max(64).optional().meta({ description: 'A day or instant, exclusive' }),
})

export const ledgerAnswerSchema = envelopeOf(z.looseObject({
  received: z.int(), counted: z.int(), duplicates: z.int(), rejected: z.int(), quarantined: z.int(),
  pending: z.int().meta({ description: 'Counted, not yet in the rollups' }),
  balanced: z.boolean(),
}))

export const parityQuerySchema = z.strictObject({
  limit: z.string().regex(/^[0-9]{1,3}$/).transform(Number).pipe(z.int().min(1).max(100)).default(1)
    .meta({ override: ({ jsonSchema }) => asInteger(jsonSchema, 100, 1), description: 'How many runs' }),
})

/** The latest run, and the ones before it, newest first. */
export const parityAnswerSchema = envelopeOf(z.object({
  latest: z.unknown().meta({ description: 'null before the first run' }),
  runs: z.array(z.unknown()),
}))
