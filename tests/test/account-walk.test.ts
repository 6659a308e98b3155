/// <reference lib="dom" />
// What is handed to the page runs there.
import { randomUUID } from 'node:crypto'
import { join as joinPath } from 'node:path'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import { generate } from 'otplib'
import pg from 'pg'
import type { Page } from 'puppeteer-core'
import t from 'tap'
import { openPage, startBrowser, submit, textOf, untilStatus } from '#src/browser/browser.ts'
import { insist, joinByMail, mailedLink, PASSWORD, sell } from '#src/people.ts'
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
  const env = { 'identity-api': { EMAIL_VERIFICATION: 'required' } }
  const { platform, client } = await createPlatform(t, { env })
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
    await page.goto(url('/account/login'))
    await submit(page, 'login', { email: address, password })
  }
  const prove = async (password: string, code: string) => {
    await submit(page, 'reauthenticate', { password, code })
  }
  let secret = ''
  let recoveryCodes: string[] = []

  await t.test('registers, shows whose the address is, and logs in', async (t) => {
    await page.goto(url('/account/register'))
    await submit(page, 'register', { name: 'Ann', email, password: PASSWORD })
    await untilStatus(page, 'Look into your mailbox')
    await picture(page, '1-registered')
    await page.goto(await mailedLink(platform.mailbox, email, 'verify_email'))
    await submit(page, 'verify-email', {})
    await untilStatus(page, 'Your address is verified')
    await logIn(email, PASSWORD)
    await isAt('/account')
    t.equal(await textOf(page, '#email'), email)
    await picture(page, '2-account')
  })

  await t.test('turns two-factor on, and another session ends with that', async (t) => {
    const other = await insist(client, 'POST', '/identity/login', {
      body: { email, password: PASSWORD },
      accept: [200],
    })
    await page.reload()
    await page.waitForFunction(() => document.querySelectorAll('#sessions li').length === 2)
    await picture(page, '3-two-sessions')
    await page.click('[data-act="two-factor-enable"]')
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
    await page.click('[data-act="logout"]')
    await isAt('/account/login')
    await submit(page, 'login', { email, password: PASSWORD })
    await picture(page, '6-challenge')
    await submit(page, 'challenge', { code: recoveryCodes[0] ?? '' })
    await isAt('/account')
    t.match(await textOf(page, '#two-factor-state'), /^On\. 9 recovery codes are left/)
    await page.click('[data-act="logout"]')
    await isAt('/account/login')
    await submit(page, 'login', { email, password: PASSWORD })
    await submit(page, 'challenge', { code: recoveryCodes[0] ?? '' })
    await untilStatus(page, 'it was used before')
    await submit(page, 'challenge', { code: await codeOf(secret, 1) })
    await isAt('/account')
  })

  await t.test(
    'changes the password, and resets it by mail without losing two-factor',
    async (t) => {
      await submit(page, 'password-change', { newPassword: NEXT_PASSWORD })
      await untilStatus(page, 'The password is changed')
      await page.goto(url('/account/forgot'))
      await submit(page, 'forgot', { email })
      await untilStatus(page, 'a mail is on its way')
      await page.goto(await mailedLink(platform.mailbox, email, 'reset_password'))
      await submit(page, 'reset', { newPassword: LAST_PASSWORD })
      await untilStatus(page, 'The new password is set')
      await logIn(email, NEXT_PASSWORD)
      await untilStatus(page, 'is not right')
      await logIn(email, LAST_PASSWORD)
      await submit(page, 'challenge', { code: recoveryCodes[1] ?? '' })
      await isAt('/account')
      t.match(await textOf(page, '#two-factor-state'), /^On/)
    },
  )

  await t.test('changes the address, announced at the old one', async (t) => {
    await page.waitForSelector('#account:not([hidden])')
    await submit(page, 'email-change', { email: newEmail })
    await untilStatus(page, 'A link is on its way')
    await page.goto(await mailedLink(platform.mailbox, newEmail, 'confirm_email'))
    await picture(page, '7-confirm-address')
    await submit(page, 'confirm-email', {})
    await untilStatus(page, 'This is your address now')
    await waitFor('the mails to the old address', async () => {
      const mails = platform.mailbox.mails().filter(({ to }) => to === email)
      return ['email_change_asked', 'email_changed'].every((template) =>
        mails.some((mail) => mail.template === template),
      )
    })
    await page.goto(url('/account'))
    t.equal(await textOf(page, '#email'), newEmail)
  })

  await t.test('wants a fresh proof when the last one is old', async () => {
    const pool = new pg.Pool({ connectionString: platform.postgres.url('identity'), max: 1 })
    await pool.query(
      `update sessions set authenticated_at = clock_timestamp() - interval '11 minutes'`,
    )
    await pool.end()
    await page.waitForSelector('#account:not([hidden])')
    await submit(page, 'email-change', { email: `other-${unique()}@example.test` })
    await untilStatus(page, 'Prove again who you are')
    await picture(page, '8-proof')
    await prove(LAST_PASSWORD, recoveryCodes[2] ?? '')
    await untilStatus(page, 'A link is on its way')
  })

  await t.test('leaves, but not while leading or selling', async (t) => {
    const seller = await joinByMail(client, platform.mailbox, 'Sam', `sam-${unique()}`)
    const token = await page.evaluate(
      () => JSON.parse(sessionStorage.getItem('identity') ?? '{}').token as string,
    )
    const { id } = await sell(client, seller, {
      name: 'A lamp',
      startPrice: '1.00',
      durationMs: 3_600_000,
    })
    await waitFor('the lot', async () => {
      const { statusCode } = await client.request('GET', `/api/v1/lots/${id}`)
      return statusCode === 200
    })
    await insist(client, 'POST', `/api/v1/lots/${id}/bids`, {
      token,
      body: { maxAmount: '2.00' },
      accept: [201],
      headers: { 'idempotency-key': randomUUID() },
    })
    await page.waitForSelector('#account:not([hidden])')
    await page.click('#field-sure')
    await submit(page, 'account-delete', {})
    await untilStatus(page, 'You lead an auction')
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
    await submit(page, 'account-delete', {})
    await untilStatus(page, 'Your account is closed')
    await picture(page, '10-closed')
  })

  await t.test('is deleted, and can bid no more', async (t) => {
    const [identity, bid] = (['identity', 'bid'] as const).map(
      (name) => new pg.Pool({ connectionString: platform.postgres.url(name), max: 1 }),
    ) as [pg.Pool, pg.Pool]
    // The minute passes at once; the worker looks every five seconds.
    await identity.query('update deletions set due_at = clock_timestamp()')
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
})
