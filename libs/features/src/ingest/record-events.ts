import { dedupeMemberOf, fieldOf, readEvent, shardOf, type CountableEvent, type Fault, type Packs } from '@tallyfleet/domain'
import type { Clock, HotStore, IngestEvent } from '@tallyfleet/ports'

/** Who sends, and in which zone a day of theirs starts. `eventsPerMinute` 0 = no limit. */
export type EventSource = { tenant: string; zone: string; keyId: string; eventsPerMinute: number }

export type RecordEventsNeeds = { hot: HotStore; packs: Packs; clock: Clock; secret: string }

export type RecordedEvent = { status: 'accepted' | 'duplicate' } | { status: 'rejected'; faults: [Fault, ...Fault[]] }

/**
 * Reads the events of one request and counts those that keep the contract: one round trip to the hot store.
 * Answers in the order of `inputs`. When it rejects, nothing of the request is promised: repeat it with the same ids.
 * Rejects with `LIMIT_REACHED`, `OVERLOADED`, `SHARD_STOPPED`, `STORE_UNAVAILABLE`.
 */
export async function recordEvents(
  inputs: readonly unknown[], source: EventSource, { hot, packs, clock, secret }: RecordEventsNeeds,
): Promise<RecordedEvent[]> {
  const rules = { packs, tenant: source.tenant, zone: source.zone, now: clock.now(), source: 'api' as const }
  const reads = inputs.map((input) => readEvent(input, rules))
  const events = reads.flatMap((read) => ('event' in read ? [ingestEventOf(read.event, secret)] : []))
  const rejected = reads.length - events.length
  const outcomes = await hot.ingest({
    events,
    rejected: rejected > 0 ? { tenant: source.tenant, count: rejected } : undefined,
    limit: { keyId: source.keyId, eventsPerMinute: source.eventsPerMinute },
  })
  let next = 0
  return reads.map((read): RecordedEvent => {
    if ('faults' in read) return { status: 'rejected', faults: read.faults }
    return { status: outcomes[next++] === 'counted' ? 'accepted' : 'duplicate' }
  })
}

/** What the hot store needs to know of an event. */
export function ingestEventOf(event: CountableEvent, secret: string): IngestEvent {
  return {
    shard: shardOf(event),
    tenant: event.tenant,
    member: event.eventId === undefined ? undefined : dedupeMemberOf(secret, event, event.eventId),
    increments: event.amounts.map(({ measure, value }) => ({ field: fieldOf({ ...event, measure }), value })),
  }
}
