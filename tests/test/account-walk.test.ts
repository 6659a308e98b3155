/// <reference lib="dom" />
// What is handed to the page runs there.
import { randomUUID } from 'node:crypto'
import { join as joinPath } from 'node:path'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import { generate } from 'otplib'
import type pg from 'pg'
import type { Page } from 'puppeteer-core'
import t from 'tap'
import { openPage, send, startBrowser, submit, textOf, untilStatus } from '#src/browser/browser.ts'
import { visit } from '#src/browser/phone.ts'
import { makeAdmin } from '#src/console.ts'
import {
  insist,
  joinByMail,
  mailedLink,
  PASSWORD,
  patient,
  sell,
  logIn as tokenOf,
} from '#src/people.ts'
import { openPool } from '#src/pools.ts'
import { createPlatform } from './helper.ts'

const NEXT_PASSWORD = 'another phrase that no one guesses 8'
const LAST_PASSWORD = 'a third phrase, after the mailed link 9'

/** A folder for pictures of every step, for people who want to look; tests need none. */
const pictures = process.env.WALK_PICTURES ?? ''

async function picture(page: Page, name: string): Promise<void> {
  if (pictures === '') return
  await page.screenshot({ path: joinPath(pictures, `${name}.png`), fullPage: true })
}

const codeOf = (secret: string, stepsAhead = 0) =>
  generate({ secret, epoch: Math.floor(Date.now() / 1000) + stepsAhead * 30 })

t.test('an account from its first day to its last', async (t) => {
  const env = {
    'identity-api': { EMAIL_VERIFICATION: 'required' },
    'payment-api': { APPROVAL_LIMITS: '{"EUR":"500.00"}' },
  }
  const { platform, client: hasty } = await createPlatform(t, { env })
  const client = patient(hasty)
  const browser = await startBrowser()
  t.teardown(() => browser.close())
  // Links lead to the public address, and a session belongs to one origin.
  const url = (path: string) => platform.gatewayUrl.replace('127.0.0.1', 'localhost') + path
  const unique = () => randomUUID().slice(0, 8)
  const email = `ann-${unique()}@example.test`
  const newEmail = `ann-new-${unique()}@example.test`
  const page = await openPage(browser)
  const isAt = (path: string) =>
    page.waitForFunction((wanted: string) => location.pathname === wanted, {}, path)
  const logIn = async (address: string, password: string) => {
    await visit(page, url('/login'))
    await submit(page, 'login', { email: address, password })
  }
  const prove = async (password: string, code: string) => {
    await submit(page, 'reauthenticate', { proofPassword: password, proofCode: code })
  }
  let secret = ''
  let recoveryCodes: string[] = []

  await t.test('registers, shows whose the address is, and logs in', async (t) => {
    await visit(page, url('/register'))
    await submit(page, 'register', { name: 'Ann', email, password: PASSWORD })
    await untilStatus(page, 'Look into your mailbox')
    await picture(page, '1-registered')
    await visit(page, await mailedLink(platform.mailbox, email, 'verify_email'))
    await submit(page, 'verify-email', {})
    await untilStatus(page, 'Your address is verified')
    await logIn(email, PASSWORD)
    await isAt('/account')
    t.equal(await textOf(page, '#email'), email)
    const kept = await page.evaluate(() => [
      sessionStorage.length,
      localStorage.length,
      document.cookie,
    ])
    t.match(kept, [0, 0, /^tz=[\w%-]+$/], 'no script can read the session')
    await picture(page, '2-account')
  })

  await t.test('turns two-factor on, and another session ends with that', async (t) => {
    const other = await insist(client, 'POST', '/identity/login', {
      body: { email, password: PASSWORD },
      accept: [200],
    })
    await visit(page, url('/account/security'))
    await page.waitForFunction(() => document.querySelectorAll('#sessions li').length === 2)
    await picture(page, '3-two-sessions')
    await submit(page, 'two-factor', {})
    secret = await textOf(page, '#two-factor-secret')
    await picture(page, '4-enrolment')
    await submit(page, 'two-factor-verify', { code: await codeOf(secret) })
    await untilStatus(page, 'Two-factor is on')
    recoveryCodes = await page.$$eval('#recovery-codes li', (lines) =>
      lines.map((line) => line.textContent ?? ''),
    )
    t.equal(recoveryCodes.length, 10)
    await picture(page, '5-recovery-codes')
    const me = await client.request('GET', '/identity/me', { token: String(other.body.token) })
    t.equal(me.statusCode, 401)
  })

  await t.test('loses the phone and comes back by a recovery code, which works once', async (t) => {
    await submit(page, 'logout', {})
    await isAt('/login')
    await submit(page, 'login', { email, password: PASSWORD })
    await picture(page, '6-challenge')
    await submit(page, 'challenge', { code: recoveryCodes[0] ?? '' })
    await isAt('/account')
    await visit(page, url('/account/security'))
    t.match(await textOf(page, '#two-factor-state'), /^On\. .*9 recovery codes are left/)
    await submit(page, 'logout', {})
    await isAt('/login')
    await submit(page, 'login', { email, password: PASSWORD })
    await submit(page, 'challenge', { code: recoveryCodes[0] ?? '' })
    await untilStatus(page, 'it was used before')
    await submit(page, 'challenge', { code: await codeOf(secret, 1) })
    await isAt('/account')
  })

  await t.test(
    'changes the password, and resets it by mail without losing two-factor',
    async (t) => {
      await visit(page, url('/account/security'))
      await submit(page, 'password-change', { newPassword: NEXT_PASSWORD })
      await untilStatus(page, 'The password is changed')
      await visit(page, url('/account/forgot'))
      await submit(page, 'forgot', { email })
      await untilStatus(page, 'a mail is on its way')
      await visit(page, await mailedLink(platform.mailbox, email, 'reset_password'))
      await submit(page, 'reset', { newPassword: LAST_PASSWORD })
      await untilStatus(page, 'The new password is set')
      await logIn(email, NEXT_PASSWORD)
      await untilStatus(page, 'is not right')
      await logIn(email, LAST_PASSWORD)
      await submit(page, 'challenge', { code: recoveryCodes[1] ?? '' })
      await isAt('/account')
      await visit(page, url('/account/security'))
      t.match(await textOf(page, '#two-factor-state'), /^On/)
    },
  )

  await t.test('changes the address, announced at the old one', async (t) => {
    await visit(page, url('/account/email'))
    await submit(page, 'email-change', { email: newEmail })
    await untilStatus(page, 'A link is on its way')
    await visit(page, await mailedLink(platform.mailbox, newEmail, 'confirm_email'))
    await picture(page, '7-confirm-address')
    await submit(page, 'confirm-email', {})
    await untilStatus(page, 'This is your address now')
    await waitFor('the mails to the old address', async () => {
      const mails = platform.mailbox.mails().filter(({ to }) => to === email)
      return ['email_change_asked', 'email_changed'].every((template) =>
        mails.some((mail) => mail.template === template),
      )
    })
    await visit(page, url('/account'))
    t.equal(await textOf(page, '#email'), newEmail)
  })

  await t.test('wants a fresh proof when the last one is old', async () => {
    const pool = openPool(platform.postgres.url('identity'))
    await pool.query(
      `update sessions set authenticated_at = clock_timestamp() - interval '11 minutes'`,
    )
    await pool.end()
    await visit(page, url('/account/email'))
    await submit(page, 'email-change', { email: `other-${unique()}@example.test` })
    await page.waitForSelector('form[data-form="reauthenticate"]')
    await picture(page, '8-proof')
    await prove(LAST_PASSWORD, recoveryCodes[2] ?? '')
    await untilStatus(page, 'A link is on its way')
  })

  await t.test('leaves, but not while leading or selling', async (t) => {
    const seller = await joinByMail(client, platform.mailbox, 'Sam', `sam-${unique()}`)
    const { id } = await sell(client, seller, {
      name: 'A lamp',
      startPrice: '1.00',
      durationMs: 3_600_000,
    })
    await waitFor('the lot', async () => {
      const { statusCode } = await client.request('GET', `/api/v1/lots/${id}`)
      return statusCode === 200
    })
    const key = randomUUID()
    const send = () =>
      page.evaluate(
        async (path, key) => {
          const headers = { 'content-type': 'application/json', 'idempotency-key': key }
          const body = JSON.stringify({ maxAmount: '2.00' })
          return (await fetch(path, { method: 'POST', headers, body })).status
        },
        `/api/v1/lots/${id}/bids`,
        key,
      )
    const bid = await waitFor('the platform to have time', async () => {
      const status = await send()
      return status === 503 ? undefined : status
    })
    t.equal(bid, 201, 'the cookie is enough at the gateway')
    await visit(page, url('/account/delete'))
    await page.click('#field-sure')
    await submit(page, 'account-delete', {})
    await untilStatus(page, 'You lead an auction.')
    await picture(page, '9-still-leading')
    const ofSeller = await client.request('DELETE', '/identity/me', { token: seller.token })
    t.match(ofSeller, {
      statusCode: 409,
      body: { details: { obligations: [{ kind: 'selling', count: 1 }] } },
    })
    const ben = await joinByMail(client, platform.mailbox, 'Ben', `ben-${unique()}`)
    await insist(client, 'POST', `/api/v1/lots/${id}/bids`, {
      token: ben.token,
      body: { maxAmount: '5.00' },
      accept: [201],
      headers: { 'idempotency-key': randomUUID() },
    })
    await page.click('#field-sure')
    await submit(page, 'account-delete', {})
    await untilStatus(page, 'It will be deleted after')
    await picture(page, '10-closed')
  })

  await t.test('is deleted, and can bid no more', async (t) => {
    const [identity, bid] = (['identity', 'bid'] as const).map((name) =>
      openPool(platform.postgres.url(name)),
    ) as [pg.Pool, pg.Pool]
    // The days pass at once; the worker looks every five seconds.
    await identity.query('update deletions set due_at = clock_timestamp(), look_at = null')
    const deleted = async () => {
      const { rows } = await identity.query(`select id from users where status = 'deleted'`)
      return rows[0]?.id as string | undefined
    }
    await waitFor('the worker to delete the account', async () => (await deleted()) !== undefined)
    const userId = await deleted()
    await waitFor('bid to consume the deletion', async () => {
      const query = `select 1 from bidder_standings where user_id = $1 and standing = 'deleted'`
      return (await bid.query(query, [userId])).rowCount === 1
    })
    await Promise.all([identity.end(), bid.end()])
    await logIn(newEmail, LAST_PASSWORD)
    await untilStatus(page, 'is not right')
    t.ok(platform.mailbox.mails().some((mail) => mail.template === 'account_deleted'))
  })

  await t.test(
    'without a script, from the registration to the end of another session',
    async (t) => {
      const context = await browser.createBrowserContext()
      t.teardown(() => context.close())
      const page = await context.newPage()
      page.setDefaultTimeout(120_000)
      await page.setJavaScriptEnabled(false)
      await page.setViewport({ width: 390, height: 844, isMobile: true })
      const email = `eve-${unique()}@example.test`
      const said = () => page.$eval('#flash, #status', (line) => line.textContent ?? '')
      await visit(page, url('/de/register'))
      await send(page, 'register', { name: 'Eve', email, password: PASSWORD })
      await visit(page, url('/de/account/verify-email'))
      await picture(page, 'no-script-1-verify')
      const token = await mailedLink(platform.mailbox, email, 'verify_email')
      await send(page, 'verify-email', { token })
      t.match(await said(), /^Ihre Adresse ist bestätigt/)

      await visit(page, url('/tr/login?returnTo=%2Ftr%2Faccount%2Fsecurity'))
      await send(page, 'login', { email, password: PASSWORD })
      t.equal(new URL(page.url()).pathname, '/tr/account/security')
      await picture(page, 'no-script-2-security-tr')
      await send(page, 'two-factor', {})
      await picture(page, 'no-script-3-enrol-tr')
      const secret = await page.$eval('#two-factor-secret', (line) => line.textContent ?? '')
      await send(page, 'two-factor-verify', { code: '000000' })
      t.match(await page.title(), /^Bir sorun var/)
      await send(page, 'two-factor-verify', { code: await codeOf(secret) })
      t.match(await said(), /^İki adımlı giriş açık/)
      const codes = await page.$$eval('#recovery-codes li', (lines) =>
        lines.map((line) => line.textContent ?? ''),
      )
      t.equal(codes.length, 10)
      await picture(page, 'no-script-4-codes-tr')

      await send(page, 'logout', {})
      await visit(page, url('/de/login?returnTo=%2Fde%2Faccount%2Fsecurity'))
      await send(page, 'login', { email, password: PASSWORD })
      await send(page, 'challenge', { code: codes[0] ?? '' })
      t.equal(new URL(page.url()).pathname, '/de/account/security')

      const pool = openPool(platform.postgres.url('identity'))
      t.teardown(() => pool.end())
      await pool.query(
        `update sessions set authenticated_at = clock_timestamp() - interval '11 minutes'`,
      )
      await send(page, 'password-change', { newPassword: NEXT_PASSWORD })
      await picture(page, 'no-script-5-proof-de')
      await send(page, 'reauthenticate', { proofPassword: 'wrong', proofCode: codes[1] ?? '' })
      t.match(await page.title(), /^Es gibt ein Problem/)
      await send(page, 'reauthenticate', { proofPassword: PASSWORD, proofCode: codes[1] ?? '' })
      t.match(await said(), /^Das Passwort ist geändert/)

      const other = await insist(client, 'POST', '/identity/login', {
        body: { email, password: NEXT_PASSWORD },
        accept: [202],
      })
      const { token: pending } = other.body.details as { token: string }
      const { body } = await insist(client, 'POST', '/identity/2fa/challenge', {
        body: { token: pending, code: codes[2] ?? '' },
        accept: [200],
      })
      await visit(page, url('/de/account/security'))
      t.equal((await page.$$('#sessions li')).length, 2)
      await picture(page, 'no-script-6-sessions-de')
      await send(page, 'end-session', {})
      t.match(await said(), /^Diese Sitzung ist beendet/)
      t.equal((await page.$$('#sessions li')).length, 1)
      const me = await client.request('GET', '/identity/me', { token: String(body.token) })
      t.equal(me.statusCode, 401)

      // Leaves, and takes it back: by a login first, and then by the link of the mail.
      const leave = async () => {
        await visit(page, url('/de/account/delete'))
        await page.click('#field-sure')
        await send(page, 'account-delete', {})
        t.match(await said(), /^Es wird nach .+ gelöscht/)
      }
      const comeBack = async (code: string | undefined) => {
        await send(page, 'challenge', { code: code ?? '' })
        t.equal(new URL(page.url()).pathname, '/de/account')
      }
      await leave()
      const earlier = await mailedLink(platform.mailbox, email, 'account_deletion_asked')
      await visit(page, url('/de/login?returnTo=%2Fde%2Faccount'))
      await send(page, 'login', { email, password: NEXT_PASSWORD })
      t.match(await said(), /^Sie haben die Löschung dieses Kontos verlangt\. Es wird nach /)
      await picture(page, 'no-script-7-closed-de')
      await send(page, 'keep-account', { password: NEXT_PASSWORD })
      await comeBack(codes[3])

      await leave()
      let later = ''
      await waitFor('the second link', async () => {
        const links = platform.mailbox
          .mails()
          .filter(({ to, template }) => to === email && template === 'account_deletion_asked')
          .map(({ link }) => link ?? '')
        later = links.find((link) => link !== earlier) ?? ''
        return later !== ''
      })
      await visit(page, url('/de/account/keep'))
      await send(page, 'keep-account', { token: earlier })
      t.match(await page.title(), /^Es gibt ein Problem/, 'the link of before keeps nothing')
      await send(page, 'keep-account', { token: later })
      t.match(await said(), /^Ihr Konto bleibt bestehen/)
      await visit(page, url('/de/login?returnTo=%2Fde%2Faccount'))
      await send(page, 'login', { email, password: NEXT_PASSWORD })
      await comeBack(codes[4])
      await waitFor('the mails about both', async () => {
        const kept = platform.mailbox
          .mails()
          .filter(({ to, template }) => to === email && template === 'account_deletion_withdrawn')
        return kept.length === 2
      })
    },
  )

  await t.test(
    'without a script, a moderator handles a report and undoes it, finds an account, and approves',
    async (t) => {
      const context = await browser.createBrowserContext()
      t.teardown(() => context.close())
      const page = await context.newPage()
      page.setDefaultTimeout(120_000)
      await page.setJavaScriptEnabled(false)
      await page.setViewport({ width: 1280, height: 900 })
      const said = () => page.$eval('#flash', (line) => line.textContent ?? '')
      const [seller, reporter, olga] = [
        await joinByMail(client, platform.mailbox, 'Sue', `sue-${unique()}`),
        await joinByMail(client, platform.mailbox, 'Ron', `ron-${unique()}`),
        await joinByMail(client, platform.mailbox, 'Olga', `olga-${unique()}`),
      ]
      const lamp = { name: 'A <b>lamp</b>', startPrice: '1.00', durationMs: 3_600_000 }
      const { id } = await sell(client, seller, lamp)
      await insist(client, 'POST', `/api/v1/items/${id}/report`, {
        token: reporter.token,
        body: { reason: 'counterfeit', note: 'It is tin.' },
        accept: [201],
      })
      await visit(page, url('/de/login?returnTo=%2Fde%2Fmoderation'))
      await send(page, 'login', { email: olga.email, password: PASSWORD })
      t.equal(await page.$eval('h1', (line) => line.textContent), 'Das ist nicht für Sie')
      makeAdmin(platform.postgres.url('identity'), olga.email)
      await visit(page, url('/de/moderation'))
      await picture(page, 'desk-1-queue-de')
      await follow(page, 'tbody th a')
      t.match(await page.$eval('main', (main) => main.textContent ?? ''), 'It is tin.')
      await picture(page, 'desk-2-report-de')
      await page.click('details:first-of-type summary')
      await follow(page, 'form[data-form="remove"] button')
      t.match(await page.title(), /^Es gibt ein Problem/)
      await send(page, 'remove', { reason: 'Gefälscht.' })
      t.match(await said(), /^Es ist verborgen/)
      const shown = () => client.request('GET', `/api/v1/items/${id}`)
      t.match(await shown(), { statusCode: 404, body: { code: 'item.removed' } })
      await visit(page, url('/tr/moderation/actions'))
      await picture(page, 'desk-3-record-tr')
      await waitFor('the lot to be ended, so that it can be shown again', async () => {
        await visit(page, url('/tr/moderation/actions'))
        await page.click('main details summary')
        const form = await page.$eval('main details form', (each) => each.getAttribute('data-form'))
        await send(page, form ?? '', { reason: 'Yanlışlık.' })
        return (await page.$('#flash')) !== null
      })
      t.match(await said(), /^Yeniden gösteriliyor/)
      // Its auction has ended by that, so it is for its seller.
      const own = await client.request('GET', `/api/v1/items/${id}`, { token: seller.token })
      t.match(own, { statusCode: 200, body: { status: 'cancelled' } })

      const pool = openPool(platform.postgres.url('identity'))
      t.teardown(() => pool.end())
      await pool.query(
        `update sessions set authenticated_at = clock_timestamp() - interval '11 minutes'`,
      )
      await visit(page, url(`/tr/operator/users?email=${encodeURIComponent(reporter.email)}`))
      await send(page, 'reauthenticate', { proofPassword: PASSWORD })
      await picture(page, 'desk-4-users-tr')
      await follow(page, 'tbody th a')
      await page.click('main details summary')
      await send(page, 'suspend', { reason: 'Yanlış bildirimler.', until: '2099-12-31' })
      t.match(await said(), /^Hesap askıya alındı/)
      await picture(page, 'desk-5-user-tr')
      const me = await client.request('GET', '/identity/me', { token: reporter.token })
      t.equal(me.statusCode, 401)

      const pia = await joinByMail(client, platform.mailbox, 'Pia <b>', `pia-${unique()}`)
      makeAdmin(platform.postgres.url('identity'), pia.email)
      const token = await tokenOf(client, pia.email)
      const RATES = '/api/v1/billing/commission-rates'
      for (const basisPoints of [725, 900]) {
        await insist(client, 'POST', RATES, { token, body: { basisPoints }, accept: [202] })
      }
      await visit(page, url('/de/operator/approvals'))
      await picture(page, 'desk-6-approvals-de')
      const waiting = () =>
        page.$$eval('section.approval', (sections) =>
          sections.map(({ textContent }) => textContent ?? ''),
        )
      t.match(await waiting(), [/9\s%[\s\S]*Pia <b>/, /7,25\s%[\s\S]*Pia <b>/])
      await send(page, 'approve', {})
      t.match(await said(), /^Freigegeben: Es ist ausgeführt/)
      t.match(await waiting(), [/7,25\s%/])
      await send(page, 'approve', {})
      t.match(await page.title(), /^Es gibt ein Problem/, 'the newer one has changed the rate')
      t.match(await waiting(), [/hat sich seit dem Antrag geändert/])
      await picture(page, 'desk-7-outdated-de')
      await send(page, 'reject', {})
      t.match(await said(), /^Abgelehnt/)
      t.same(await waiting(), [])
      const { body } = await client.request<{ rates: object[] }>('GET', RATES, { token })
      t.match(body.rates[0], { basisPoints: 900 })
      t.notOk(JSON.stringify(body.rates).includes('725'))
    },
  )
})

/** Follows a link, without a script of the page. */
async function follow(page: Page, selector: string): Promise<void> {
  await Promise.all([page.waitForNavigation(), page.click(selector)])
}
