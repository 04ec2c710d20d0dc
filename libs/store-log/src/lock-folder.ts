import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/**
 * Takes a folder for this process, or answers undefined when another one has it. The lock is the operating system's, on
 * a file: a process that was killed holds nothing.
 */
export function lockFolder(folder: string): Disposable | undefined {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const file = new DatabaseSync(join(folder, 'lock.sqlite'))
  try {
    file.exec('PRAGMA journal_mode = DELETE; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch {
    file.close()
    return undefined
  }
  return { [Symbol.dispose]: () => file.close() }
}
