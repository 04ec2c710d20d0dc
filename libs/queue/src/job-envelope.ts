import { AppError, faultsOf } from '@tallyfleet/domain'
import type { JobDefinition, TickOf } from '@tallyfleet/ports'
import { z } from 'zod'

/**
 * A job's data in Redis: its payload and the payload's version, the tick it stands for, how many jobs it waits for, and
 * where its trace goes on.
 * Fields that a later release adds are let through.
 */
export const envelopeSchema = z.object({
  payload: z.unknown(),
  version: z.int().min(1).default(1),
  tick: z.object({ schedule: z.string(), nominalAt: z.coerce.date(), backfilled: z.boolean() }).optional(),
  children: z.int().min(1).optional(),
  trace: z.record(z.string(), z.string()).optional(),
})

export type Envelope = z.input<typeof envelopeSchema>

/** Wraps a payload that the definition accepts. The payload is kept as given: its consumer parses it again. */
export function wrapPayload(
  definition: JobDefinition<any>, payload: unknown,
  { tick, children, trace }: { tick?: TickOf | undefined; children?: number; trace?: Record<string, string> | undefined } = {},
): Envelope {
  readPayload(definition, payload)
  return {
    payload, version: definition.version,
    ...(tick && { tick: { ...tick, nominalAt: tick.nominalAt.toISOString() } }), ...(children && { children }),
    ...(trace && { trace }),
  }
}

/**
 * What a job's data holds for its processor. Throws `FIELD_INVALID` for what this release does not understand,
 * `JOB_VERSION_UNKNOWN` for what a later one will.
 */
export function unwrapPayload<Payload>(
  definition: JobDefinition<Payload>, data: unknown,
): { payload: Payload; tick: TickOf | undefined; children: number | undefined } {
  const envelope = envelopeSchema.safeParse(data)
  if (!envelope.success) throw new AppError('FIELD_INVALID', `the data of a ${definition.name} job is not an envelope`)
  const { version, payload, tick, children } = envelope.data
  if (version > definition.version) {
    throw new AppError('JOB_VERSION_UNKNOWN', `${definition.name} is known here up to version ${definition.version}, not ${version}`)
  }
  return { payload: readPayload(definition, payload), tick, children }
}

function readPayload<Payload>(definition: JobDefinition<Payload>, payload: unknown): Payload {
  const parsed = definition.payload.safeParse(payload)
  if (parsed.success) return parsed.data
  const faults = z.prettifyError(parsed.error)
  throw new AppError('FIELD_INVALID', `the payload of ${definition.name} is refused: ${faults}`, {
    details: { errors: parsed.error.issues.flatMap(faultsOf) },
  })
}
