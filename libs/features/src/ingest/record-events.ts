import { dedupeMemberOf, fieldOf, readEvent, shardOf, type CountableEvent, type Fault, type Packs } from '@tallyfleet/domain'
import type { Clock, HotStore, IngestEvent } from '@tallyfleet/ports'

/** Who sends, and in which zone a day of theirs starts. `eventsPerMinute` 0 = no limit. */
export type EventSource = { tenant: string; zone: string; keyId: string; eventsPerMinute: number }

export type RecordEventsNeeds = { hot: HotStore; packs: Packs; clock: Clock; secret: string }

export type RecordedEvent = { status: 'accepted' | 'duplicate' } | { status: 'rejected'; faults: [Fault, ...Fault[]] }

const ACCEPTED: RecordedEvent = Object.freeze({ status: 'accepted' })
const DUPLICATE: RecordedEvent = Object.freeze({ status: 'duplicate' })

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
  const events: IngestEvent[] = []
  for (const read of reads) if ('event' in read) events.push(ingestEventOf(read.event, secret))
  const rejected = reads.length - events.length
  const outcomes = await hot.ingest({
    events,
    rejected: rejected > 0 ? { tenant: source.tenant, count: rejected } : undefined,
    limit: { keyId: source.keyId, eventsPerMinute: source.eventsPerMinute },
  })
  let next = 0
  return reads.map((read): RecordedEvent => {
    if ('faults' in read) return { status: 'rejected', faults: read.faults }
    return outcomes[next++] === 'counted' ? ACCEPTED : DUPLICATE
  })
}

/** What the hot store needs to know of an event. */
export function ingestEventOf(event: CountableEvent, secret: string): IngestEvent {
  const { tenant, domain, entityType, entityId, action, bucket, eventId } = event
  return {
    shard: shardOf(event),
    tenant,
    member: eventId === undefined ? undefined : dedupeMemberOf(secret, event, eventId),
    increments: event.amounts.map(({ measure, value }) => (
      { field: fieldOf({ tenant, domain, entityType, entityId, action, measure, bucket }), value })),
  }
}
