import { join } from 'node:path'
import { AxeBuilder } from '@axe-core/playwright'
import { createLoginLink } from '@tallyfleet/features'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventOf, startApi, type TestApi } from '../../apps/api/src/start-api.fixture.ts'
import { buildDashboard } from '../../ops/cli/src/build-dashboard.ts'
import { ROOT } from '../fleet-process.ts'
import { openBrowser, openPage, type WatchedPage } from './browser.ts'

let api: TestApi
let browser: Browser
let key: string
beforeAll(async () => {
  await buildDashboard(() => {})
  const config = { INGEST_EVENTS_PER_MINUTE: 0, RATE_LIMIT_PER_MINUTE: 0 }
  api = await startApi({ config, override: { dashboardFolder: join(ROOT, 'apps/dashboard/dist') } })
  key = await api.key({ scopes: ['ingest'] })
  browser = await openBrowser()
}, 480_000)
afterAll(async () => {
  await browser?.close()
  await api?.[Symbol.asyncDispose]()
})

const send = (count: number, part: (n: number) => Record<string, unknown> = () => ({})) =>
  api.call('POST', '/api/v1/events', { key, body: Array.from({ length: count }, (_, n) => eventOf(part(n))) })
const figure = (page: Page, label: string) => page.locator('[data-live] div', { has: page.getByText(label, { exact: true }) }).last().locator('[title]').first()

async function openLive(expected?: RegExp): Promise<WatchedPage> {
  const watched = await openPage(browser, {}, { expected })
  await watched.page.goto(`${api.url}/login/link/${await createLoginLink(api.needs)}`)
  await watched.page.goto(`${api.url}/live`)
  await watched.page.locator('[data-live][data-status=live]').waitFor()
  return watched
}

test('events appear by themselves, until P pauses the page', { timeout: 120_000 }, async () => {
  const { page, context, faults } = await openLive()
  await page.getByText('Nothing right now').first().waitFor()
  await send(30, (n) => ({ entity_id: n < 20 ? 'first' : 'second' }))
  await page.getByRole('row', { name: 'first 20', exact: true }).waitFor()
  await expect.poll(() => figure(page, 'Active now').textContent()).toBe('2')
  const { violations } = await new AxeBuilder({ page }).analyze()
  expect(violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')).toEqual([])

  await page.keyboard.press('p')
  await page.getByText('Paused').waitFor()
  await send(5, () => ({ entity_id: 'third' }))
  await expect.poll(async () => (await api.needs.live.snapshot('default')).active).toBe(3)
  expect(await figure(page, 'Active now').textContent()).toBe('2')
  await page.keyboard.press('p')
  await expect.poll(() => figure(page, 'Active now').textContent()).toBe('3')

  await page.getByRole('table', { name: 'Events', exact: true }).getByRole('button').first().click()
  expect(JSON.parse(await page.locator('[role=dialog] pre').innerText())).toMatchObject({ domain: 'jav', entity_type: 'movie', action: 'view' })
  await page.keyboard.press('Escape')
  expect(faults).toEqual([])
  await context.close()
})

test('without sockets the page asks for itself and says so', { timeout: 120_000 }, async () => {
  const { page, context } = await openPage(browser, {}, { expected: /WebSocket|Failed to load/ })
  await page.addInitScript("WebSocket = class { constructor() { throw new Error('no sockets here') } }")
  await page.goto(`${api.url}/login/link/${await createLoginLink(api.needs)}`)
  await page.goto(`${api.url}/live`)
  await page.locator('[data-live][data-status=polling]').waitFor()
  await page.getByText(/asking every 5 seconds/).waitFor()
  await send(3, () => ({ entity_id: 'polled' }))
  await page.getByRole('row', { name: /polled/ }).first().waitFor()
  await context.close()
})

test('at a thousand events a second the page draws once a second', { timeout: 120_000 }, async () => {
  const { page, context } = await openLive()
  await page.evaluate(`globalThis.draws = []
    new MutationObserver(() => draws.push(performance.now()))
      .observe(document.querySelector('[data-live] svg polyline'), { attributes: true })`)
  const until = performance.now() + 8_000
  for (let beat = 0; performance.now() < until; beat++) {
    await Promise.all([send(500, (n) => ({ entity_id: `e-${(beat * 37 + n) % 900}` })), new Promise((resolve) => setTimeout(resolve, 500))])
  }
  const draws = await page.evaluate<number[]>('draws')
  expect(draws.length).toBeGreaterThan(1)
  expect(draws.length).toBeLessThanOrEqual(Math.ceil((draws.at(-1)! - draws[0]!) / 1_000) + 2)
  await context.close()
})
