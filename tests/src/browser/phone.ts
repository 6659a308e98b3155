/// <reference lib="dom" />
// What is handed to the page runs there.
import { join as joinPath } from 'node:path'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import type { Browser, HTTPResponse, Page } from 'puppeteer-core'

/** A folder for pictures of every step, for people who want to look; tests need none. */
const pictures = process.env.WALK_PICTURES ?? ''

export async function picture(page: Page, name: string): Promise<void> {
  if (pictures === '') return
  await page.screenshot({ path: joinPath(pictures, `${name}.png`), fullPage: true })
}

export interface PhoneOptions {
  hasScript: boolean
  /** Gets what the browser complained about: above all, what the content security policy refused. */
  complaints: string[]
}

/** A phone of a person of its own, who shares nothing with others. */
export async function openPhone(browser: Browser, options: PhoneOptions): Promise<Page> {
  const context = await browser.createBrowserContext()
  const page = await context.newPage()
  await becomePhone(page, options)
  return page
}

export async function becomePhone(
  page: Page,
  { hasScript, complaints }: PhoneOptions,
): Promise<void> {
  page.setDefaultTimeout(120_000)
  await page.setViewport({ width: 390, height: 844, isMobile: true, hasTouch: true })
  await page.setJavaScriptEnabled(hasScript)
  page.on('console', (line) => {
    // Refused bids are pages with 4xx, which Chromium calls an error.
    const isStatus = line.text().startsWith('Failed to load resource')
    if (line.type() === 'error' && !isStatus) complaints.push(line.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
}

/** Opens a page. What a busy machine could not answer in time says "back in a moment", and its reader comes back. */
export async function visit(page: Page, url: string): Promise<HTTPResponse | null> {
  const { answer } = await waitFor(`${url} to be answered`, async () => {
    const answer = await page.goto(url)
    return answer?.status() === 503 ? undefined : { answer }
  })
  return answer
}

/** Follows a link, or presses a button, and waits for the page behind it. */
export async function follow(page: Page, selector: string): Promise<void> {
  await Promise.all([page.waitForNavigation(), page.click(selector)])
}

const TABS_MAX = 80

/**
 * Goes on with the tab key until the element has the focus. Throws when the keyboard does not reach it, or when it
 * does not show that it has the focus; waits until the page has scrolled to it.
 */
export async function tabTo(page: Page, selector: string): Promise<void> {
  for (let tabs = 0; tabs < TABS_MAX; tabs += 1) {
    await page.keyboard.press('Tab')
    const isOutlined = await page.evaluate((wanted: string) => {
      const element = document.activeElement
      if (element?.matches(wanted) !== true) return undefined
      const { outlineStyle, outlineWidth } = getComputedStyle(element)
      return outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2
    }, selector)
    if (isOutlined === undefined) continue
    if (!isOutlined) throw new Error(`${selector} does not show its focus`)
    const isInSight = () =>
      page.evaluate(() => {
        const { top, bottom } = document.activeElement?.getBoundingClientRect() ?? new DOMRect()
        return top >= 0 && bottom <= innerHeight
      })
    await waitFor(`${selector} in sight`, isInSight)
    return
  }
  throw new Error(`the keyboard does not reach ${selector}`)
}

/** Presses enter on what has the focus, and waits for the page that follows. */
export async function pressEnter(page: Page): Promise<void> {
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')])
}
