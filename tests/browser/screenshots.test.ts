import { existsSync, statSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { waitUntil } from '@tallyfleet/testing'
import { expect, test } from 'vitest'
import { ROOT } from '../fleet-process.ts'
import { openBrowser, openPage } from './browser.ts'
import { settle } from './settle.ts'
import { openSite } from './site.ts'

const FOLDER = 'docs/images'
const SHADES = ['light', 'dark'] as const
const MOST_BYTES = 200_000

test('the README shows the overview in both themes, as small pictures', async () => {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8')
  for (const shade of SHADES) {
    const path = `${FOLDER}/overview-${shade}.png`
    expect(readme).toContain(path)
    expect(existsSync(join(ROOT, path)), `${path}: UPDATE_DOCS=1 makes it`).toBe(true)
    expect(statSync(join(ROOT, path)).size).toBeLessThan(MOST_BYTES)
  }
})

// Made from the demo, which takes a while: only when somebody asks for new pictures.
test.runIf(process.env['UPDATE_DOCS'] === '1')('the pictures of the README are taken from the demo', { timeout: 600_000 }, async () => {
  const [site, browser] = await Promise.all([openSite({ empty: true }), openBrowser()])
  try {
    const { json } = await site.fleet.cli('keys', 'create', '--scopes', 'read,admin', '--name', 'demo')
    const call = async (method: string) => (await fetch(`${site.url}/api/v1/demo`, { method, headers: { authorization: `Bearer ${json.data.key}` } })).json() as Promise<{ data: { state: string } }>
    await call('POST')
    await waitUntil(async () => (await call('GET')).data.state === 'loaded', { timeoutMs: 300_000 })
    await site.fleet.cli('flush', '--wait')
    const session = await site.logIn(browser, 'analyst')
    await mkdir(join(ROOT, FOLDER), { recursive: true })
    for (const shade of SHADES) {
      const { page } = await openPage(browser, { storageState: session, colorScheme: shade })
      await page.goto(`${site.url}/?from=-14d&cmp=prev,wd`)
      await settle(page)
      await page.screenshot({ path: join(ROOT, FOLDER, `overview-${shade}.png`) })
    }
  } finally {
    await browser.close()
    await site.close()
  }
})
