import type { Bench } from './harness.ts'

/** Every benchmark by its name; loaded when it runs, with the drivers it needs. */
export const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  dedupe: async () => (await import('./dedupe.ts')).dedupe,
  fleet: async () => (await import('./fleet.ts')).fleet,
  flush: async () => (await import('./flush.ts')).flush,
}
