/// <reference lib="dom" />
// What is handed to the page runs there.
import { randomUUID } from 'node:crypto'
import type { Page } from 'puppeteer-core'
import t from 'tap'
import { addAuthenticator, openPage, startBrowser } from '#src/browser/browser.ts'
import { visit } from '#src/browser/phone.ts'
import { join, logIn, patient } from '#src/people.ts'
import { createPlatform } from './helper.ts'

/** Asks the page's browser to make or use a passkey; answers what it would send to identity. */
function useCredentials(page: Page, kind: 'create' | 'get', options: unknown): Promise<unknown> {
  return page.evaluate(
    async (how, json) => {
      const credential =
        how === 'create'
          ? await navigator.credentials.create({
              publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(
                json as PublicKeyCredentialCreationOptionsJSON,
              ),
            })
          : await navigator.credentials.get({
              publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(
                json as PublicKeyCredentialRequestOptionsJSON,
              ),
            })
      return (credential as PublicKeyCredential).toJSON()
    },
    kind,
    options,
  )
}

t.test('a real browser makes a passkey and logs in with it, through the gateway', async (t) => {
  const { platform, client: hasty } = await createPlatform(t)
  const client = patient(hasty)
  const browser = await startBrowser()
  t.teardown(() => browser.close())
  const page = await openPage(browser)
  // An address of numbers cannot have passkeys. The page of the login asks for one by itself, and a browser
  // answers one question at a time.
  await visit(page, `${platform.gatewayUrl.replace('127.0.0.1', 'localhost')}/terms`)
  await addAuthenticator(page)
  const post = async (path: string, body?: unknown, token?: string) =>
    client.request('POST', `/identity/${path}`, {
      ...(body !== undefined && { body }),
      ...(token !== undefined && { token }),
    })

  const { id, email, token } = await join(client, 'Ann', `ann-${randomUUID().slice(0, 8)}`)
  const options = await post('passkeys/register/options', undefined, token)
  t.equal(options.statusCode, 200)
  const credential = await useCredentials(page, 'create', options.body)
  const added = await post('passkeys/register/verify', { name: 'this browser', credential }, token)
  t.match(added, { statusCode: 201, body: { name: 'this browser' } })

  for (const round of [1, 2]) {
    const asked = await post('passkeys/login/options')
    const signed = await useCredentials(page, 'get', asked.body)
    const answer = await post('passkeys/login/verify', { credential: signed })
    t.equal(answer.statusCode, 200, `login ${round}`)
    const me = await client.request('GET', '/identity/me', { token: String(answer.body.token) })
    t.match(me.body, { id, email })
  }

  const proofOptions = await post('reauthenticate/passkey', undefined, token)
  const passkey = await useCredentials(page, 'get', proofOptions.body)
  t.equal((await post('reauthenticate', { passkey }, token)).statusCode, 200)
  t.ok(await logIn(client, email), 'the password still works')
})
