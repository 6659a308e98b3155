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

/** Fills a form and sends it; what comes of it is waited for by what the next page says. */
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

/** The same, and waits for the page that follows; for pages without a script too. */
export async function send(
  page: Page,
  form: string,
  values: Record<string, string>,
): Promise<void> {
  const selector = `form[data-form="${form}"]`
  for (const [name, value] of Object.entries(values)) {
    const input = await page.$(`${selector} [name="${name}"]`)
    await input?.evaluate((element) => {
      ;(element as HTMLInputElement).value = ''
    })
    await input?.type(value)
  }
  // By the keyboard: a picture that arrives late may move a button away from where a click was aimed.
  await page.focus(`${selector} button`)
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')])
}

/** Waits until a page says the text: of what was done, or of what is wrong with a form that came back. */
export async function untilStatus(page: Page, text: string): Promise<void> {
  await page.waitForFunction(
    (wanted: string) =>
      ['status', 'flash', 'problem'].some((id) =>
        document.getElementById(id)?.textContent?.includes(wanted),
      ),
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

/** The authenticator of a device, and whether its user touches it when it asks. */
export interface Authenticator {
  touches: (does: boolean) => Promise<void>
}

/** Gives a page an authenticator of the device that says yes to everything, so passkeys need no hand. */
export async function addAuthenticator(page: Page): Promise<Authenticator> {
  const cdp = await page.createCDPSession()
  await cdp.send('WebAuthn.enable')
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
  return {
    touches: (enabled) =>
      cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled }),
  }
}
