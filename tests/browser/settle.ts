import type { Page } from 'playwright-core'
import { expect } from 'vitest'

/** The page's own, in functions that run there. */
declare const document: any
declare const innerHeight: number

/** Waits until everything that the page reads is there, and the charts of which a quarter is to be seen are drawn. */
export async function settle(page: Page): Promise<void> {
  await page.locator('#page h1').waitFor()
  await page.waitForFunction(() => !document.querySelector('#page [aria-busy="true"], #page .skeleton')
    && [...document.querySelectorAll('[data-drawing]')].every((drawing) => {
      const { top, height } = drawing.getBoundingClientRect()
      return drawing.querySelector('svg') || top + height / 4 >= innerHeight
    }))
}

/** `expect` of something that comes true in a while, on a slow machine too. */
export const eventually = <T>(read: () => T) => expect.poll(read, { timeout: 60_000, interval: 100 })
