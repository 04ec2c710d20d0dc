import { z } from 'zod'
import { envelopeOf } from './envelope.ts'

const entity = {
  domain: z.string(), entity_type: z.string(), entity_id: z.string(), title: z.string().nullable(),
}
const milliseconds = z.int().meta({ description: 'Milliseconds since 1970' })
const state = {
  seq: z.int().meta({ description: 'One more with each change; a gap in a socket\'s deltas means that some were dropped' }),
  now: milliseconds,
  active: z.int().meta({ description: 'Entities with an event in the last five minutes' }),
  activeIsLeast: z.boolean().meta({ description: 'true: there were too many to name all of them' }),
  top: z.array(z.object({ ...entity, count: z.int() })).meta({ description: 'Most events in the last five minutes' }),
  lagMs: z.int().nullable().meta({ description: 'Median time from an event to its count in the last ten seconds, of a sample' }),
}
const recent = z.array(z.object({
  ...entity, action: z.string(), occurred_at: z.string(), event_id: z.string(), at: milliseconds,
})).meta({ description: 'A sample of the events, newest first' })

export const liveSnapshotSchema = z.object({
  ...state, recent,
  counts: z.object({
    until: z.int().meta({ description: 'The last second, since 1970' }),
    perSecond: z.array(z.int()).meta({ description: 'Events of each of the last 1,800 seconds' }),
  }),
}).meta({ id: 'LiveSnapshot' })
export const liveDeltaSchema = z.object({
  ...state, recent,
  seconds: z.array(z.tuple([z.int(), z.int()])).meta({ description: 'Seconds that grew, with all their events' }),
})
export const liveSnapshotAnswerSchema = envelopeOf(liveSnapshotSchema)

export const ticketAnswerSchema = envelopeOf(z.object({
  ticket: z.string().meta({ description: 'Opens one socket, within 30 s' }),
  path: z.string().meta({ example: '/api/v1/live?ticket=…' }),
  expiresAt: z.iso.datetime(),
}))

export type LiveSnapshotData = z.output<typeof liveSnapshotSchema>
export type LiveDeltaData = z.output<typeof liveDeltaSchema>
/** What the server sends over the socket; the client sends `{"t":"snapshot"}` when it missed something. */
export type LiveMessage =
  | ({ t: 'snapshot' } & LiveSnapshotData) | ({ t: 'delta' } & LiveDeltaData) | { t: 'lag'; ms: number | null }
