import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { AppError } from '@tallyfleet/domain'

/**
 * Takes a home for this process, for as long as it lives: the lock is the operating system's, on a file, so a process
 * that was killed holds nothing. Throws `HOME_IN_USE` when another one holds it.
 */
export function lockHome(home: string): Disposable {
  mkdirSync(home, { recursive: true, mode: 0o700 })
  const file = new DatabaseSync(join(home, 'lock.sqlite'))
  try {
    file.exec('PRAGMA journal_mode = DELETE; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (cause) {
    file.close()
    throw new AppError('HOME_IN_USE', `another fleet runs on ${home}`, { cause })
  }
  return { [Symbol.dispose]: () => file.close() }
}
