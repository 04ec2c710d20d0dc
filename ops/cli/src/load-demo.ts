import { toAppError } from '@tallyfleet/domain'
import { DEFAULT_TENANT, getTenant } from '@tallyfleet/features'
import { silentLog, systemClock } from '@tallyfleet/ports'
import type { Stores } from '@tallyfleet/stores'
import { packs } from './context.ts'

/**
 * Loads the demo beside whatever else starts. A failure is said and not thrown: the fleet counts without it, and the
 * next `up --demo` goes on. Disposing stops it.
 */
export function loadingDemo(stores: Stores, say: (line: string) => void): AsyncDisposable & { done: Promise<void> } {
  const stop = new AbortController()
  const done = load(stores, say, stop.signal).catch((error) => {
    if (!stop.signal.aborted) say(`the demo data was not loaded: ${toAppError(error).message}`)
  })
  return { done, [Symbol.asyncDispose]: () => { stop.abort(); return done } }
}

async function load(stores: Stores, say: (line: string) => void, signal: AbortSignal): Promise<void> {
  const { loadDemo } = await import('@tallyfleet/demo')
  const tenant = await getTenant(DEFAULT_TENANT, { ...stores, clock: systemClock })
  say('loading demo data: 3,200 films and 30 days of traffic')
  const needs = { ...stores, packs, clock: systemClock, log: silentLog }
  const { events, duplicates, seconds } = await loadDemo({ tenant: tenant.id, zone: tenant.zone }, needs, { signal })
  say(`demo data loaded in ${seconds.toFixed(1)} s: ${events.toLocaleString('en')} events`
    + (duplicates > 0 ? `, ${duplicates.toLocaleString('en')} were there` : ''))
}
