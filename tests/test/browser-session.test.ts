/// <reference lib="dom" />
// What is handed to the page runs there.
import { randomUUID } from 'node:crypto'
import { join as joinPath } from 'node:path'
import { generate } from 'otplib'
import type { Page } from 'puppeteer-core'
import t from 'tap'
import {
  addAuthenticator,
  send,
  startBrowser,
  submit,
  textOf,
  untilStatus,
} from '#src/browser/browser.ts'
import { visit } from '#src/browser/phone.ts'
import { insist, join, PASSWORD, patient } from '#src/people.ts'
import { createPlatform } from './helper.ts'

/** A folder for pictures of every step, for people who want to look; tests need none. */
const pictures = process.env.WALK_PICTURES ?? ''

async function picture(page: Page, name: string): Promise<void> {
  if (pictures === '') return
  await page.screenshot({ path: joinPath(pictures, `${name}.png`), fullPage: true })
}

const unique = () => randomUUID().slice(0, 8)
const { platform, client: hasty } = await createPlatform(t)
const client = patient(hasty)
const browser = await startBrowser()
t.teardown(() => browser.close())
const origin = platform.gatewayUrl.replace('127.0.0.1', 'localhost')

/** A phone with cookies of its own. */
async function openPhone(hasScript: boolean): Promise<Page> {
  const context = await browser.createBrowserContext()
  t.teardown(() => context.close())
  const page = await context.newPage()
  page.setDefaultTimeout(120_000)
  await page.setViewport({ width: 390, height: 844, isMobile: true, hasTouch: true })
  await page.setJavaScriptEnabled(hasScript)
  return page
}

const pathOf = (page: Page) => page.url().slice(origin.length)
const secretOf = async (page: Page) =>
  (await page.browserContext().cookies()).find(({ name }) => name === 'session')

t.test('without a script a user registers, logs in, comes back and logs out', async (t) => {
  const page = await openPhone(false)
  const email = `ann-${unique()}@example.test`
  await visit(page, `${origin}/events.html`)
  await Promise.all([page.waitForNavigation(), page.click('nav a[href^="/login"]')])
  t.equal(pathOf(page), '/login?returnTo=%2Fevents.html')
  await picture(page, 'login')
  await Promise.all([page.waitForNavigation(), page.click('main a[href^="/register"]')])
  await send(page, 'register', { name: 'Ann', email, password: 'password' })
  t.match(await page.title(), /^There is a problem/)
  t.equal(await page.$eval('#field-email', (input) => (input as HTMLInputElement).value), email)
  await picture(page, 'register-problem')
  await send(page, 'register', { password: PASSWORD })
  t.equal(pathOf(page), '/register/done?returnTo=%2Fevents.html')
  await Promise.all([page.waitForNavigation(), page.click('main a[href^="/login"]')])
  await send(page, 'login', { email, password: 'not the password' })
  t.match(await page.title(), /^There is a problem/)
  await picture(page, 'login-problem')
  await send(page, 'login', { password: PASSWORD })
  t.equal(pathOf(page), '/events.html', 'back where the visitor was')
  t.match(await secretOf(page), { httpOnly: true, sameSite: 'Lax', session: true, path: '/' })
  await visit(page, `${origin}/account`)
  t.equal(await page.$eval('#email', (line) => line.textContent), email)
  await visit(page, `${origin}/account/security`)
  t.equal(await page.$$eval('#sessions li', (lines) => lines.length), 1)
  await send(page, 'logout', {})
  t.equal(pathOf(page), '/login')
  t.equal(await secretOf(page), undefined)
  await visit(page, `${origin}/account`)
  t.equal(pathOf(page), '/login?returnTo=%2Faccount')
})

t.test('two-factor, a session of another device, and its end, without a script', async (t) => {
  const person = await join(client, 'Ben', `ben-${unique()}`)
  const { token, email } = person
  const { body } = await insist(client, 'POST', '/identity/2fa/enable', { token, accept: [200] })
  const secret = String(body.secret)
  const code = await generate({ secret })
  await insist(client, 'POST', '/identity/2fa/verify', { token, body: { code }, accept: [200] })
  const page = await openPhone(false)
  await visit(page, `${origin}/login`)
  await page.click('#field-remember')
  await send(page, 'login', { email, password: PASSWORD })
  t.match(pathOf(page), /^\/login\/code\?/)
  await picture(page, 'two-factor')
  await send(page, 'challenge', { code: '000000' })
  t.match(await page.title(), /^There is a problem/)
  const next = await generate({ secret, epoch: Math.floor(Date.now() / 1000) + 30 })
  await send(page, 'challenge', { code: next })
  t.equal(pathOf(page), '/account')
  t.match(await secretOf(page), { session: false }, 'it is kept')
  await visit(page, `${origin}/account/security`)
  t.equal(await page.$$eval('#sessions li', (lines) => lines.length), 2)
  await picture(page, 'account-sessions')
  await Promise.all([page.waitForNavigation(), page.click('#sessions form button')])
  t.equal(await page.$$eval('#sessions li', (lines) => lines.length), 1)
  t.equal((await client.request('GET', '/identity/me', { token })).statusCode, 401)
})

t.test('two tabs share the session, and a copied tab ends none', async (t) => {
  const person = await join(client, 'Cat', `cat-${unique()}`)
  const page = await openPhone(true)
  await visit(page, `${origin}/login?returnTo=%2Faccount`)
  await submit(page, 'login', { email: person.email, password: PASSWORD })
  t.equal(await textOf(page, '#email'), person.email)
  const kept = await page.evaluate(() => [
    sessionStorage.length,
    localStorage.length,
    document.cookie,
  ])
  t.match(kept, [0, 0, /^tz=[\w%-]+$/], 'no script can read the session')
  const other = await page.browserContext().newPage()
  await visit(other, `${origin}/account`)
  t.equal(await textOf(other, '#email'), person.email)
  const answers = await page.evaluate(async () => {
    const texts = await Promise.all(
      ['/identity/validate', '/identity/validate/optional', '/identity/me'].map(async (path) => {
        const answer = await fetch(path)
        return `${[...answer.headers].join(' ')} ${await answer.text()}`
      }),
    )
    return texts.join(' ')
  })
  t.notMatch(answers, /Bearer|eyJ/, 'no answer gives a script a token')
  await page.reload()
  t.equal(await textOf(page, '#email'), person.email)
})

t.test('a passkey of the account page logs in from the login page', async (t) => {
  const person = await join(client, 'Dan', `dan-${unique()}`)
  const page = await openPhone(true)
  const authenticator = await addAuthenticator(page)
  await visit(page, `${origin}/login`)
  await submit(page, 'login', { email: person.email, password: PASSWORD })
  await page.waitForFunction(() => location.pathname === '/account')
  await visit(page, `${origin}/account/security`)
  await page.waitForSelector('#add-passkey button:not([hidden])')
  await page.click('#add-passkey button')
  await untilStatus(page, 'The passkey is added')
  // The page asks in the field at once; a user who does not touch the authenticator stays on it.
  await authenticator.touches(false)
  await submit(page, 'logout', {})
  await page.waitForFunction(() => location.pathname === '/login')
  const button = await page.waitForSelector('#passkey button:not([hidden])')
  await authenticator.touches(true)
  // It is pressed once: each press begins a new login, which a slow page would never end.
  await button?.evaluate((element) => (element as HTMLButtonElement).click())
  await page.waitForFunction(() => location.pathname === '/account')
  t.equal(await textOf(page, '#email'), person.email)
  // The question in the field needs no press; it may be answered before the login page is seen here.
  await visit(page, `${origin}/account/security`)
  await submit(page, 'logout', {})
  await page.waitForFunction(() => location.pathname === '/account')
  t.equal(await textOf(page, '#email'), person.email)
})
