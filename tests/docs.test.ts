import { existsSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { apiConfig, envMarkdown, schedulerConfig, workersConfig } from '@tallyfleet/config'
import { loggingConfig } from '@tallyfleet/logging'
import { storesConfig } from '@tallyfleet/stores'
import { expect, test } from 'vitest'
import { ROOT } from './fleet-process.ts'

const PAGES = ['README.md', 'CONTRIBUTING.md', ...(await readdir(join(ROOT, 'docs'))).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)]

/** `UPDATE_DOCS=1 ./fleet test tests/docs` writes the page anew. */
test('docs/env.md says what the settings say', async () => {
  const page = envMarkdown([
    { title: 'Stores', schema: storesConfig }, { title: 'API', schema: apiConfig }, { title: 'Workers', schema: workersConfig },
    { title: 'Scheduler', schema: schedulerConfig }, { title: 'Logs', schema: loggingConfig },
  ])
  const file = join(ROOT, 'docs/env.md')
  if (process.env.UPDATE_DOCS === '1') await writeFile(file, page)
  expect(await readFile(file, 'utf8')).toBe(page)
})

test('every file that the pages name or link exists', async () => {
  for (const page of PAGES) {
    const text = await readFile(join(ROOT, page), 'utf8')
    const named = [...text.matchAll(/`((?:apps|libs|ops|tests|docs)\/[\w./-]+)`/g)].map((match) => match[1]!)
    const linked = [...text.matchAll(/\]\((?!https?:)([\w./-]+)\)/g)].map((match) => join(dirname(page), match[1]!))
    expect([...named, ...linked].filter((path) => !existsSync(join(ROOT, path))), page).toEqual([])
  }
})
