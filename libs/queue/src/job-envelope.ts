import { AppError, faultsOf } from '@tallyfleet/domain'
import type { JobDefinition, TickOf } from '@tallyfleet/ports'
import { z } from 'zod'

/** A job's data in Redis: its payload, and the tick it stands for. Fields that a later release adds are let through. */
export const envelopeSchema = z.object({
  payload: z.unknown(),
  tick: z.object({ schedule: z.string(), nominalAt: z.coerce.date(), backfilled: z.boolean() }).optional(),
})

export type Envelope = z.input<typeof envelopeSchema>

/** Wraps a payload that the definition accepts. The payload is kept as given: its consumer parses it again. */
export function wrapPayload(definition: JobDefinition<any>, payload: unknown, tick?: TickOf): Envelope {
  readPayload(definition, payload)
  return { payload, ...(tick && { tick: { ...tick, nominalAt: tick.nominalAt.toISOString() } }) }
}

/** The payload and tick in a job's data. Rejects with `FIELD_INVALID` what this release does not understand. */
export function unwrapPayload<Payload>(
  definition: JobDefinition<Payload>, data: unknown,
): { payload: Payload; tick: TickOf | undefined } {
  const envelope = envelopeSchema.safeParse(data)
  if (!envelope.success) throw new AppError('FIELD_INVALID', `the data of a ${definition.name} job is not an envelope`)
  return { payload: readPayload(definition, envelope.data.payload), tick: envelope.data.tick }
}

function readPayload<Payload>(definition: JobDefinition<Payload>, payload: unknown): Payload {
  const parsed = definition.payload.safeParse(payload)
  if (parsed.success) return parsed.data
  const faults = z.prettifyError(parsed.error)
  throw new AppError('FIELD_INVALID', `the payload of ${definition.name} is refused: ${faults}`, {
    details: { errors: parsed.error.issues.flatMap(faultsOf) },
  })
}
