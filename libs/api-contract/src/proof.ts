import { z } from 'zod'
import { envelopeOf } from './envelope.ts'
import { topQuerySchema } from './explore.ts'
import { asInteger } from './parameters.ts'

export const ledgerQuerySchema = z.strictObject({
  from: z.string().max(64).optional().meta({ description: 'A day or instant, inclusive', example: '2026-11-21' }),
  to: z.string().max(64).optional().meta({ description: 'A day or instant, exclusive' }),
})

export const ledgerAnswerSchema = envelopeOf(z.looseObject({
  received: z.int(), counted: z.int(), duplicates: z.int(), rejected: z.int(), quarantined: z.int(),
  pending: z.int().meta({ description: 'Counted, not yet in the rollups' }),
  balanced: z.boolean(),
  gaps: z.array(z.object({
    shard: z.int(), tenant: z.string(), gap: z.int(),
    firstMinute: z.string().nullable().meta({ description: 'The first minute (UTC) that closed with the gap' }),
  })).meta({ description: 'Events that nobody can account for' }),
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

export const startParityBodySchema = z.strictObject({
  stores: z.array(z.enum(['ledger', 'rollups', 'catalog', 'segments'])).min(1).optional().meta({ description: 'Absent: all' }),
  from: z.iso.date().optional().meta({ description: 'Of the rollups, the buckets that share a day with the range' }),
  to: z.iso.date().optional().meta({ description: 'Exclusive' }),
  repair: z.boolean().optional().meta({ description: 'Put right what differs from its source' }),
  dryRun: z.boolean().optional().meta({ description: 'Say what a repair would do' }),
})

export const startedParityAnswerSchema = envelopeOf(z.object({
  jobId: z.string().meta({ description: 'Of the job that does it; its run appears among the others' }),
}))

export const reportsQuerySchema = z.strictObject({
  limit: z.string().regex(/^[0-9]{1,3}$/).transform(Number).pipe(z.int().min(1).max(100)).default(20)
    .meta({ override: ({ jsonSchema }) => asInteger(jsonSchema, 100, 20), description: 'How many reports' }),
})

const faults = z.array(z.object({
  file: z.string(),
  what: z.string().meta({ description: '`changed`, `truncated`, `missing`, `swapped`, `other-key`, …' }),
  byte: z.int().optional().meta({ description: 'The first byte that differs, from 0' }),
  detail: z.string(),
}))

export const reportsAnswerSchema = envelopeOf(z.object({
  fingerprint: z.string().nullable().meta({ description: 'Of the key that the reports were checked with' }),
  reports: z.array(z.object({
    name: z.string(), sequence: z.int().nullable(), sha256: z.string().nullable(), generatedAt: z.string().nullable(),
    verified: z.boolean(), faults,
  })).meta({ description: 'Newest first' }),
  faults: faults.meta({ description: 'Of the folder: its key, its head, reports that are missing' }),
}))

export const explainQuerySchema = z.strictObject({
  domain: topQuerySchema.shape.domain,
  entity_type: topQuerySchema.shape.entity_type,
  entity_id: z.string().min(1).max(1024),
  action: topQuerySchema.shape.action,
  bucket: z.string().min(1).max(16).optional()
    .meta({ description: 'A day, ISO week, month or year; absent: everything', example: '2026-W47' }),
})

export const explainAnswerSchema = envelopeOf(z.looseObject({
  shown: z.int().meta({ description: 'What the rollups show' }),
  addsUp: z.boolean().meta({ description: 'Whether batches, catalog row and segment document make what is shown' }),
  shard: z.int(),
  contributions: z.array(z.looseObject({
    n: z.int(), value: z.int(), checksum: z.string(), jobId: z.string(),
  })).meta({ description: 'What each batch added, oldest first' }),
  repairs: z.array(z.looseObject({ n: z.int(), value: z.int(), jobId: z.string() }))
    .meta({ description: 'Numbered repairs that brought the number back to the sum of its batches' }),
  unreadable: z.array(z.looseObject({ why: z.string(), fromN: z.int(), toN: z.int() }))
    .meta({ description: 'Batches whose content retention blanked, or that are too old to be read here' }),
  remaining: z.int().meta({ description: 'What the unreadable batches must have added' }),
}))
