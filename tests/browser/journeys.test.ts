import { AxeBuilder } from '@axe-core/playwright'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser, openPage } from './browser.ts'
import { openSite, type Site } from './site.ts'

let site: Site
let browser: Browser
beforeAll(async () => { [site, browser] = await Promise.all([openSite(), openBrowser()]) }, 240_000)
afterAll(async () => {
  await browser?.close()
  await site?.close()
})

test('after the login the overview shows what the API counts, and nothing on it keeps anyone out', async () => {
  const { page, faults } = await openPage(browser, { storageState: await site.logIn(browser, 'viewer') })
  await page.goto(site.url)
  const { body } = await site.fleet.get('/api/v1/overview?domain=jav&entity_type=movie')
  const shown = await page.getByRole('button', { name: /^View/ }).first().locator('[title]').first().getAttribute('title')
  expect(Number(shown!.replaceAll(',', ''))).toBe(body.data.actions[0].value)
  expect(body.data.actions[0].value).toBeGreaterThan(1_000)
  const { violations } = await new AxeBuilder({ page }).analyze()
  expect(violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')).toEqual([])
  expect(faults).toEqual([])
})
