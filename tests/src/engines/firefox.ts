/// <reference lib="dom" />
// What is handed to the page runs there.
import { ensureFirefox } from '@auction/local/install/engines.ts'
import { launch } from 'puppeteer-core'
import type { Engine } from './engine.ts'

const START_TIMEOUT_MS = 120_000

/** Firefox over WebDriver BiDi, without a window. */
export async function startFirefox(log: (line: string) => void): Promise<Engine> {
  const browser = await launch({
    browser: 'firefox',
    executablePath: ensureFirefox(log),
    timeout: START_TIMEOUT_MS,
    defaultViewport: { width: 390, height: 844 },
  })
  const page = await browser.newPage()
  return {
    title: await browser.version(),
    open: async (url) => void (await page.goto(url)),
    address: async () => page.url(),
    text: async (selector) =>
      (await page.$$eval(selector, (all) => all.map(({ textContent }) => textContent ?? '')))[0],
    async type(selector, text) {
      await page.$eval(selector, (field) => {
        ;(field as HTMLInputElement).value = ''
      })
      await page.type(selector, text)
    },
    click: (selector) => page.click(selector),
    screenshot: async (file) => void (await page.screenshot({ path: file as `${string}.png` })),
    close: () => browser.close(),
  }
}
