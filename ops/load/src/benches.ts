import type { Bench } from './harness.ts'

/** Every benchmark by its name; loaded when it runs, with the drivers it needs. */
export const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  ingest: async () => (await import('./ingest.ts')).ingest,
  'ingest-batch': async () => (await import('./ingest-batch.ts')).ingestBatch,
  dedupe: async () => (await import('./dedupe.ts')).dedupe,
  flush: async () => (await import('./flush.ts')).flush,
  fleet: async () => (await import('./fleet.ts')).fleet,
  peer: async () => (await import('./peer.ts')).peer,
  reads: async () => (await import('./reads.ts')).reads,
  scale: async () => (await import('./scale.ts')).scale,
  soak: async () => (await import('./soak.ts')).soak,
  sync: async () => (await import('./sync.ts')).sync,
}

/** Seconds of an arm and repeat, or of the whole, where nobody says. */
export function usualSeconds(name: string): number {
  return name === 'soak' ? 1_800 : 5
}
