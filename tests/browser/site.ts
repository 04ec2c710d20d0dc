import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, BrowserContext } from 'playwright-core'
import { cleanEnv, newHome, runCli, startFleet, type FleetProcess } from '../fleet-process.ts'

export type SessionState = Awaited<ReturnType<BrowserContext['storageState']>>
export type Role = 'viewer' | 'analyst' | 'operator' | 'admin'

/** A fleet with a small film catalog and four weeks of events, and how to log in to it. */
export type Site = {
  url: string
  fleet: FleetProcess
  /** Makes a person of that name and role, with `PASSWORD`, logs in by the form, and answers what a browser context needs. */
  logIn(browser: Browser, role: Role): Promise<SessionState>
  close(): Promise<void>
}

export const PASSWORD = 'correct horse battery'
const FILMS = 40
const DAYS = 28
const DAY_MS = 86_400_000
const GENRES = ['Drama', 'Comedy', 'Thriller', 'Science fiction', 'Documentary']

/** Film `n`: the higher, the less seen. Every seventh has no genre, so that there is something to mend. */
function film(n: number): Record<string, unknown> {
  return {
    id: `f-${n}`, title: `Film ${String(n).padStart(2, '0')}`, release_date: `${1950 + n}-05-01`, source: n % 2 ? 'import' : 'editor',
    genres: n % 7 === 0 ? [] : [GENRES[n % GENRES.length], GENRES[(n * 3) % GENRES.length]],
  }
}

/** The same events in every run, but for the days they happen on. */
function* events(now: number): Generator<Record<string, unknown>> {
  for (let day = 0; day < DAYS; day++) {
    for (let n = 1; n <= FILMS; n++) {
      const views = Math.floor((60 / (n + 2)) * (1 + ((day * n) % 5) / 5))
      for (let i = 0; i < views; i++) {
        yield {
          domain: 'jav', entity_type: 'movie', entity_id: `f-${n}`, action: i % 6 === 5 ? 'download' : 'view',
          occurred_at: new Date(now - day * DAY_MS - (i % 60) * 1_000).toISOString(), event_id: `e-${day}-${n}-${i}`,
        }
      }
    }
  }
}

/** @param empty no event was ever sent */
export async function openSite({ empty = false, more = {} }: { empty?: boolean; more?: Record<string, string> } = {}): Promise<Site> {
  const { home, remove } = await newHome()
  const fleet = await startFleet(cleanEnv(home, { LOG_LEVEL: 'error', ...more }))
  const run = async (args: string[], input?: string) => {
    const { exit, stderr, stdout } = await runCli(fleet.env, args, input)
    if (exit !== 0) throw new Error(`${args.join(' ')} ended with ${exit}: ${stderr}${stdout}`)
  }
  if (!empty) {
    const catalog = join(home, 'films.ndjson')
    const log = join(home, 'events.ndjson')
    const lines = (rows: Iterable<unknown>) => [...rows].map((row) => `${JSON.stringify(row)}\n`).join('')
    await writeFile(catalog, lines(Array.from({ length: FILMS }, (_, index) => film(index + 1))))
    await writeFile(log, lines(events(Date.now())))
    for (const args of [['catalog', 'import', '--format', 'ndjson', catalog], ['import', '--format', 'ndjson', log], ['flush', '--wait']]) {
      await run(args)
    }
  }
  return {
    url: fleet.url, fleet,
    async logIn(browser, role) {
      await run(['users', 'put', role, '--role', role], PASSWORD)
      const context = await browser.newContext({ locale: 'en-US' })
      const page = await context.newPage()
      await page.goto(`${fleet.url}/login`)
      await page.getByLabel('Name').fill(role)
      await page.getByLabel('Password').fill(PASSWORD)
      await Promise.all([page.waitForURL(`${fleet.url}/`), page.getByRole('button', { name: 'Log in' }).click()])
      const state = await context.storageState()
      await context.close()
      return state
    },
    close: async () => {
      await fleet.stop()
      await remove()
    },
  }
}
