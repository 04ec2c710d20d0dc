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

const MAX_BYTES = 65_536

/**
 * Wraps a payload that the definition accepts, and that makes less than 64 KiB. The payload is kept as given: its
 * consumer parses it again. Version 1 goes without saying.
 */
export function wrapPayload(
  definition: JobDefinition<any>, payload: unknown,
  { tick, children, trace }: { tick?: TickOf | undefined; children?: number; trace?: Record<string, string> | undefined } = {},
): Envelope {
  readPayload(definition, payload)
  const envelope: Envelope = {
    payload, ...(definition.version > 1 && { version: definition.version }),
    ...(tick && { tick: { ...tick, nominalAt: tick.nominalAt.toISOString() } }), ...(children && { children }),
    ...(trace && { trace }),
  }
  if (Buffer.byteLength(JSON.stringify(envelope)) > MAX_BYTES) {
    throw new AppError('FIELD_INVALID', `the payload of ${definition.name} is larger than ${MAX_BYTES} bytes`)
  }
  return envelope
}

/**
 * What a job's data holds for its processor. Throws `FIELD_INVALID` for what this release does not understand,
 * `JOB_VERSION_UNKNOWN` for what a later one will.
 */
export function unwrapPayload<Payload>(
  definition: JobDefinition<Payload>, data: unknown,
): { payload: Payload; tick: TickOf | undefined; children: number | undefined } {
  if (isPayloadAlone(data)) return { payload: readPayload(definition, data.payload), tick: undefined, children: undefined }
  const envelope = envelopeSchema.safeParse(data)
  if (!envelope.success) throw new AppError('FIELD_INVALID', `the data of a ${definition.name} job is not an envelope`)
  const { version, payload, tick, children } = envelope.data
  if (version > definition.version) {
    throw new AppError('JOB_VERSION_UNKNOWN', `${definition.name} is known here up to version ${definition.version}, not ${version}`)
  }
  return { payload: readPayload(definition, payload), tick, children }
}

/** Whether there is nothing to read but a payload of version 1, as in nearly every job. */
function isPayloadAlone(data: unknown): data is { payload: unknown } {
  for (const key in data as object) if (key !== 'payload') return false
  return typeof data === 'object' && data !== null
}

function readPayload<Payload>(definition: JobDefinition<Payload>, payload: unknown): Payload {
  const parsed = definition.payload.safeParse(payload)
  if (parsed.success) return parsed.data
  const faults = z.prettifyError(parsed.error)
  throw new AppError('FIELD_INVALID', `the payload of ${definition.name} is refused: ${faults}`, {
    details: { errors: parsed.error.issues.flatMap(faultsOf) },
  })
}
