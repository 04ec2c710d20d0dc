import type { LiveBurst, LiveEvent, LiveSlice } from '@tallyfleet/ports'

const MOST_ENTITIES = 1_000
const MOST_SAMPLED = 5
const MOST_DELAYS = 20

const BURST_MS = 100

type Tally = { bursts: Map<number, number>; entities: Map<string, number>; sample: LiveEvent[]; delaysMs: number[] }

/** How an entity is named in slices. The first two parts are names of a pack, which hold no `|`. */
export function liveKeyOf({ domain, entity_type, entity_id }: Pick<LiveEvent, 'domain' | 'entity_type' | 'entity_id'>): string {
  return `${domain}|${entity_type}|${entity_id}`
}

/** Adds up in memory what this process counts: the price of the live view for an event, so it does little. */
export class LiveTally {
  #tallies = new Map<string, Tally>()

  /** An event that was counted just now. */
  note(tenant: string, event: LiveEvent, now: Date): void {
    let tally = this.#tallies.get(tenant)
    if (!tally) this.#tallies.set(tenant, (tally = { bursts: new Map(), entities: new Map(), sample: [], delaysMs: [] }))
    const burst = Math.floor(now.getTime() / BURST_MS)
    tally.bursts.set(burst, (tally.bursts.get(burst) ?? 0) + 1)
    const key = liveKeyOf(event)
    tally.entities.set(key, (tally.entities.get(key) ?? 0) + 1)
    if (tally.sample.length < MOST_SAMPLED) {
      const { domain, entity_type, entity_id, action, occurred_at, event_id } = event
      tally.sample.push({ domain, entity_type, entity_id, action, occurred_at, event_id })
    }
    if (tally.delaysMs.length < MOST_DELAYS) tally.delaysMs.push(Math.max(0, now.getTime() - Date.parse(event.occurred_at)))
  }

  /** What came since the last call, by tenant. */
  take(now: Date): Map<string, LiveSlice> {
    const tallies = this.#tallies
    this.#tallies = new Map()
    return new Map([...tallies].map(([tenant, { bursts, entities, ...tally }]) => {
      const isCut = entities.size > MOST_ENTITIES
      const listed = isCut ? [...entities].sort((a, b) => b[1] - a[1]).slice(0, MOST_ENTITIES) : [...entities]
      const ages = [...bursts].map(([burst, count]): LiveBurst => [now.getTime() - burst * BURST_MS, count])
      return [tenant, { ...tally, bursts: ages, entities: listed, isCut }]
    }))
  }
}
