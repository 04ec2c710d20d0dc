import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import packed, { inflate } from '@sparticuz/chromium'
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core'

/**
 * A Chromium without a window, from a package: nothing is downloaded, and fonts come along, so that pages look the same
 * on every machine. The caller closes it.
 * @param more further switches of Chromium
 */
export async function openBrowser(more: readonly string[] = []): Promise<Browser> {
  const folder = await unpackChromium()
  return await chromium.launch({
    executablePath: join(folder, 'chromium'),
    args: ['--no-sandbox', '--no-zygote', '--disable-gpu', '--font-render-hinting=none', '--disable-dev-shm-usage', ...more],
    env: { PATH: process.env['PATH'] ?? '', HOME: homedir(), FONTCONFIG_FILE: join(folder, 'fonts.conf'), LD_LIBRARY_PATH: join(folder, 'al2023/lib') },
  })
}

/** Unpacked once for a version. The package always unpacks into the temporary folder, so that is a fresh one meanwhile. */
async function unpackChromium(): Promise<string> {
  const main = join(import.meta.dirname, '../../node_modules/@sparticuz/chromium')
  const { version } = JSON.parse(await readFile(join(main, 'package.json'), 'utf8')) as { version: string }
  const folder = join(tmpdir(), `fleet-chromium-${version}-${process.getuid?.() ?? 0}`)
  if (existsSync(folder)) return folder
  const fresh = await mkdtemp(`${folder}.`)
  const before = process.env['TMPDIR']
  process.env['TMPDIR'] = fresh
  try {
    await packed.executablePath()
    await inflate(join(main, 'bin/al2023.tar.br'))
  } finally {
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
  }
  await writeFile(join(fresh, 'fonts.conf'), `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
<dir>${join(folder, 'fonts')}</dir><dir>/usr/share/fonts</dir><cachedir>${join(folder, 'font-cache')}</cachedir></fontconfig>`)
  try {
    await rename(fresh, folder)
  } catch {
    await rm(fresh, { recursive: true, force: true }) // another test was first
  }
  return folder
}

/** Closes every page of the browser. */
export async function closePages(browser: Browser): Promise<void> {
  await Promise.all(browser.contexts().map((context) => context.close()))
}

/** A page and what went wrong on it: errors of the console, exceptions, breaches of the content security policy. */
export type WatchedPage = { page: Page; context: BrowserContext; faults: string[] }

/**
 * A page in a context of its own, in English, that moves nothing. Requests that a test makes fail on purpose are noted
 * by the browser too: `expected` says which lines of the console are no faults.
 */
export async function openPage(
  browser: Browser, options: BrowserContextOptions = {}, { expected }: { expected?: RegExp } = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ locale: 'en-US', timezoneId: 'UTC', viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', ...options })
  const page = await context.newPage()
  const faults: string[] = []
  const note = (line: string) => { if (!expected?.test(line)) faults.push(line) }
  page.on('pageerror', (error) => note(`${dirname(page.url())} ${error.message}`))
  page.on('console', (message) => { if (message.type() === 'error') note(`${page.url()} ${message.text()} ${message.location().url}`) })
  page.setDefaultTimeout(60_000)
  return { page, context, faults }
}
