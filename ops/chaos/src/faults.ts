import { DatabaseSync } from 'node:sqlite'
import { systemClock } from '@tallyfleet/ports'

/** What a process does to itself when it is told to; each is a fault that no signal can play. */
export type SelfFault =
  | { fault: 'block'; ms: number }
  | { fault: 'clock'; offsetMs: number }
  | { fault: 'disk'; full: boolean }

const databases = new Set<DatabaseSync>()

/** Notes the SQLite files that this process opens, so that {@link suffer} can fill their disk. Call before opening. */
export function watchDatabases(): void {
  const prepare = DatabaseSync.prototype.prepare
  DatabaseSync.prototype.prepare = function (...args) {
    databases.add(this)
    return prepare.apply(this, args)
  }
}

const now = Date.now

export function suffer(told: SelfFault): void {
  switch (told.fault) {
    case 'block':
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, told.ms) // the event loop stands still
      break
    case 'clock':
      Date.now = () => now() + told.offsetMs
      systemClock.now = () => new Date(Date.now())
      break
    case 'disk':
      for (const database of databases) fill(database, told.full)
  }
}

/** A file that may not grow refuses as a full disk does: SQLITE_FULL. */
function fill(database: DatabaseSync, full: boolean): void {
  try {
    const pages = full ? (database.prepare('PRAGMA page_count').get() as { page_count: number }).page_count : 2 ** 31
    database.exec(`PRAGMA max_page_count = ${pages}`)
  } catch {
    // closed meanwhile, or in memory
  }
}
