import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { journalContract } from '@tallyfleet/contract-tests'
import { afterAll } from 'vitest'
import { SqliteJournal } from './sqlite-journal.ts'

const folder = mkdtempSync(join(tmpdir(), 'journal-'))
afterAll(() => rmSync(folder, { recursive: true }))

let files = 0

journalContract('sqlite', async () => {
  const path = join(folder, `${(files += 1)}.db`)
  const again = () => SqliteJournal.open({ path })
  return { store: await again(), again }
})
