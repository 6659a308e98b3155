import t from 'tap'
import { healthy, startApp, startUpstream } from '../helper.ts'

const PAGES: Readonly<Record<string, readonly string[]>> = {
  '/account': [
    ...['reauthenticate', 'two-factor-verify', 'two-factor-disable'],
    ...['password-change', 'email-change', 'account-delete'],
  ],
  '/account/register': ['register'],
  '/account/login': ['login', 'challenge'],
  '/account/forgot': ['forgot'],
  '/account/reset': ['reset'],
  '/account/confirm-email': ['confirm-email'],
  '/account/verify-email': ['verify-email', 'verify-email-password'],
}

async function start(t: Parameters<typeof startApp>[0]) {
  const upstream = await startUpstream(t, healthy())
  return startApp(t, upstream.url)
}

t.test('each page has its forms, and the script knows every form and button', async (t) => {
  const app = await start(t)
  const { body: script } = await app.inject('/assets/account.js')
  for (const [url, forms] of Object.entries(PAGES)) {
    const { statusCode, headers, body } = await app.inject(url)
    t.equal(statusCode, 200, url)
    t.equal(headers['cache-control'], 'no-store')
    t.equal(headers['referrer-policy'], 'no-referrer')
    const named = [...body.matchAll(/data-form="([^"]+)"/g)].map(([, name]) => name)
    t.strictSame(named, forms, url)
    const acts = [...body.matchAll(/data-act="([^"]+)"/g)].map(([, name]) => name)
    for (const name of [...named, ...acts]) {
      t.match(script, new RegExp(`async '?${name}'?\\(`), `the script does ${name}`)
    }
  }
})

t.test('every input has a label, every id is there once', async (t) => {
  const app = await start(t)
  for (const url of Object.keys(PAGES)) {
    const { body } = await app.inject(url)
    const ids = [...body.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)
    t.equal(new Set(ids).size, ids.length, `${url}: ids`)
    for (const [, id] of body.matchAll(/<input id="([^"]+)"/g)) {
      t.ok(body.includes(`<label for="${id}">`), `${url}: ${id}`)
    }
  }
})

t.test('only the account page may show a picture that is written in place', async (t) => {
  const app = await start(t)
  for (const url of Object.keys(PAGES)) {
    const policy = String((await app.inject(url)).headers['content-security-policy'])
    t.match(policy, /script-src 'self';/)
    t.equal(policy.includes('data:'), url === '/account', url)
  }
})
