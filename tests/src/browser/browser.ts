/// <reference lib="dom" />
// What is handed to the page runs there.
import { ensureChromium } from '@auction/local/install/chromium.ts'
import { type Browser, launch, type Page } from 'puppeteer-core'

// Of the start and of every wait in a page: a busy machine may take many times the usual.
const TIMEOUT_MS = 120_000

/** A real Chromium without a window, on a profile of its own. */
export function startBrowser(log: (line: string) => void = () => {}): Promise<Browser> {
  return launch({
    timeout: TIMEOUT_MS,
    executablePath: ensureChromium(log),
    // As root Chromium refuses its own sandbox; what it opens here are only our pages.
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
    defaultViewport: { width: 900, height: 1000 },
  })
}

/** A new page that is patient. */
export async function openPage(browser: Browser): Promise<Page> {
  const page = await browser.newPage()
  page.setDefaultTimeout(TIMEOUT_MS)
  return page
}

/** Fills a form of the account pages, sends it, and waits until the status line says so. */
export async function submit(
  page: Page,
  form: string,
  values: Record<string, string>,
): Promise<void> {
  const selector = `form[data-form="${form}"]`
  for (const [name, value] of Object.entries(values)) {
    const input = await page.waitForSelector(`${selector} [name="${name}"]`, { visible: true })
    await input?.evaluate((element) => {
      ;(element as HTMLInputElement).value = ''
    })
    await input?.type(value)
  }
  const button = await page.waitForSelector(`${selector} button`, { visible: true })
  await button?.click()
}

/** Waits until the status line contains the text. */
export async function untilStatus(page: Page, text: string): Promise<void> {
  await page.waitForFunction(
    (wanted: string) => document.getElementById('status')?.textContent?.includes(wanted) === true,
    {},
    text,
  )
}

/** The text of an element that has some. */
export async function textOf(page: Page, selector: string): Promise<string> {
  await page.waitForFunction(
    (wanted: string) => (document.querySelector(wanted)?.textContent ?? '').trim() !== '',
    {},
    selector,
  )
  return page.$eval(selector, (element) => (element.textContent ?? '').trim())
}
