import type { LiveDeltaData, LiveSnapshotData } from '@tallyfleet/api-contract'

export type LiveTop = LiveSnapshotData['top'][number]
export type LiveEvent = LiveSnapshotData['recent'][number]

/** What is on the screen at one moment. */
export type LiveView = {
  /** Events a second, the mean of the last ten whole seconds, to a tenth. */
  rate: number
  /** Events of each second, the last one `until`. */
  perSecond: readonly number[]
  /** In milliseconds since 1970, by the server's clock. */
  until: number
  total: number
  active: number
  activeIsLeast: boolean
  top: readonly LiveTop[]
  recent: readonly LiveEvent[]
  lagMs: number | null
}

const SECONDS = 1_800
const RATE_SECONDS = 10
const MOST_RECENT = 50
/** The processes tell of a second after it, so the last two are not whole yet. */
const UNSETTLED_SECONDS = 2

/** The last thirty minutes, kept up by snapshots and deltas. Bounded: it forgets what is older. */
export class LiveModel {
  #seconds = new Map<number, number>()
  #aheadMs = 0
  #latest: Pick<LiveView, 'active' | 'activeIsLeast' | 'top' | 'lagMs'> = { active: 0, activeIsLeast: false, top: [], lagMs: null }
  #recent: LiveEvent[] = []

  takeSnapshot(snapshot: LiveSnapshotData, now: number): void {
    const { counts: { until, perSecond } } = snapshot
    this.#seconds = new Map(perSecond.flatMap((count, index) => (count > 0 ? [[until - perSecond.length + 1 + index, count] as const] : [])))
    this.#recent = snapshot.recent.slice(0, MOST_RECENT)
    this.#take(snapshot, now)
  }

  takeDelta(delta: LiveDeltaData, now: number): void {
    for (const [second, count] of delta.seconds) this.#seconds.set(second, count)
    this.#recent = [...delta.recent, ...this.#recent].slice(0, MOST_RECENT)
    this.#take(delta, now)
  }

  takeLag(lagMs: number | null): void {
    this.#latest = { ...this.#latest, lagMs }
  }

  view(now: number): LiveView {
    const last = Math.floor((now + this.#aheadMs) / 1_000) - UNSETTLED_SECONDS
    for (const second of this.#seconds.keys()) if (second <= last - SECONDS) this.#seconds.delete(second)
    const perSecond = Array.from({ length: SECONDS }, (_, index) => this.#seconds.get(last - SECONDS + 1 + index) ?? 0)
    const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
    return {
      ...this.#latest, perSecond, until: last * 1_000, recent: this.#recent, total: sum(perSecond),
      rate: Math.round((sum(perSecond.slice(-RATE_SECONDS)) * 10) / RATE_SECONDS) / 10,
    }
  }

  #take({ active, activeIsLeast, top, lagMs, now: serverNow }: LiveSnapshotData | LiveDeltaData, now: number): void {
    this.#latest = { active, activeIsLeast, top, lagMs }
    this.#aheadMs = serverNow - now
  }
}
