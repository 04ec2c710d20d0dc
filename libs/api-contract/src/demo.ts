import { z } from 'zod'
import { envelopeOf } from './envelope.ts'

export const demoAnswerSchema = envelopeOf(z.object({
  state: z.enum(['none', 'loading', 'loaded', 'broken'])
    .meta({ description: 'none: every number here comes from real events; broken: a load ended early, ask again' }),
  loadedAt: z.iso.datetime().nullable().meta({ description: 'Up to when there is demo traffic; null until a load has ended' }),
}))
