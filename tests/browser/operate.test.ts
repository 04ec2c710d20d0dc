import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { closePages, openBrowser, openPage } from './browser.ts'
import { eventually, settle } from './settle.ts'
import { openSite, type Role, type Site } from './site.ts'

/** What administrators and operators do, on a fleet that begins empty. */
let site: Site
let browser: Browser
beforeAll(async () => {
  [site, browser] = await Promise.all([openSite({ empty: true }), openBrowser()])
}, 480_000)
afterAll(async () => {
  await browser?.close()
  await site?.close()
})
afterEach(() => closePages(browser))

async function openAs(role: Role, path: string): Promise<{ page: Page; faults: string[] }> {
  const { page, faults } = await openPage(browser, { storageState: await site.logIn(browser, role) })
  await page.goto(site.url + path)
  await settle(page)
  return { page, faults }
}

test('an administrator loads demo data with a button, and a chart shows without another step', { timeout: 300_000 }, async () => {
  const { page, faults } = await openAs('admin', '/')
  await page.getByRole('button', { name: 'Load demo data' }).click()
  await page.getByText('Demo data is being loaded').first().waitFor()
  await page.locator('[data-chart] svg path').last().waitFor({ state: 'attached', timeout: 240_000 })
  await page.getByText('Demo data: real films, made-up traffic').waitFor({ timeout: 240_000 })
  await eventually(() => page.getByRole('table', { name: 'Top by View' }).locator('tbody tr').count()).toBe(10)
  expect(faults).toEqual([])
})

test('a key is rotated: the new secret shows once, both work until the old one is revoked', { timeout: 240_000 }, async () => {
  const { json } = await site.fleet.cli('keys', 'create', '--scopes', 'read', '--name', 'till')
  const { page, faults } = await openAs('admin', '/settings')
  await page.getByRole('button', { name: 'Rotate till' }).click()
  await page.getByLabel('The old key works on for').selectOption('1')
  await page.getByRole('dialog').getByRole('button', { name: 'Rotate' }).click()
  const secret = await page.locator('code', { hasText: 'tf_sk_' }).filter({ hasNotText: '…' }).textContent()
  const reads = async (key: string) => (await fetch(`${site.url}/api/v1/overview?domain=jav&entity_type=movie`, { headers: { authorization: `Bearer ${key}` } })).status
  expect([await reads(json.data.key), await reads(secret!.trim())]).toEqual([200, 200])
  await page.getByText(/^until /).waitFor()
  await page.getByRole('button', { name: 'Revoke till' }).first().click()
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
  await page.getByText('Revoked', { exact: true }).waitFor()
  await eventually(() => reads(json.data.key)).toBe(401)
  expect(await reads(secret!.trim())).toBe(200)
  expect(faults).toEqual([])
})

test('an administrator keeps events of jobs for longer, and goes back to the default', { timeout: 240_000 }, async () => {
  const { page, faults } = await openAs('admin', '/settings')
  const row = page.getByRole('table', { name: 'Retention' }).getByRole('row', { name: 'Events of jobs' })
  await row.getByText('90 days').waitFor()
  await page.getByRole('button', { name: 'Change: Events of jobs' }).click()
  const days = page.getByRole('dialog').getByLabel('Days')
  await days.fill('3')
  await days.press('Enter')
  expect(await days.evaluate((field: any) => field.validity.rangeUnderflow)).toBe(true)
  await days.fill('180')
  await days.press('Enter')
  await row.getByText('180 days').waitFor()
  await row.getByText('your setting').waitFor()
  await page.getByRole('button', { name: 'Change: Events of jobs' }).click()
  await page.getByRole('button', { name: 'Back to the default' }).click()
  await row.getByText('90 days').waitFor()
  expect(faults).toEqual([])
})

test('an operator redrives dead letters at a rate and deletes them after typing the word; a viewer sees none of it', { timeout: 240_000 }, async () => {
  const { page, faults } = await openAs('operator', '/queues')
  await page.getByText('None: every job that failed').waitFor()

  // A job of the fleet that fails for good would take its tries first: the list is played, the requests are real.
  const dead = { queue: 'sync', job: 'sync-catalog', id: 'd-1', state: 'failed', starts: 5, crashes: 0, redrives: 1, createdAt: '2026-11-01T10:00:00.000Z', dueAt: null, startedAt: null, endedAt: '2026-11-01T10:05:00.000Z', reason: 'STORE_UNAVAILABLE: no route', host: null, payload: {} }
  await page.route('**/api/v1/dlq?*', (route) => route.fulfill({ json: { data: [dead], page: {}, meta: { computedAt: dead.endedAt, dataThrough: null, partial: false } } }))
  const sent: unknown[] = []
  page.on('request', (request) => { if (request.method() === 'POST') sent.push([new URL(request.url()).pathname, request.postDataJSON()]) })
  await page.getByLabel('Reason').fill('STORE')
  await page.getByLabel('Reason').press('Enter')
  await page.getByRole('table', { name: 'Dead letters' }).getByText('STORE_UNAVAILABLE: no route').waitFor()
  await page.getByRole('button', { name: 'Redrive', exact: true }).click()
  await page.getByLabel('A second').fill('10')
  await page.getByRole('dialog').getByRole('button', { name: 'Redrive' }).click()
  await page.getByText('There was nothing left to do.').waitFor()
  await page.getByRole('button', { name: 'Delete', exact: true }).click()
  const really = page.getByRole('dialog').getByRole('button', { name: 'Delete' })
  expect(await really.isDisabled()).toBe(true)
  await page.getByLabel('Type “delete”').fill('delete')
  await really.click()
  await page.getByText('There was nothing left to do.').waitFor()
  expect(sent).toEqual([
    ['/api/v1/dlq/redrive', { reason: 'STORE', limit: 100, ratePerSecond: 10 }], ['/api/v1/dlq/purge', { reason: 'STORE', limit: 100 }],
  ])
  expect(faults).toEqual([])

  const viewer = await openAs('viewer', '/queues')
  await viewer.page.getByRole('heading', { name: 'Schedules' }).waitFor()
  expect(await viewer.page.getByRole('heading', { name: 'Dead letters' }).count()).toBe(0)
  expect(viewer.faults).toEqual([])
})
