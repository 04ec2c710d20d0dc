import { spawn, spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { ROOT } from '../fleet-process.ts'
import { openBrowser, openPage } from './browser.ts'

/**
 * Measures how long a stranger waits: from `git clone` over `./fleet up --demo`, with npm's cache as it is, to the first
 * chart in Chromium. `node tests/browser/first-chart.ts` prints the seconds of each step; nothing asserts them, because
 * they tell about the machine as much as about the product.
 */
const folder = await mkdtemp(join(tmpdir(), 'fleet-first-chart-'))
const startedAt = performance.now()
const note = (step: string) => console.log(`${((performance.now() - startedAt) / 1_000).toFixed(1).padStart(6)} s  ${step}`)

const browser = await openBrowser()
note('browser ready (not part of the wait)')
const zero = performance.now()
const clone = join(folder, 'clone')
spawnSync('git', ['clone', '--quiet', ROOT, clone], { stdio: 'inherit' })
note('cloned')
const { PATH, HOME } = process.env
const fleet = spawn(join(clone, 'fleet'), ['up', '--demo'], { env: { PATH, HOME, HTTP_PORT: '0' }, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
try {
  createInterface({ input: fleet.stderr }).on('line', note)
  const link = await new Promise<string>((found, lost) => {
    createInterface({ input: fleet.stdout }).on('line', (line) => {
      const match = /(http\S+\/login\/link\/\S+)/.exec(line)
      if (match) found(match[1]!)
    })
    fleet.once('exit', (code) => lost(new Error(`fleet up ended with ${code}`)))
  })
  note('up, with a login link')
  const { page } = await openPage(browser)
  page.setDefaultTimeout(300_000)
  await page.goto(link)
  await page.goto(new URL('/', link).href)
  await page.locator('[data-chart] svg path').last().waitFor({ state: 'attached' })
  note('first chart')
  console.log(`clone to first chart: ${((performance.now() - zero) / 1_000).toFixed(1)} s`)
} finally {
  const ended = new Promise((resolve) => fleet.once('exit', resolve))
  if (fleet.exitCode === null && fleet.kill('SIGTERM')) await ended
  await browser.close()
  await rm(folder, { recursive: true, force: true })
}
