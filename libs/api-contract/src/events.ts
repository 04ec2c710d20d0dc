import { eventSchema, MAX_EVENTS } from '@tallyfleet/domain'
import { z } from 'zod'

const batchSchema = z.array(eventSchema).min(1).max(MAX_EVENTS)

/** What `POST /api/v1/events` takes: one event, an array of them, or an object with the array. For documents. */
export const eventsBodySchema = z.union([eventSchema, batchSchema, z.strictObject({ events: batchSchema })])

export const recordedSchema = z.object({ status: z.enum(['accepted', 'duplicate']) }).meta({ id: 'Recorded' })

export const recordedBatchSchema = z.object({
  accepted: z.int(),
  duplicates: z.int(),
  rejected: z.array(z.object({
    index: z.int().meta({ description: 'Place in the batch, from 0' }),
    event_id: z.string().optional(),
    code: z.string(),
    detail: z.string(),
    pointer: z.string().meta({ description: 'RFC 6901, from the event' }),
  })),
}).meta({ id: 'RecordedBatch' })

/** The answer to one event. */
export type Recorded = z.output<typeof recordedSchema>
/** The answer to a batch, also to a batch of one. */
export type RecordedBatch = z.output<typeof recordedBatchSchema>
