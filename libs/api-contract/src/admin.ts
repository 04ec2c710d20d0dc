import { MOST_RETENTION_DAYS, RETENTION, RETENTION_KINDS, type RetentionKind } from '@tallyfleet/domain'
import { z } from 'zod'
import { envelopeOf } from './envelope.ts'
import { formatParameter } from './parameters.ts'

const scope = z.enum(['ingest', 'read', 'admin'])
const tenantId = z.string().regex(/^[a-z][a-z0-9_-]{0,31}$/, 'lower-case letters, digits, - and _, at most 32')

export const tenantSchema = z.object({ id: z.string(), zone: z.string(), createdAt: z.iso.datetime() }).meta({ id: 'Tenant' })
export const tenantsAnswerSchema = envelopeOf(z.array(tenantSchema))
export const tenantAnswerSchema = envelopeOf(tenantSchema)

export const createTenantBodySchema = z.strictObject({
  id: tenantId.meta({ example: 'shop' }),
  zone: z.string().min(1).max(64).default('UTC').meta({ description: 'IANA time zone', example: 'Europe/Prague' }),
})

export const keySchema = z.object({
  id: z.string(),
  tenant: z.string(),
  name: z.string(),
  hint: z.string().meta({ description: 'First characters of the secret' }),
  scopes: z.array(scope),
  publishable: z.boolean(),
  origins: z.array(z.string()),
  eventsPerMinute: z.int().nullable().meta({ description: 'null: the default of the installation; 0: off' }),
  createdAt: z.iso.datetime(),
  revokedAt: z.iso.datetime().nullable(),
}).meta({ id: 'ApiKey' })

export const keysAnswerSchema = envelopeOf(z.array(keySchema))
export const createdKeyAnswerSchema = envelopeOf(keySchema.extend({
  key: z.string().meta({ description: 'The secret: shown this once' }),
}))
export const revokedKeyAnswerSchema = envelopeOf(keySchema)

export const createKeyBodySchema = z.strictObject({
  tenant: tenantId.optional().meta({ description: 'Absent: the tenant of the key that asks' }),
  name: z.string().min(1).max(128).default('unnamed'),
  scopes: z.array(scope).min(1),
  publishable: z.boolean().default(false).meta({ description: 'For web pages: may only ingest, from its origins' }),
  origins: z.array(z.string().max(256)).max(100).default([]).meta({ example: ['https://example.org'] }),
  eventsPerMinute: z.int().min(0).max(1_000_000_000).optional(),
})

export const rotateKeyBodySchema = z.strictObject({
  overlapHours: z.int().min(0).max(720).default(0).meta({ description: 'How long the old key works beside the new one; 0: it stops at once' }),
})

export const auditQuerySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  before: z.iso.datetime().optional().meta({ description: 'Only what happened earlier' }),
  format: formatParameter,
})
export const auditAnswerSchema = envelopeOf(z.array(z.object({
  at: z.iso.datetime(),
  id: z.string(),
  actor: z.string().meta({ description: '`user:name` or `key:id`' }),
  action: z.string().meta({ description: 'The id of the operation' }),
  target: z.string(),
  detail: z.record(z.string(), z.unknown()),
  outcome: z.enum(['ok', 'failed']),
})))

export const retentionAnswerSchema = envelopeOf(z.array(z.object({
  what: z.enum(['counts', 'dedupe', ...RETENTION_KINDS, 'audit']),
  days: z.number().nullable().meta({ description: 'null: for ever' }),
  source: z.enum(['protocol', 'default', 'setting']).meta({ description: '`protocol`: cannot be changed; `default`: as the product comes; `setting`: as somebody said' }),
  least: z.int().nullable().meta({ description: 'The fewest days that can be set; null: it cannot be changed' }),
})))

const retentionDays = (kind: RetentionKind) => z.int().min(RETENTION[kind].least).max(MOST_RETENTION_DAYS).nullable().optional()
  .meta({ description: `Days; null: the ${RETENTION[kind].days} that the product comes with; absent: as it is` })
export const retentionBodySchema = z.strictObject(
  Object.fromEntries(RETENTION_KINDS.map((kind) => [kind, retentionDays(kind)])) as Record<RetentionKind, ReturnType<typeof retentionDays>>)

export const keyParamsSchema = z.strictObject({ id: z.string().min(1).max(64) })
