import { LIVE_COUNTS_MS, LIVE_SLICES_MS, type LiveEvent, type LiveRead, type LiveSlice } from '@tallyfleet/ports'

export const LIVE_SECONDS = LIVE_COUNTS_MS / 1_000
const MOST_ENTITIES = 50_000
const TOP = 10
const RECENT = 50
const LAG_WINDOW_MS = 10_000

export type LiveTop = { domain: string; entity_type: string; entity_id: string; count: number }
export type LiveRecent = LiveEvent & { at: number }

/** What the live view shows of a tenant. Times are milliseconds since 1970, by the exchange's clock. */
export type LiveState = {
  seq: number
  now: number
  /** Entities with an event in the last five minutes; more than so many where `activeIsLeast`. */
  active: number
  activeIsLeast: boolean
  /** Most events in the last five minutes, then by key. */
  top: LiveTop[]
  /** Median time from an event to its count, of a sample of the last ten seconds; null without events. */
  lagMs: number | null
}

export type LiveSnapshot = LiveState & {
  /** Events of each second, the last of them `until` (seconds since 1970): thirty minutes. */
  counts: { until: number; perSecond: number[] }
  /** A sample, newest first. */
  recent: LiveRecent[]
}

export type LiveDelta = LiveState & {
  /** Events of the seconds that grew, whole: [second, events]. */
  seconds: [second: number, count: number][]
  /** New ones of the sample, newest first. */
  recent: LiveRecent[]
}

/** The last minutes of one tenant, moved on by each read. */
export class LiveFeed {
  #seconds = new Map<number, number>()
  #window: { at: number; slice: LiveSlice }[] = []
  #entities = new Map<string, number>()
  #recent: LiveRecent[] = []
  #delays: { at: number; delaysMs: number[] }[] = []
  #state: LiveState = { seq: 0, now: 0, active: 0, activeIsLeast: false, top: [], lagMs: null }

  /** Takes in what was read; undefined when nothing that is shown has changed. */
  advance({ slices, counts, now }: LiveRead): LiveDelta | undefined {
    const grown = new Set<number>()
    for (const { at, count } of counts) this.#count(at, count)
    for (const { at, slice } of slices) {
      for (const [ageMs, count] of slice.bursts) grown.add(this.#count(at - ageMs, count))
      this.#window.push({ at, slice })
      for (const [key, count] of slice.entities) {
        const known = this.#entities.get(key)
        if (known !== undefined || this.#entities.size < MOST_ENTITIES) this.#entities.set(key, (known ?? 0) + count)
      }
      this.#delays.push({ at, delaysMs: slice.delaysMs })
    }
    const gone = this.#forget(now)
    this.#delays = this.#delays.filter(({ at }) => at > now - LAG_WINDOW_MS)
    const fresh = slices.flatMap(({ at, slice }) => slice.sample.map((event) => ({ ...event, at }))).reverse()
    this.#recent = [...fresh, ...this.#recent].slice(0, RECENT)
    const lagMs = medianOf(this.#delays.flatMap(({ delaysMs }) => delaysMs))
    if (slices.length === 0 && gone === 0 && lagMs === this.#state.lagMs && this.#state.seq > 0) {
      this.#state = { ...this.#state, now }
      return undefined
    }
    this.#state = {
      seq: this.#state.seq + 1, now, lagMs, active: this.#entities.size,
      activeIsLeast: this.#entities.size >= MOST_ENTITIES || this.#window.some(({ slice }) => slice.isCut),
      top: topOf(this.#entities),
    }
    return { ...this.#state, seconds: [...grown].map((second) => [second, this.#seconds.get(second)!]), recent: fresh }
  }

  snapshot(): LiveSnapshot {
    const until = Math.floor(this.#state.now / 1_000)
    const perSecond = Array.from({ length: LIVE_SECONDS }, (_, index) => this.#seconds.get(until - LIVE_SECONDS + 1 + index) ?? 0)
    return { ...this.#state, counts: { until, perSecond }, recent: this.#recent }
  }

  #count(at: number, count: number): number {
    const second = Math.floor(at / 1_000)
    this.#seconds.set(second, (this.#seconds.get(second) ?? 0) + count)
    return second
  }

  /** Drops what is too old; answers how many slices went. */
  #forget(now: number): number {
    const from = Math.floor(now / 1_000) - LIVE_SECONDS
    for (const second of this.#seconds.keys()) if (second <= from) this.#seconds.delete(second)
    let gone = 0
    while (this.#window[gone] && this.#window[gone]!.at <= now - LIVE_SLICES_MS) gone++
    for (const { slice } of this.#window.splice(0, gone)) {
      for (const [key, count] of slice.entities) {
        const left = (this.#entities.get(key) ?? 0) - count
        if (left > 0) this.#entities.set(key, left)
        else this.#entities.delete(key)
      }
    }
    return gone
  }
}

function topOf(entities: ReadonlyMap<string, number>): LiveTop[] {
  const best: [string, number][] = []
  for (const entry of entities) {
    if (best.length === TOP && !isBefore(entry, best[TOP - 1]!)) continue
    best.splice(best.findLastIndex((one) => isBefore(one, entry)) + 1, 0, entry)
    best.length = Math.min(best.length, TOP)
  }
  return best.map(([key, count]) => {
    const [domain, entity_type, ...id] = key.split('|') as [string, string, ...string[]]
    return { domain, entity_type, entity_id: id.join('|'), count }
  })
}

function isBefore([keyA, countA]: [string, number], [keyB, countB]: [string, number]): boolean {
  return countA > countB || (countA === countB && keyA < keyB)
}

function medianOf(values: number[]): number | null {
  return values.length === 0 ? null : values.sort((a, b) => a - b)[values.length >> 1]!
}
