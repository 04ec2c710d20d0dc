import { hostname } from 'node:os'
import type { Journal } from '@tallyfleet/ports'

/** A log that some process of the fleet writes, as the journal knows it. */
export type KnownLog = { id: string; host: string; folder: string; at: string }

const KIND = 'ingest-log'
const MOST_LOGS = 10_000
/** Longer than an id is remembered, and an hour for clocks that differ: what is older need not be remembered again. */
const NEEDED_MS = 61 * 3_600_000

/** Says that a log is being written, and until when at least. Call it before the first record, and now and then. */
export async function announceLog(id: string, folder: string, journal: Journal): Promise<void> {
  await journal.put(KIND, id, { host: hostname(), folder, at: new Date().toISOString() })
}

/** Logs that were written of late, and are none of `own`: other homes have them. */
export async function listElsewhere(own: readonly string[], journal: Journal): Promise<KnownLog[]> {
  const since = new Date(Date.now() - NEEDED_MS).toISOString()
  const known = await journal.list(KIND, { limit: MOST_LOGS })
  return known.map(({ id, body }) => ({ id, ...body as Omit<KnownLog, 'id'> }))
    .filter(({ id, at }) => !own.includes(id) && at > since)
}

/** Gives up a log that is gone for good. False when nobody knows it. */
export async function forgetLog(id: string, journal: Journal): Promise<boolean> {
  return await journal.deleteBefore(KIND, `${id}\u0000`, id) > 0
}
