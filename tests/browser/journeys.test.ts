import { readFile } from 'node:fs/promises'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { closePages, openBrowser, openPage, type WatchedPage } from './browser.ts'
import { eventually, settle } from './settle.ts'
import { openSite, PASSWORD, type SessionState, type Site } from './site.ts'

/** The page's own, in functions that run there. */
declare const document: any

const SUBJECT = 'domain=jav&entity_type=movie&action=view'

let site: Site
let browser: Browser
let session: SessionState
let watched: WatchedPage
let page: Page
beforeAll(async () => {
  [site, browser] = await Promise.all([openSite(), openBrowser()])
  session = await site.logIn(browser, 'analyst')
}, 480_000)
afterAll(async () => {
  await browser?.close()
  await site?.close()
})
beforeEach(async () => {
  watched = await openPage(browser, { storageState: session, acceptDownloads: true })
  page = watched.page
})
afterEach(async () => {
  await closePages(browser)
  expect(watched.faults).toEqual([])
})

const open = async (path: string) => {
  await page.goto(site.url + path)
  await settle(page)
}
const keys = async (...names: string[]) => { for (const name of names) await page.keyboard.press(name) }
const parameter = (name: string) => new URL(page.url()).searchParams.get(name)
/** The rows of the table with that caption, as their cells' texts. */
const rowsOf = (caption: string) => page.getByRole('table', { name: caption }).locator('tbody tr')
  .evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent.trim())))
/** Goes on by Tab until something of that role and name has the focus. */
async function tabTo(name: RegExp): Promise<void> {
  for (let step = 0; step < 60; step++) {
    await page.keyboard.press('Tab')
    const text = await page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? '')
    if (name.test(text.trim())) return
  }
  throw new Error(`Tab does not lead to ${name}`)
}

describe('with the keyboard alone', { timeout: 240_000 }, () => {
  test('a person skips the menu, jumps by name, and starts to read at the new page', async () => {
    await open('/')
    await keys('Tab', 'Enter')
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('page')
    await keys('Control+k')
    await page.getByPlaceholder(/Page, range/).fill('catalog qua')
    await keys('Enter')
    await page.waitForURL(/\/catalog/)
    await eventually(() => page.evaluate(() => document.activeElement?.textContent)).toBe('Catalog quality')
    await keys('Control+k')
    await page.getByPlaceholder(/Page, range/).fill('Film 02')
    await page.getByRole('option', { name: /Film 02/ }).waitFor()
    await keys('Enter')
    await page.waitForURL(/\/content\/f-2/)
    await page.getByRole('heading', { name: 'Film 02' }).waitFor()
  })

  test('a person chooses a range, shifts it, compares it, and takes it all back', async () => {
    await open('/')
    await keys('w')
    await eventually(() => parameter('from')).toBe('-7d')
    await settle(page)
    await keys('ArrowLeft')
    await eventually(() => parameter('from')).toMatch(/^\d{4}-\d\d-\d\d$/)
    await keys('x')
    await eventually(() => parameter('cmp')).toBe('prev,wd')
    await page.getByText(/Compared range/).waitFor()
    await keys('i')
    await eventually(() => parameter('i')).toBe('week')
    await keys('x', 'f')
    await eventually(() => [parameter('cmp'), parameter('from')]).toEqual([null, '-28d'])
  })

  test('a person reads the numbers of a chart as a table, and they are those of the API', async () => {
    await open('/?i=day')
    await keys('t')
    await page.getByRole('table', { name: 'View over time' }).waitFor()
    const shown = await rowsOf('View over time')
    const { body } = await site.fleet.get(`/api/v1/timeseries?${SUBJECT}&interval=day&from=${dayBack(27)}`)
    expect(shown.map(([, count]) => Number(count!.replaceAll(',', '')))).toEqual(body.data.map(({ count }: { count: number }) => count))
    await keys('t')
    await page.locator('[data-chart] svg').first().waitFor()
  })

  test('a person finds a title in a list, opens it, and learns why its number is what it is', async () => {
    await open('/content')
    await keys('/')
    await page.keyboard.type('Film 03')
    await eventually(async () => (await rowsOf('Top by View')).length).toBe(1)
    await tabTo(/^Film 03$/)
    await keys('Enter')
    await page.waitForURL(/\/content\/f-3/)
    await settle(page)
    await tabTo(/^Why is this number\?$/)
    await keys('Enter')
    await page.waitForURL(/\/proof/)
    await page.getByText('Adds up').waitFor()
    const { body } = await site.fleet.get('/api/v1/entities/jav/movie/f-3')
    await page.getByText(body.data.totals.view.toLocaleString('en-US'), { exact: true }).first().waitFor()
  })

  test('a person notes what happened, saves the view by name, and comes back to it', async () => {
    await open('/?from=-7d')
    await keys('n')
    await page.getByLabel('What happened').waitFor()
    await page.keyboard.type('Festival')
    await keys('Enter')
    await page.getByRole('list', { name: 'Notes in this range' }).getByText('Festival').waitFor()
    await keys('s')
    await eventually(() => page.evaluate(() => document.activeElement?.tagName)).toBe('INPUT')
    await page.keyboard.type('My week')
    await keys('Enter')
    await page.getByRole('link', { name: 'My week' }).waitFor()
    await keys('Escape', 'g', 'q')
    await page.waitForURL(/\/queues/)
    await keys('Control+k')
    await page.getByPlaceholder(/Page, range/).fill('my week')
    await page.getByRole('option', { name: 'My week' }).waitFor()
    await keys('Enter')
    await page.waitForURL(/\/\?from=-7d/)
    await tabTo(/^Delete Festival$/)
    await keys('Enter')
    await eventually(() => page.getByText('Festival').count()).toBe(0)
  })

  test('a person asks what the keys are, and gets back to where they were', async () => {
    await open('/queues')
    await keys('?')
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor()
    await keys('Escape')
    await eventually(() => page.getByRole('dialog').count()).toBe(0)
    await keys('g', 's')
    await page.waitForURL(/\/settings/)
  })
})

test('back, forward and a pasted address restore the view', { timeout: 240_000 }, async () => {
  await open('/content?from=-7d')
  const all = await rowsOf('Top by View')
  await page.getByRole('button', { name: 'Comedy', exact: true }).click()
  await eventually(() => parameter('f')).toBe('genres:is:Comedy')
  await eventually(async () => (await rowsOf('Top by View')).length).toBeLessThan(all.length)
  const filtered = await rowsOf('Top by View')
  await page.getByRole('button', { name: 'Thriller', exact: true }).click({ modifiers: ['Shift'] })
  await eventually(() => new URL(page.url()).searchParams.getAll('f')).toEqual(['genres:is:Comedy', 'genres:not:Thriller'])
  const address = page.url()
  await settle(page)
  const both = await rowsOf('Top by View')
  await page.goBack()
  await eventually(() => rowsOf('Top by View')).toEqual(filtered)
  await page.goBack()
  await eventually(() => rowsOf('Top by View')).toEqual(all)
  await page.goForward()
  await eventually(() => rowsOf('Top by View')).toEqual(filtered)

  const pasted = await watched.context.newPage()
  await pasted.goto(address)
  await settle(pasted)
  expect(await pasted.getByRole('table', { name: 'Top by View' }).locator('tbody tr').count()).toBe(both.length)
  await pasted.goto(`${site.url}/?from=nonsense&cmp=never&m=nothing`)
  await pasted.getByText('Part of the address could not be read and was replaced: from, m, cmp').waitFor()
  await settle(pasted)
})

test('an exported list is the table, is the API', { timeout: 240_000 }, async () => {
  await open('/content?f=genres:not:Drama')
  await page.getByRole('button', { name: 'Load more' }).click({ timeout: 2_000 }).catch(() => undefined) // when there is more
  await settle(page)
  const table = (await rowsOf('Top by View')).map(([title, id, count]) => [id, title, Number(count!.replaceAll(',', ''))])
  const saved = async (format: 'CSV' | 'JSON') => {
    await page.getByRole('button', { name: 'Export Top by View' }).click()
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: `Download ${format}` }).click()])
    expect(file.suggestedFilename()).toBe(`top-view.${format.toLowerCase()}`)
    return await readFile(await file.path(), 'utf8')
  }
  const [header, ...lines] = (await saved('CSV')).trim().split('\r\n')
  const column = (name: string) => header!.replace(/^\uFEFF/, '').split(',').indexOf(name)
  const csv = lines.map((line) => line.split(',')).map((cells) => [cells[column('entity_id')], cells[column('title')], Number(cells[column('count')])])
  const json = JSON.parse(await saved('JSON')).data.map((row: { entity_id: string; title: string; count: number }) => [row.entity_id, row.title, row.count])
  const { body } = await site.fleet.get(`/api/v1/entities/top?${SUBJECT}&from=${dayBack(27)}&f=genres:not:Drama&limit=1000`)
  const api = body.data.map((row: { entity_id: string; title: string; count: number }) => [row.entity_id, row.title, row.count])
  expect(table.length).toBeGreaterThan(5)
  expect(table).toEqual(api)
  expect(csv).toEqual(api)
  expect(json).toEqual(api)
})

describe('people', { timeout: 240_000 }, () => {
  test('whoever is not logged in is asked to, told when it fails, and led to where they wanted', async () => {
    const { page: stranger, context } = await openPage(browser, {}, { expected: /401/ })
    await stranger.goto(`${site.url}/content?from=-7d`)
    expect(new URL(stranger.url()).pathname).toBe('/login')
    expect((await context.request.get(`${site.url}/api/v1/overview?domain=jav&entity_type=movie`)).status()).toBe(401)
    const logIn = async (password: string) => {
      await stranger.getByLabel('Name').fill('analyst')
      await stranger.getByLabel('Password').fill(password)
      await stranger.getByRole('button', { name: 'Log in' }).click()
    }
    await logIn('wrong')
    await stranger.getByText('Name and password do not match.').waitFor()
    await logIn(PASSWORD)
    await stranger.waitForURL(`${site.url}/content?from=-7d`)
    await settle(stranger)
    await stranger.getByRole('button', { name: 'Log out' }).click()
    await stranger.waitForURL(/\/login/)
    await stranger.goto(site.url)
    expect(new URL(stranger.url()).pathname).toBe('/login')
  })

  test('a viewer sees numbers and no keys or people, and the API refuses both with a reason', async () => {
    const state = await site.logIn(browser, 'viewer')
    const { page: viewer, context, faults } = await openPage(browser, { storageState: state })
    await viewer.goto(`${site.url}/settings`)
    await settle(viewer)
    await viewer.getByText('Only administrators see keys and people.').waitFor()
    expect(await viewer.getByRole('heading', { name: /API keys|Team and roles/ }).count()).toBe(0)
    await viewer.goto(`${site.url}/proof`)
    await settle(viewer)
    expect(await viewer.getByRole('button', { name: 'Compare now' }).count()).toBe(0)
    for (const [method, path] of [['GET', '/api/v1/keys'], ['GET', '/api/v1/users'], ['POST', '/api/v1/parity'], ['GET', '/api/v1/dlq']] as const) {
      const answer = await context.request.fetch(site.url + path, { method, headers: { origin: site.url }, ...(method === 'POST' && { data: {} }) })
      expect([path, answer.status(), ((await answer.json()) as { code: string }).code]).toEqual([path, 403, expect.stringMatching(/^(SCOPE|ROLE)_MISSING$/)])
    }
    expect(faults).toEqual([])
  })

  test('an administrator makes a key that works, and revokes it', async () => {
    const { page: admin, faults } = await openPage(browser, { storageState: await site.logIn(browser, 'admin') })
    await admin.goto(`${site.url}/settings`)
    await settle(admin)
    await admin.getByRole('button', { name: 'New key' }).click()
    await admin.getByRole('dialog').getByLabel('Name').fill('reader')
    await admin.getByRole('checkbox', { name: 'ingest' }).uncheck()
    await admin.getByRole('checkbox', { name: 'read' }).check()
    await admin.getByRole('button', { name: 'Make key' }).click()
    const secret = await admin.getByText(/^tf_sk_\S{20,}$/).innerText()
    const read = async () => (await fetch(`${site.url}/api/v1/overview?domain=jav&entity_type=movie`, { headers: { authorization: `Bearer ${secret}` } })).status
    expect(await read()).toBe(200)
    await admin.getByRole('button', { name: 'Revoke reader' }).click()
    await admin.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
    await eventually(read).toBe(401)
    expect(faults).toEqual([])
  })
})

/** The day, in the tenant's zone UTC, so many days ago. */
function dayBack(days: number): string {
  return new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10)
}
