import t from 'tap'
import {
  type Answer,
  AS_ANN,
  healthy,
  ITEM_ID,
  OWN_PAGE,
  PUBLIC_URL,
  SELLER_ID,
  startApp,
  startUpstream,
} from '../helper.ts'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const SESSION = '__Host-session=secret; Path=/; HttpOnly; SameSite=Lax; Secure'
const DEVICE = 'auction_device=d; Path=/; HttpOnly'
type Answers = Record<string, ReturnType<Answer>>

async function start(t: Parameters<typeof startApp>[0], answers: Answers = {}) {
  const pages = healthy()
  const upstream = await startUpstream(t, (url, request) => {
    return answers[`${request.method} ${url}`] ?? pages(url)
  })
  const app = await startApp(t, upstream.url)
  return {
    app,
    asked: upstream.asked,
    post: (url: string, values: Record<string, string>, headers: object = {}) =>
      app.inject({
        method: 'POST',
        url,
        headers: { ...FORM, ...OWN_PAGE, ...headers },
        payload: new URLSearchParams(values).toString(),
      }),
  }
}

const LOGGED_IN = { status: 204, body: '', headers: { 'set-cookie': [DEVICE, SESSION] } }
const refusal = (status: number, code: string, details = {}) => ({
  status,
  body: { code, message: 'in English, for programs', details, traceId: 'x' },
})

t.test('a form logs in without a script, and leads back to where the visitor was', async (t) => {
  const { app, asked, post } = await start(t, { 'POST /identity/login': LOGGED_IN })
  const page = (await app.inject('/login?returnTo=%2Flots%2F1%3Fa%3D1')).body
  t.match(page, '<form method="post" action="/login" data-form="login" novalidate>')
  t.match(page, '<input type="hidden" name="returnTo" value="/lots/1?a=1">')
  const answer = await post(
    '/login',
    {
      email: ' ann@example.org\u200b',
      password: ' p w ',
      remember: 'yes',
      returnTo: '/lots/1?a=1',
    },
    { cookie: 'auction_device=d', 'x-forwarded-for': '192.0.2.7', 'user-agent': 'Browser' },
  )
  t.equal(answer.statusCode, 303)
  t.equal(answer.headers.location, '/lots/1?a=1')
  t.strictSame(answer.headers['set-cookie'], [DEVICE, SESSION], 'the cookies of identity')
  t.equal(answer.headers['cache-control'], 'no-store')
  const [one] = asked
  t.strictSame(JSON.parse(one?.body ?? ''), {
    email: 'ann@example.org',
    password: ' p w ',
    transport: 'cookie',
    rememberMe: true,
  })
  t.match(one?.headers, {
    cookie: 'auction_device=d',
    'user-agent': 'Browser',
    'sec-fetch-site': 'same-origin',
    origin: PUBLIC_URL,
    'x-forwarded-for': '192.0.2.7, 127.0.0.1',
  })
  const stranger = await post('/login', { email: 'a', password: 'b', returnTo: '//evil.example' })
  t.equal(stranger.headers.location, '/account', 'never to another site')
})

t.test('a form that comes back keeps what was typed, says what is wrong and where', async (t) => {
  const { post } = await start(t, {
    'POST /identity/login': refusal(401, 'identity.invalid_credentials'),
    'POST /identity/register': refusal(400, 'identity.invalid_password', { reason: 'breached' }),
  })
  const typed = { email: '"><script>', password: 'secret-word', returnTo: '/lots/1' }
  const refused = await post('/login', { ...typed, remember: 'yes' })
  t.equal(refused.statusCode, 401)
  t.match(refused.body, '<title>There is a problem: Log in – Auction</title>')
  t.match(
    refused.body,
    '<a href="#field-email">The e-mail address or the password is not right.</a>',
  )
  t.match(refused.body, 'value="&quot;&gt;&lt;script&gt;"')
  t.match(refused.body, 'aria-invalid="true" aria-describedby="field-email-problem"')
  t.match(refused.body, / checked>/)
  t.match(refused.body, 'name="returnTo" value="/lots/1"')
  t.notMatch(refused.body, 'secret-word')
  t.notMatch(refused.body, 'for programs', 'texts come from codes')
  const registered = await post('/register', { ...typed, name: 'Ann' })
  t.equal(registered.statusCode, 400)
  t.match(registered.body, 'known from a theft of data elsewhere')
  t.match(registered.body, 'value="Ann"')
  t.match(registered.body, 'aria-describedby="field-password-problem field-password-hint"')
  const password = /<input id="field-password"[^>]*>/.exec(registered.body)?.[0] ?? ''
  t.match(password, 'maxlength="1000"', 'one of 128 emoji and more is refused, not cut')
})

t.test('with two-factor a second page asks for the code', async (t) => {
  const token = 'T'.repeat(43)
  const { app, asked, post } = await start(t, {
    'POST /identity/login': {
      status: 202,
      body: { code: 'identity.second_factor_required', message: '', details: { token } },
    },
    'POST /identity/2fa/challenge': LOGGED_IN,
  })
  const values = { email: 'ann@example.org', password: 'p', remember: 'yes', returnTo: '/lots/1' }
  const asks = await post('/login', values)
  t.equal(asks.statusCode, 303)
  t.equal(asks.headers.location, '/login/code?returnTo=%2Flots%2F1&remember=yes')
  const pending = String(asks.headers['set-cookie'])
  t.equal(
    pending,
    `__Host-login_pending=${token}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=300`,
  )
  const cookie = { cookie: `a=b; __Host-login_pending=${token};c=d` }
  const page = await app.inject({ url: String(asks.headers.location), headers: cookie })
  t.equal(page.statusCode, 200)
  t.match(page.body, 'autocomplete="one-time-code"')
  t.notMatch(page.body, token, 'no script can read it')
  const entered = await post(
    '/login/code',
    { code: ' \u2060123456 ', remember: 'yes', returnTo: '/lots/1' },
    cookie,
  )
  t.equal(entered.headers.location, '/lots/1')
  t.match(entered.headers['set-cookie'], [
    /^__Host-login_pending=; Path=\/; .*Max-Age=0/,
    DEVICE,
    SESSION,
  ])
  t.match(JSON.parse(asked.at(-1)?.body ?? ''), { token, code: '123456', rememberMe: true })
  t.equal((await app.inject('/login/code')).headers.location, '/login', 'nothing waits for a code')
  const foreign = {
    'without the prefix, as another host can set it': `login_pending=${token}`,
    'after a space that is none of HTTP': `\u{a0}__Host-login_pending=${token}`,
    'one of two': `__Host-login_pending=${token}; __Host-login_pending=${'U'.repeat(43)}`,
  }
  for (const [how, cookie] of Object.entries(foreign)) {
    const page = await app.inject({ url: '/login/code', headers: { cookie } })
    t.equal(page.headers.location, '/login', how)
  }
})

t.test('a login that waited too long begins again', async (t) => {
  const { post } = await start(t, {
    'POST /identity/2fa/challenge': refusal(401, 'identity.pending_login_over'),
  })
  const answer = await post('/login/code', { code: '123456', returnTo: '/lots/1' })
  t.equal(answer.statusCode, 401)
  t.match(answer.body, 'action="/login"')
  t.match(answer.body, 'You waited too long')
})

t.test('a closed account is kept by a form, or opened by no one', async (t) => {
  const deletedAfter = '2026-11-23T18:04:05.000Z'
  const answers: Answers = {
    'POST /identity/login': refusal(403, 'identity.deleting', { deletedAfter }),
  }
  const { app, asked, post } = await start(t, answers)
  const bodyOf = () => JSON.parse(asked.at(-1)?.body ?? '')
  const typed = { email: 'ann@example.org', password: 'secret-word', returnTo: '/lots/1' }
  const closed = await post('/login', { ...typed, remember: 'yes' })
  t.equal(closed.statusCode, 403)
  t.notOk('keepAccount' in bodyOf(), 'a login alone keeps nothing')
  t.match(closed.body, 'It will be deleted after Mon, 23 Nov 2026, 18:04:05 UTC')
  t.match(closed.body, 'data-form="keep-account"')
  t.match(closed.body, 'href="/account/forgot"')
  t.match(closed.body, 'The link in the mail about the closing')
  t.match(closed.body, 'value="ann@example.org"')
  t.notMatch(closed.body, 'secret-word')
  const form = { ...typed, keepAccount: 'yes', remember: 'yes', deletedAfter }

  answers['POST /identity/login'] = refusal(401, 'identity.invalid_credentials')
  const wrong = await post('/login', form)
  t.equal(wrong.statusCode, 401)
  t.match(wrong.body, '<title>There is a problem: Your account is closed')
  t.match(wrong.body, 'It will be deleted after Mon, 23 Nov 2026', 'the page still says when')
  const forged = await post('/login', { ...form, deletedAfter: '"><script>' })
  t.match(forged.body, 'It will be deleted soon')
  t.notMatch(forged.body, '<script>')

  answers['POST /identity/login'] = LOGGED_IN
  const kept = await post('/login', form)
  t.strictSame([kept.statusCode, kept.headers.location], [303, '/account?said=kept'])
  t.match(bodyOf(), { keepAccount: true, transport: 'cookie', rememberMe: true })

  // A passkey finds out in a script, which leads here; and erased is what was closed too long.
  for (const [prefix, button] of [
    ['', 'Keep my account'],
    ['/de', 'Mein Konto behalten'],
    ['/tr', 'Hesabımı koru'],
  ] as const) {
    const page = await app.inject(`${prefix}/login/keep?returnTo=%2Flots%2F1`)
    t.match([page.statusCode, page.body], [200, button])
  }
  const login = (await app.inject('/login')).body
  t.match(login, 'data-closed="/login/keep?returnTo=%2Faccount"')
})

t.test('a form of another site does nothing', async (t) => {
  const { app, asked } = await start(t, { 'POST /identity/login': LOGGED_IN })
  for (const url of [
    '/login',
    '/login/code',
    '/register',
    '/logout',
    '/account/logout-everywhere',
  ]) {
    for (const headers of [
      { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
      { 'sec-fetch-site': 'same-site', origin: PUBLIC_URL },
      { origin: 'null' },
      {},
    ]) {
      const answer = await app.inject({
        method: 'POST',
        url,
        headers: { ...FORM, ...headers },
        payload: 'email=a',
      })
      t.equal(answer.statusCode, 403, `${url} ${JSON.stringify(headers)}`)
      t.match(answer.headers['content-type'], /^text\/html/)
      t.notOk(answer.headers['set-cookie'])
    }
  }
  t.same(asked, [], 'identity is not even asked')
})

t.test(
  'logging out is a form, clears the browser, and works when the session is over',
  async (t) => {
    const cleared = '__Host-session=; Path=/; Max-Age=0'
    const { asked, post } = await start(t, {
      'POST /identity/logout': { status: 204, body: '', headers: { 'set-cookie': cleared } },
      'POST /identity/logout/everywhere': refusal(401, 'identity.unauthenticated'),
    })
    const cookie = { cookie: '__Host-session=secret' }
    const out = await post('/logout', {}, cookie)
    t.match([out.statusCode, out.headers.location], [303, '/login'])
    t.equal(out.headers['set-cookie'], cleared)
    t.equal(out.headers['clear-site-data'], '"cache", "storage"')
    t.equal(asked[0]?.headers.cookie, cookie.cookie)
    t.equal((await post('/account/logout-everywhere', {}, cookie)).statusCode, 303)
  },
)

t.test('logging out everywhere ends the notices in every browser first', async (t) => {
  const PUSH = '/api/v1/push-subscriptions'
  const everywhere = 'POST /identity/logout/everywhere'
  const done = { status: 204, body: '' }
  const listed = ['one', 'two'].map((id) => ({ id, label: '', createdAt: '2026-11-20T10:00:00Z' }))
  const { asked, post } = await start(t, {
    [`GET ${PUSH}`]: { status: 200, body: { subscriptions: listed } },
    [`DELETE ${PUSH}/one`]: done,
    [`DELETE ${PUSH}/two`]: refusal(404, 'push.not_found'),
    [everywhere]: done,
    'POST /identity/logout': done,
  })
  const steps = () => asked.splice(0).map(({ method, url }) => `${method} ${url}`)
  const out = await post('/account/logout-everywhere', {}, AS_ANN)
  t.match([out.statusCode, out.headers.location], [303, '/login'])
  const [list, ...more] = steps()
  t.strictSame(
    [list, ...more.splice(0, 2).sort(), ...more],
    [`GET ${PUSH}`, `DELETE ${PUSH}/one`, `DELETE ${PUSH}/two`, everywhere],
  )
  await post('/logout', {}, AS_ANN)
  t.strictSame(steps(), ['POST /identity/logout'], 'other browsers keep theirs')

  const away = { status: 500, body: {} }
  const alone = await start(t, { [`GET ${PUSH}`]: away, [everywhere]: done })
  t.equal((await alone.post('/account/logout-everywhere', {}, AS_ANN)).statusCode, 303)
})

t.test('who is logged in needs no login', async (t) => {
  const { app } = await start(t)
  const headers = { authorization: 'Bearer a.b.c' }
  const login = await app.inject({ url: '/login?returnTo=%2Flots%2F1', headers })
  t.equal(login.headers.location, '/lots/1')
})

t.test('every page shows who may log in or out', async (t) => {
  const { app } = await start(t)
  for (const url of ['/', `/lots/${ITEM_ID}`, '/events.html', '/nothing']) {
    const visitor = (await app.inject(url)).body
    t.match(visitor, `href="/login?returnTo=${encodeURIComponent(url)}"`, url)
    t.notMatch(visitor, 'action="/logout"')
    const user = (await app.inject({ url, headers: { authorization: 'Bearer a.b.c' } })).body
    t.match(user, 'action="/logout"')
    t.notMatch(user, 'href="/login')
    t.notMatch(visitor, 'data-user')
  }
  const claims = Buffer.from(JSON.stringify({ sub: SELLER_ID })).toString('base64url')
  const { body } = await app.inject({
    url: '/',
    headers: { authorization: `Bearer a.${claims}.c` },
  })
  t.match(body, `<body data-user="${SELLER_ID}">`, 'whom the script of every page compares')
})

t.test('while identity is down the login says so', async (t) => {
  const { post } = await start(t, { 'POST /identity/login': { status: 500, body: {} } })
  const answer = await post('/login', { email: 'a', password: 'b' })
  t.equal(answer.statusCode, 503)
  t.ok(answer.headers['retry-after'])
  t.match(answer.body, 'Back in a moment')
})

t.test('no page and no script keeps anything in the storage of the browser', async (t) => {
  const { app } = await start(t)
  for (const name of ['mailed-link.js', 'passkeys.js']) {
    const { statusCode, body } = await app.inject(`/assets/${name}`)
    t.equal(statusCode, 200)
    t.notMatch(body, /sessionStorage|localStorage|document\.cookie|refreshToken/, name)
  }
  const { body } = await app.inject('/assets/page.js')
  t.notMatch(body, /sessionStorage|localStorage|refreshToken/)
  t.strictSame(body.match(/document\.cookie = .*/g)?.length, 1, 'the zone alone')
  t.match(body, /line = `tz=\$/)
})
