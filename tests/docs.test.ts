import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { apiConfig, envMarkdown, schedulerConfig, workersConfig } from '@tallyfleet/config'
import { loggingConfig } from '@tallyfleet/logging'
import { storesConfig } from '@tallyfleet/stores'
import { expect, test } from 'vitest'
import { ROOT } from './fleet-process.ts'

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

test('every file that docs/architecture.md and the README name exists', async () => {
  const { existsSync } = await import('node:fs')
  for (const page of ['docs/architecture.md', 'README.md']) {
    const text = await readFile(join(ROOT, page), 'utf8')
    const named = [...text.matchAll(/`((?:apps|libs|ops|tests|docs)\/[\w./-]+)`/g), ...text.matchAll(/\]\((?!https?:)([\w./-]+)\)/g)].map((match) => match[1]!)
    expect(named.length).toBeGreaterThan(3)
    expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual(named.filter((path) => path.startsWith('libs/store-*')))
  }
})
