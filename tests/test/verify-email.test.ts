/// <reference lib="dom" />
// What is handed to the page runs there.
import { randomUUID } from 'node:crypto'
import { waitFor } from '@auction/common/testing/wait-for.ts'
import t from 'tap'
import { openPage, startBrowser, submit, untilStatus } from '#src/browser/browser.ts'
import { visit } from '#src/browser/phone.ts'
import { joinByMail, mailedLink, PASSWORD, patient } from '#src/people.ts'
import { createPlatform } from './helper.ts'

t.test('a person registers, follows the mailed link and logs in', async (t) => {
  const env = { 'identity-api': { EMAIL_VERIFICATION: 'required' } }
  const { platform, client: hasty } = await createPlatform(t, { env })
  const client = patient(hasty)
  const unique = () => randomUUID().slice(0, 8)

  await t.test('in a browser', async (t) => {
    const browser = await startBrowser()
    t.teardown(() => browser.close())
    const page = await openPage(browser)
    // Links lead to the public address, and a session belongs to one origin.
    const url = (path: string) => platform.gatewayUrl.replace('127.0.0.1', 'localhost') + path
    const email = `ann-${unique()}@example.test`
    await visit(page, url('/register'))
    await submit(page, 'register', { name: 'Ann', email, password: PASSWORD })
    await untilStatus(page, 'Look into your mailbox')
    await visit(page, url('/login'))
    await submit(page, 'login', { email, password: PASSWORD })
    await untilStatus(page, 'is not right')
    await visit(page, await mailedLink(platform.mailbox, email, 'verify_email'))
    await submit(page, 'verify-email', {})
    await untilStatus(page, 'Your address is verified')
    await visit(page, url('/login'))
    await submit(page, 'login', { email, password: PASSWORD })
    await page.waitForFunction(() => location.pathname === '/account')
    t.match(page.url(), /\/account$/)
  })

  await t.test('by hand; a second registration of the address gets the same answer', async (t) => {
    const { id, email, token } = await joinByMail(
      client,
      platform.mailbox,
      'Ben',
      `ben-${unique()}`,
    )
    t.match((await client.request('GET', '/identity/me', { token })).body, {
      id,
      email,
      emailVerified: true,
    })
    const body = { name: 'Mallory', email, password: 'what a stranger would choose' }
    const again = await client.request('POST', '/identity/register', { body })
    t.match(again, { statusCode: 201, body: { name: 'Mallory', email } })
    await waitFor('the mail to the owner', async () =>
      platform.mailbox
        .mails()
        .some(({ to, template }) => to === email && template === 'already_registered'),
    )
  })
})
