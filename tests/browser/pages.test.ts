import { AxeBuilder } from '@axe-core/playwright'
import type { Browser, Page, Route } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { closePages, openBrowser, openPage } from './browser.ts'
import { eventually, settle } from './settle.ts'
import { openSite, type SessionState, type Site } from './site.ts'

/** The page's own, in functions that run there. */
declare const document: any

const PAGES = ['/', '/live', '/content', '/content/f-1', '/segments', '/catalog', '/quality', '/proof?id=f-1', '/queues', '/settings']
/** On each page one read that fails, one whose answer is late (if there is a third), and the heading of a part that needs neither. */
const PARTS: [path: string, failing: string, late: string, there: string][] = [
  ['/', '/entities/movers', '/suggestions', 'View over time'],
  ['/content', '/entities/top', '/dimensions/genres/top', 'View over time'],
  ['/content/f-1', '/entities/jav/movie/f-1/related', '/trends', 'Catalog row'],
  ['/segments', '/distributions', '/segments', 'Build a segment'],
  ['/catalog', '/catalog/issues', '', 'By field'],
  ['/quality', '/telemetry/kpis', '', 'Where events went'],
  ['/proof?id=f-1', '/parity', '/reports', 'Conservation ledger'],
  ['/queues', '/telemetry/jobs', '/telemetry/workers', 'Queues'],
  ['/settings', '/keys', '/users', 'Appearance'],
]
const EMPTY = 'empty'
/** What the browser itself says of the answers that a test makes fail. */
const FAILED_LOAD = /Failed to load resource/
const REQUEST_ID = '00000000-0000-7000-8000-00000000abcd'

let site: Site
let browser: Browser
let session: SessionState
beforeAll(async () => {
  [site, browser] = await Promise.all([openSite(), openBrowser()])
  await site.fleet.cli('tenants', 'create', EMPTY, '--zone', 'UTC')
  session = await site.logIn(browser, 'admin')
}, 480_000)
afterAll(async () => {
  await browser?.close()
  await site?.close()
})
afterEach(() => closePages(browser))

/** The findings of axe that keep people out, as one line each. */
async function barriers(page: Page, { contrastOnly = false } = {}): Promise<string[]> {
  const axe = new AxeBuilder({ page }).exclude('iframe')
  const { violations } = await (contrastOnly ? axe.withRules(['color-contrast']) : axe).analyze()
  return violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(' ')}`))
}

const overflow = (page: Page) => page.evaluate(() => Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth))
const isRead = (route: Route) => !route.request().url().includes('/api/v1/session')

describe.each(PAGES)('%s', (path) => {
  test('with data: open to everyone in both themes, without faults in the console, and 320 px wide', { timeout: 240_000 }, async () => {
    const { page, faults } = await openPage(browser, { storageState: session, colorScheme: 'light' })
    await page.goto(site.url + path)
    await settle(page)
    expect(await barriers(page)).toEqual([])
    await page.emulateMedia({ colorScheme: 'dark' })
    expect(await barriers(page, { contrastOnly: true })).toEqual([])
    await page.setViewportSize({ width: 320, height: 640 })
    await eventually(() => overflow(page)).toBe(0)
    expect(faults).toEqual([])
  })

  test('while it loads: an outline, said aloud', { timeout: 240_000 }, async () => {
    const { page } = await openPage(browser, { storageState: session })
    const held: Route[] = []
    await page.route('**/api/v1/**', (route) => (isRead(route) ? void held.push(route) : route.continue()))
    await page.goto(site.url + path)
    await page.locator('#page .skeleton').first().waitFor()
    expect(await page.locator('#page [role=status]', { hasText: 'Loading' }).or(page.locator('#page [aria-busy=true]')).count()).toBeGreaterThan(0)
    await Promise.all(held.splice(0).map((route) => route.continue()))
    await page.unrouteAll({ behavior: 'wait' })
    await settle(page)
  })

  test('when reads fail: what failed, the request id, and a second try that works', { timeout: 240_000 }, async () => {
    const { page, faults } = await openPage(browser, { storageState: session }, { expected: FAILED_LOAD })
    await page.route('**/api/v1/**', (route) => (isRead(route) ? route.fulfill({
      status: 503, contentType: 'application/problem+json', headers: { 'x-request-id': REQUEST_ID },
      body: JSON.stringify({ status: 503, code: 'STORE_UNAVAILABLE', title: 'a store cannot be reached' }),
    }) : route.continue()))
    await page.goto(site.url + path)
    await page.getByText(REQUEST_ID).first().waitFor()
    expect(await barriers(page)).toEqual([])
    await page.unrouteAll()
    const again = page.getByRole('button', { name: 'Try again' })
    await eventually(async () => {
      for (const button of (await again.all()).reverse()) await button.click({ timeout: 1_000 }).catch(() => undefined) // some wait for others
      return await again.count()
    }).toBe(0)
    await settle(page)
    expect(faults).toEqual([])
  })

  test('with nothing counted: says so and what to do, to everyone', { timeout: 240_000 }, async () => {
    const { page, faults } = await openPage(browser, { storageState: session }, { expected: path.includes('f-1') ? FAILED_LOAD : /^$/ })
    await page.goto(`${site.url}${path}${path.includes('?') ? '&' : '?'}tenant=${EMPTY}`)
    await settle(page)
    expect(await barriers(page)).toEqual([])
    expect(await page.locator('#page').innerText()).not.toMatch(/undefined|NaN|\[object/)
    expect(faults).toEqual([])
  })
})

test.each(PARTS)('%s with a part that fails and one that is late: each says so, and the others are there', { timeout: 240_000 }, async (path, failing, late, there) => {
  const { page, faults } = await openPage(browser, { storageState: session }, { expected: FAILED_LOAD })
  const held: Route[] = []
  await page.route('**/api/v1/**', (route) => {
    const { pathname } = new URL(route.request().url())
    if (pathname === `/api/v1${failing}`) {
      return route.fulfill({
        status: 503, contentType: 'application/problem+json', headers: { 'x-request-id': REQUEST_ID },
        body: JSON.stringify({ status: 503, code: 'STORE_UNAVAILABLE', title: 'a store cannot be reached' }),
      })
    }
    if (pathname === `/api/v1${late}`) return void held.push(route)
    return route.continue()
  })
  await page.goto(site.url + path)
  await page.getByText(REQUEST_ID).first().waitFor()
  await eventually(() => held.length).toBeGreaterThan(late === '' ? -1 : 0)
  const part = page.locator('#page section, #page figure', { has: page.getByRole('heading', { name: there }) }).first()
  await part.waitFor()
  await eventually(() => part.locator('.skeleton').count()).toBe(0)
  expect(await part.getByText(REQUEST_ID).count()).toBe(0)
  expect(await barriers(page)).toEqual([])
  await Promise.all(held.splice(0).map((route) => route.continue()))
  await page.unrouteAll({ behavior: 'wait' })
  await settle(page)
  expect(faults).toEqual([])
})

test('whoever presses "Try again" many times asks once, and sees the answer', { timeout: 240_000 }, async () => {
  const { page } = await openPage(browser, { storageState: session }, { expected: FAILED_LOAD })
  const held: Route[] = []
  let isDown = true
  await page.route('**/api/v1/telemetry/kpis*', (route) => (isDown ? route.fulfill({ status: 503, body: '' }) : void held.push(route)))
  await page.goto(`${site.url}/quality`)
  const again = page.getByRole('button', { name: 'Try again' })
  await again.waitFor()
  isDown = false
  for (let press = 0; press < 5; press++) await again.click()
  await eventually(() => held.length).toBe(1)
  await held[0]!.continue()
  await eventually(() => again.count()).toBe(0)
  await settle(page)
  expect(held.length).toBe(1)
})
