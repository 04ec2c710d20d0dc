/** An event as the live view shows it: nothing of a person in it. */
export type LiveEvent = {
  domain: string; entity_type: string; entity_id: string; action: string; occurred_at: string; event_id: string
}

export type LiveBurst = [ageMs: number, count: number]

/** What one process counted for one tenant since its last slice: about a second. */
export type LiveSlice = {
  /** Tenths of seconds that began so long before the slice was left, each with its events. */
  bursts: LiveBurst[]
  /** `domain|type|id`, each with its events; those counted most where `isCut`. */
  entities: [entity: string, count: number][]
  isCut: boolean
  /** The first few events. */
  sample: LiveEvent[]
  /** Of a few events, how long after they happened they were counted, in milliseconds. */
  delaysMs: number[]
}

export type LiveRead = {
  /** Newest last; `at` in milliseconds of the exchange's clock, as everything here. */
  slices: { at: number; slice: LiveSlice }[]
  /** What came before the slices, where the read begins: events only. */
  counts: { at: number; count: number }[]
  now: number
  /** Where the next read goes on. */
  cursor: string
}

/** For how long slices, and their counts, can be read. */
export const LIVE_SLICES_MS = 5 * 60_000
export const LIVE_COUNTS_MS = 30 * 60_000

/**
 * Where the processes that count leave what they counted, for those that show it live. Nothing rests on it: what is
 * lost here is counted all the same. Rejects with `STORE_UNAVAILABLE`.
 */
export interface LiveExchange extends AsyncDisposable {
  /** Leaves a slice for each tenant. */
  publish(slices: ReadonlyMap<string, LiveSlice>): Promise<void>
  /** What a tenant's processes left: with a cursor, since then; without, all that is kept. */
  read(tenant: string, cursor?: string): Promise<LiveRead>
  /** Keeps a ticket for some seconds. */
  putTicket(id: string, body: unknown, seconds: number): Promise<void>
  /** Deletes and answers a ticket: it works for exactly one of any number of callers. */
  claimTicket(id: string): Promise<unknown>
}
