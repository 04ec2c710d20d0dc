import type { Packs } from '@tallyfleet/domain'
import type { CatalogStore, Clock, LiveEvent, LiveExchange, Log } from '@tallyfleet/ports'
import { readTitles } from '../explore/read-titles.ts'
import { LiveFeed, type LiveDelta, type LiveRecent, type LiveSnapshot, type LiveTop } from './live-feed.ts'
import { LiveTally, liveKeyOf } from './live-tally.ts'

const EVERY_MS = 1_000
/** A feed that nobody watches stays for those who ask each few seconds. */
const IDLE_MS = 30_000
const MOST_TITLES = 2_000

type Titled<Shown extends { top: LiveTop[]; recent: LiveRecent[] }> = Omit<Shown, 'top' | 'recent'> & {
  top: (LiveTop & { title: string | null })[]; recent: (LiveRecent & { title: string | null })[]
}
export type ShownSnapshot = Titled<LiveSnapshot>
export type ShownDelta = Titled<LiveDelta>

type Watched = {
  feed: LiveFeed
  cursor: string | undefined
  watchers: Set<(delta: ShownDelta) => void>
  usedAt: number
  first: Promise<void>
}

type Needs = { exchange: LiveExchange; catalog: CatalogStore; packs: Packs; clock: Clock; log: Log }

/**
 * The live view of one process: what it counts goes to the exchange once a second, and what all processes counted comes
 * from there, for the tenants that somebody looks at. Counting waits for none of it. Disposing publishes the last.
 */
export class LiveHub implements AsyncDisposable {
  readonly #needs: Needs
  readonly #tally = new LiveTally()
  readonly #watched = new Map<string, Watched>()
  readonly #titles = new Map<string, string | null>()
  readonly #timer: NodeJS.Timeout
  #round: Promise<void> | undefined
  #failing = false

  constructor(needs: Needs, { everyMs = EVERY_MS }: { everyMs?: number } = {}) {
    this.#needs = needs
    this.#timer = setInterval(() => { this.#round ??= this.#beat().finally(() => { this.#round = undefined }) }, everyMs)
    this.#timer.unref()
  }

  /** Whether the last second could be published and read: without it the view stands still. */
  get isWorking(): boolean {
    return !this.#failing
  }

  /** Events that were counted for a tenant just now. */
  note(tenant: string, events: readonly LiveEvent[]): void {
    const now = this.#needs.clock.now()
    for (const event of events) this.#tally.note(tenant, event, now)
  }

  /** What there is to show now. Rejects with `STORE_UNAVAILABLE`. */
  async snapshot(tenant: string): Promise<ShownSnapshot> {
    const watched = await this.#watch(tenant)
    return await this.#title(tenant, watched.feed.snapshot())
  }

  /** Calls back with each change, until the answer is called. Rejects with `STORE_UNAVAILABLE`. */
  async subscribe(tenant: string, watcher: (delta: ShownDelta) => void): Promise<() => void> {
    const { watchers } = await this.#watch(tenant)
    watchers.add(watcher)
    return () => watchers.delete(watcher)
  }

  async #watch(tenant: string): Promise<Watched> {
    let watched = this.#watched.get(tenant)
    if (!watched) {
      watched = { feed: new LiveFeed(), cursor: undefined, watchers: new Set(), usedAt: 0, first: Promise.resolve() }
      this.#watched.set(tenant, watched)
      watched.first = this.#read(tenant, watched)
      watched.first.catch(() => this.#watched.delete(tenant))
    }
    watched.usedAt = performance.now()
    await watched.first
    return watched
  }

  /** One second: publish, then read. A failure is logged once until it works again. */
  async #beat(): Promise<void> {
    try {
      const slices = this.#tally.take(this.#needs.clock.now())
      if (slices.size > 0) await this.#needs.exchange.publish(slices)
      for (const [tenant, watched] of this.#watched) {
        if (watched.watchers.size === 0 && performance.now() - watched.usedAt > IDLE_MS) this.#watched.delete(tenant)
        else if (watched.cursor !== undefined) await this.#read(tenant, watched)
      }
      this.#failing = false
    } catch (error) {
      if (!this.#failing) this.#needs.log.warn({ err: error }, 'live view not updated')
      this.#failing = true
    }
  }

  async #read(tenant: string, watched: Watched): Promise<void> {
    const read = await this.#needs.exchange.read(tenant, watched.cursor)
    watched.cursor = read.cursor
    const delta = watched.feed.advance(read)
    if (!delta || watched.watchers.size === 0) return
    const shown = await this.#title(tenant, delta)
    for (const watcher of watched.watchers) watcher(shown)
  }

  async #title<Shown extends { top: LiveTop[]; recent: LiveRecent[] }>(tenant: string, shown: Shown): Promise<Titled<Shown>> {
    const keyOf = (entity: LiveTop | LiveRecent) => `${tenant}|${liveKeyOf(entity)}`
    const unknown = [...shown.top, ...shown.recent].filter((entity) => !this.#titles.has(keyOf(entity)))
    for (const list of Map.groupBy(unknown, ({ domain, entity_type }) => `${domain}|${entity_type}`).values()) {
      const { domain, entity_type: entityType } = list[0]!
      const titles = await readTitles({ tenant, domain, entityType }, [...new Set(list.map(({ entity_id }) => entity_id))], this.#needs)
      if (this.#titles.size > MOST_TITLES) this.#titles.clear()
      for (const entity of list) this.#titles.set(keyOf(entity), titles.get(entity.entity_id) ?? null)
    }
    const titled = <Entity extends LiveTop | LiveRecent>(entity: Entity) => ({ ...entity, title: this.#titles.get(keyOf(entity)) ?? null })
    return { ...shown, top: shown.top.map(titled), recent: shown.recent.map(titled) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    await this.#round
    await this.#beat()
  }
}
