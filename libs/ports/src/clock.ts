/** The wall clock; a test may hold its own. */
export interface Clock {
  now(): Date
}

export const systemClock: Clock = { now: () => new Date() }
