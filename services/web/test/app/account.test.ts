import { runInNewContext } from 'node:vm'
import t from 'tap'
import {
  type Answer,
  AS_ANN,
  type Asked,
  healthy,
  ITEM_ID,
  item,
  OWN_PAGE,
  SELLER_ID,
  seller,
  startApp,
  startUpstream,
} from '../helper.ts'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const ANN = '019a0000-0000-7000-8000-0000000000f1'
const PASSKEY = 'p'.repeat(43)
const OLD = '__Host-session=old'
const NEXT = '__Host-session=next; Path=/; HttpOnly; SameSite=Lax; Secure'
const ME = { id: ANN, name: '<i>Ann</i>', email: 'ann@example.org', twoFactorEnabled: false }
const PROFILE = {
  ...seller,
  name: '<i>Ann</i>',
  country: 'DE',
  description: 'Line 1\nline 2',
  photoUrl: null,
  phone: '+4930123',
}
const SESSION = {
  id: ITEM_ID,
  device: '<b>Firefox/1 Linux',
  address: '192.0.2.1',
  createdAt: '2026-11-20T10:00:00.000Z',
  lastSeenAt: '2026-11-21T10:00:00.000Z',
  current: false,
}
const SESSIONS = { sessions: [SESSION, { ...SESSION, id: SELLER_ID, current: true }] }
const READS = {
  '/identity/me': ME,
  '/identity/sessions': SESSIONS,
  '/identity/passkeys': {
    passkeys: [{ id: PASSKEY, name: '<u>Key', createdAt: SESSION.createdAt, lastUsedAt: null }],
  },
  '/identity/2fa/recovery-codes': { left: 1 },
  [`/api/v1/user-profiles/${ANN}`]: PROFILE,
  '/api/v1/blocks': { blocks: [] },
  '/identity/deletion': { days: 7 },
}

type Answers = Record<string, ReturnType<Answer> | ((asked: Asked) => ReturnType<Answer>)>

async function start(
  t: Parameters<typeof startApp>[0],
  answers: Answers = {},
  reads: Record<string, unknown> = {},
) {
  const pages = healthy({ ...READS, ...reads })
  const upstream = await startUpstream(t, (url, request) => {
    const answer = answers[`${request.method} ${url}`]
    if (typeof answer === 'function') return answer(request)
    return answer ?? (request.method === 'GET' ? pages(url) : { status: 599, body: {} })
  })
  const app = await startApp(t, upstream.url)
  return {
    app,
    asked: upstream.asked,
    changes: () => upstream.asked.filter(({ method }) => method !== 'GET'),
    read: (url: string) => app.inject({ url, headers: { ...AS_ANN, cookie: OLD } }),
    post: (url: string, values: Record<string, string>, headers: object = {}) =>
      app.inject({
        method: 'POST',
        url,
        headers: { ...FORM, ...OWN_PAGE, ...AS_ANN, cookie: OLD, ...headers },
        payload: new URLSearchParams(values).toString(),
      }),
  }
}

const DONE = { status: 204, body: '' }
const refusal = (status: number, code: string, details = {}) => ({
  status,
  body: { code, message: 'in English, for programs', details, traceId: 'x' },
})
const bodyOf = (asked: Asked | undefined) => JSON.parse(asked?.body || '{}') as unknown

const PAGES: Readonly<Record<string, readonly string[]>> = {
  '/account': ['profile', 'photo', 'language'],
  '/account/security': [
    'password-change',
    'two-factor',
    'passkey-remove',
    'passkey-rename',
    'end-session',
    'end-others',
    'logout-everywhere',
  ],
  '/account/email': ['email-change'],
  '/account/blocks': [],
  '/account/delete': ['account-delete'],
  '/account/proof': ['reauthenticate'],
  '/account/forgot': ['forgot'],
  '/account/reset': ['reset'],
  '/account/confirm-email': ['confirm-email'],
  '/account/verify-email': ['verify-email'],
  '/account/keep': ['keep-account'],
}

t.test('each page has its forms in every language, and every form is sent by itself', async (t) => {
  const { read } = await start(t)
  for (const [url, forms] of Object.entries(PAGES)) {
    for (const prefix of ['', '/de', '/tr']) {
      const { statusCode, headers, body } = await read(prefix + url)
      t.equal(statusCode, url === '/account/proof' ? 403 : 200, prefix + url)
      t.equal(headers['cache-control'], 'no-store')
      // With no-referrer an old browser would send `Origin: null` with the forms of the page.
      t.equal(headers['referrer-policy'], 'same-origin')
      t.notMatch(headers['content-security-policy'], 'data:')
      const main = body.slice(body.indexOf('<main'))
      const named = [...main.matchAll(/<form method="post"[^>]* data-form="([^"]+)"/g)]
      t.strictSame(
        named.map(([, name]) => name),
        forms,
        url,
      )
      t.equal(body.match(/<h1/g)?.length, 1)
      const ids = [...body.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)
      t.equal(new Set(ids).size, ids.length, `${url}: ids`)
      for (const [, id] of main.matchAll(/<(?:input|select|textarea) id="([^"]+)"/g)) {
        t.ok(body.includes(`<label for="${id}">`), `${url}: ${id}`)
      }
      t.notMatch(body, 'undefined')
    }
  }
})

t.test('visitors go to the login and come back to where they were', async (t) => {
  const { app } = await start(t)
  for (const url of ['/account', '/account/security', '/de/account/email', '/account/blocks']) {
    const { statusCode, headers } = await app.inject(url)
    t.equal(statusCode, 303)
    t.match(headers.location, new RegExp(`/login\\?returnTo=${encodeURIComponent(url)}$`))
  }
})

t.test('names, devices and what a user wrote are text', async (t) => {
  const { read } = await start(t)
  const profile = (await read('/account')).body
  t.match(profile, '<strong id="name" dir="auto">&lt;i&gt;Ann&lt;/i&gt;</strong>')
  t.match(profile, '<option value="DE" selected>Germany</option>')
  t.match(profile, '\nLine 1\nline 2</textarea>')
  t.match((await read('/de/account')).body, '>Deutschland</option>')
  const security = (await read('/account/security')).body
  t.match(security, 'Firefox on Linux, 192.0.2.1')
  t.match(security, '&lt;u&gt;Key')
  t.match(security, /<em>this session<\/em>[\s\S]*End</, 'this one is the first')
  t.match((await read('/de/account/security')).body, 'Firefox unter Linux')
})

t.test('a part whose service is away says so, and the rest works', async (t) => {
  const { read } = await start(t, {
    'GET /identity/sessions': { status: 500, body: {} },
    'GET /identity/passkeys': { status: 500, body: {} },
    [`GET /api/v1/user-profiles/${ANN}`]: { status: 500, body: {} },
    'GET /api/v1/blocks': { status: 500, body: {} },
  })
  const security = await read('/account/security')
  t.equal(security.statusCode, 200)
  t.equal(security.body.match(/class="away"/g)?.length, 2)
  t.match(security.body, 'data-form="password-change"')
  const profile = await read('/account')
  t.match(profile.body, 'class="away"')
  t.match(profile.body, 'data-form="language"')
  t.equal((await read('/account/blocks')).statusCode, 503)
  const dead = await start(t, { 'GET /identity/me': { status: 500, body: {} } })
  t.equal((await dead.read('/account')).statusCode, 503)
})

t.test('a session that ended meanwhile leads to the login, with what was typed kept', async (t) => {
  const over = refusal(401, 'identity.unauthenticated')
  const { read, post } = await start(t, {
    'GET /identity/me': over,
    'POST /identity/email/change': over,
    'POST /identity/password/change': over,
  })
  t.match((await read('/account')).headers.location, '/login?returnTo=%2Faccount')
  const kept = await post('/de/account/email', { email: 'new@"example.org' })
  t.equal(kept.statusCode, 401)
  t.match(kept.body, 'action="/de/account/email"')
  t.match(kept.body, '<input type="hidden" name="email" value="new@&quot;example.org">')
  t.match(kept.body, 'href="/de/login?returnTo=%2Fde%2Faccount%2Femail"')
  const secret = await post('/account/security/password', { newPassword: 'secret-word' })
  t.equal(secret.statusCode, 303)
  t.equal(secret.headers.location, '/login?returnTo=%2Faccount%2Fsecurity')
  t.notMatch(secret.body, 'secret-word')
})

t.test('a profile is saved as it was typed, and comes back when it is refused', async (t) => {
  const put = `PUT /api/v1/user-profiles/${ANN}`
  const typed = {
    name: 'Ann',
    country: '',
    city: ' ',
    phone: '12',
    description: 'a\r\nb<',
    isBusiness: 'yes',
  }
  const fine = await start(t, { [put]: { status: 200, body: {} } })
  const saved = await fine.post('/account', typed)
  t.match([saved.statusCode, saved.headers.location], [303, '/account?said=profile'])
  t.strictSame(bodyOf(fine.changes()[0]), {
    name: 'Ann',
    isBusiness: true,
    country: null,
    city: null,
    phone: '12',
    description: 'a\nb<',
  })
  t.equal(fine.changes()[0]?.headers.cookie, OLD)
  t.match((await fine.read('/account?said=profile')).body, 'Your profile is saved.')
  t.notMatch((await fine.read('/account?said=constructor')).body, 'id="flash"')
  const wrong = await start(t, {
    [put]: refusal(400, 'identity.invalid_profile', { field: 'phone' }),
  })
  const refused = await wrong.post('/account', typed)
  t.equal(refused.statusCode, 400)
  t.match(refused.body, '<title>There is a problem: Profile')
  t.match(refused.body, 'href="#field-phone"')
  t.match(refused.body, 'aria-invalid="true" aria-describedby="field-phone-problem')
  t.match(refused.body, '\na\nb&lt;</textarea>')
  t.match(refused.body, / name="isBusiness" [^>]* checked>/)
  t.notMatch(refused.body, 'for programs')
  // Of 999 characters as people count them, and twice as many as browsers do.
  const long = 'कि'.repeat(999)
  const kept = await start(t, { [put]: { status: 200, body: {} } })
  t.match(
    (await kept.read('/account')).body,
    /<textarea[^>]* name="description"[^>]* maxlength="8000"/,
  )
  await kept.post('/account', { ...typed, city: 'Pune', description: `${long}\r\n👩‍👩‍👧` })
  t.match(bodyOf(kept.changes()[0]), { description: `${long}\n👩‍👩‍👧` }, 'nothing is cut')
})

t.test('a photo is handed on as it was sent, and refused at its field', async (t) => {
  const url = `/api/v1/user-profiles/${ANN}/photo`
  const type = 'multipart/form-data; boundary=x'
  const photo = Buffer.from(
    '--x\r\nContent-Disposition: form-data; name="photo"\r\n\r\n\u00ff--x--',
  )
  const send = (app: Awaited<ReturnType<typeof start>>['app'], headers: object) =>
    app.inject({
      method: 'POST',
      url: '/account/photo',
      headers: { 'content-type': type, ...OWN_PAGE, ...headers },
      payload: photo,
    })
  const fine = await start(t, {
    [`PUT ${url}`]: { status: 200, body: {} },
    [`DELETE ${url}`]: refusal(404, 'identity.no_photo'),
  })
  const sent = await send(fine.app, AS_ANN)
  t.match([sent.statusCode, sent.headers.location], [303, '/account?said=photo'])
  t.equal(fine.changes()[0]?.headers['content-type'], type)
  t.equal(fine.changes()[0]?.body, photo.toString())
  const visitor = await send(fine.app, {})
  t.equal(visitor.headers.location, '/login?returnTo=%2Faccount')
  t.equal(fine.changes().length, 1)
  const removed = await fine.post('/account/photo/remove', {})
  t.equal(removed.headers.location, '/account?said=photo-removed', 'a second press finds it gone')
  const wrong = await start(t, { [`PUT ${url}`]: refusal(400, 'identity.invalid_photo') })
  const refused = await send(wrong.app, AS_ANN)
  t.equal(refused.statusCode, 400)
  t.match(refused.body, 'href="#field-photo"')
  t.match(refused.body, 'id="field-photo-problem">Choose one PNG')
})

t.test('language and zone are chosen for this device, and win over the browser', async (t) => {
  const { app, post } = await start(t)
  const chosen = await post('/account/language', { locale: 'tr', zone: 'Asia/Tokyo' })
  t.match(chosen.headers.location, '/account?said=language')
  t.strictSame(chosen.headers['set-cookie'], [
    'lang=tr; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly; Secure',
    'zone=Asia%2FTokyo; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly; Secure',
  ])
  const prefixed = await post('/de/account/language', { locale: 'tr', zone: 'Nowhere/Land' })
  t.equal(prefixed.headers.location, '/tr/account?said=language')
  t.match(prefixed.headers['set-cookie'], [/lang=tr/, /zone=; Path=\/; Max-Age=0/])
  const headers = {
    cookie: 'lang=tr; zone=Asia%2FTokyo; tz=Europe%2FBerlin',
    'accept-language': 'de',
  }
  const { body } = await app.inject({ url: '/help', headers })
  t.match(body, '<html lang="tr">')
  t.match(body, 'Asia/Tokyo')
  t.match((await app.inject({ url: '/de/help', headers })).body, '<html lang="de">')
  const page = await app.inject({ url: '/account', headers: { ...AS_ANN, ...headers } })
  t.match(page.body, '<option value="tr" selected>')
  t.match(page.body, '<option value="Asia/Tokyo" selected>')
})

t.test(
  'a change that wants a fresh proof asks for it, and goes on with what was typed',
  async (t) => {
    const change = (path: string): Answers => ({
      'POST /identity/reauthenticate': ({ body }) =>
        body.includes('right')
          ? { ...DONE, headers: { 'set-cookie': NEXT } }
          : refusal(401, 'identity.invalid_credentials'),
      [`POST ${path}`]: ({ headers }) =>
        headers.cookie === 'a=b; __Host-session=next'
          ? DONE
          : refusal(403, 'identity.proof_required'),
    })
    const { changes, post } = await start(t, change('/identity/email/change'))
    const cookie = { cookie: 'a=b; __Host-session=old' }
    const asks = await post('/de/account/email', { email: 'new@example.org' }, cookie)
    t.equal(asks.statusCode, 403)
    t.match(asks.body, '<form method="post" action="/de/account/email" data-form="reauthenticate"')
    t.match(asks.body, '<input type="hidden" name="email" value="new@example.org">')
    t.notMatch(asks.body, 'name="proofCode"', 'two-factor is off')
    const wrong = await post(
      '/de/account/email',
      { email: 'new@example.org', proofPassword: 'wr' },
      cookie,
    )
    t.equal(wrong.statusCode, 401)
    t.match(wrong.body, 'href="#field-proofPassword">Das Passwort stimmt nicht.')
    t.match(wrong.body, '<input type="hidden" name="email" value="new@example.org">')
    t.notMatch(wrong.body, 'value="wr"')
    const proved = await post(
      '/de/account/email',
      { email: 'new@example.org', proofPassword: 'right', proofCode: '' },
      cookie,
    )
    t.equal(proved.statusCode, 303)
    t.equal(proved.headers.location, '/de/account/email?said=email')
    t.equal(proved.headers['set-cookie'], NEXT, 'the browser gets its new cookie')
    t.strictSame(bodyOf(changes().at(-1)), { email: 'new@example.org' })
    t.strictSame(bodyOf(changes().at(-2)), { password: 'right' })

    const failing = await start(t, {
      ...change('/identity/email/change'),
      'POST /identity/email/change': { status: 500, body: {} },
    })
    const lost = await failing.post(
      '/account/email',
      { email: 'a', proofPassword: 'right' },
      cookie,
    )
    t.equal(lost.statusCode, 503)
    t.equal(
      lost.headers['set-cookie'],
      NEXT,
      'also when the change fails: the old one is none any more',
    )
  },
)

t.test('a cookie of another name is not made ours on the way', async (t) => {
  const { changes, post } = await start(t, {
    'POST /identity/reauthenticate': {
      ...DONE,
      headers: { 'set-cookie': 'auction_device=d; Path=/' },
    },
    'POST /identity/email/change': DONE,
  })
  await post(
    '/account/email',
    { email: 'a', proofPassword: 'right' },
    { cookie: 'a=b;\u00a0__Host-session=planted' },
  )
  t.equal(changes().length, 2)
  t.notMatch(changes()[1]?.headers.cookie, /(^|[ ;])__Host-session/)
})

t.test('with two-factor on the proof takes a code, and says what is wrong with it', async (t) => {
  const { post } = await start(
    t,
    {
      'POST /identity/reauthenticate': refusal(401, 'identity.invalid_code'),
      'POST /identity/password/change': refusal(403, 'identity.proof_required'),
    },
    { '/identity/me': { ...ME, twoFactorEnabled: true } },
  )
  const asks = await post('/account/security/password', { newPassword: 'next' })
  t.match(asks.body, / name="proofCode" required/)
  const wrong = await post('/account/security/password', {
    newPassword: 'next',
    proofPassword: 'p',
    proofCode: ' 123456 ',
  })
  t.match(wrong.body, 'href="#field-proofCode"')
})

t.test('a page can ask for the proof before, and leads only to this site after it', async (t) => {
  const { read, post } = await start(t, { 'POST /identity/reauthenticate': DONE })
  const { body } = await read('/account/proof?returnTo=%2Faccount%2Fsecurity')
  t.match(body, '<input type="hidden" name="returnTo" value="/account/security">')
  const fields = { proofPassword: 'p', returnTo: '/account/security' }
  t.equal((await post('/account/proof', fields)).headers.location, '/account/security')
  const foreign = await post('/account/proof', { ...fields, returnTo: '//evil.example' })
  t.equal(foreign.headers.location, '/account')
})

t.test(
  'two-factor: the code that was wrong leaves the QR code, the right one shows the codes',
  async (t) => {
    const QR = 'data:image/png;base64,iVBORw0KGgo='
    const { post } = await start(t, {
      'POST /identity/2fa/enable': {
        status: 200,
        body: { secret: 'ABCDEFGHIJKLMNOP', qrCode: QR },
      },
      'POST /identity/2fa/verify': ({ body }) =>
        body.includes('222222')
          ? {
              status: 200,
              body: { recoveryCodes: ['aaaa-<b>', 'cccc-dddd'] },
              headers: { 'set-cookie': NEXT },
            }
          : refusal(
              body.includes('333333') ? 409 : 401,
              body.includes('333333') ? 'identity.not_enrolling' : 'identity.invalid_code',
            ),
    })
    const enrol = await post('/account/security/two-factor', {})
    t.equal(enrol.statusCode, 200)
    t.match(enrol.headers['content-security-policy'], "img-src 'self' data:")
    t.match(enrol.body, `<img id="two-factor-qr" src="${QR}"`)
    t.match(enrol.body, '<code id="two-factor-secret">ABCDEFGHIJKLMNOP</code>')
    const kept = { secret: 'ABCDEFGHIJKLMNOP', qrCode: QR }
    const confirm = (fields: Record<string, string>) =>
      post('/account/security/two-factor/confirm', { ...kept, ...fields })
    const wrong = await confirm({ code: '111111' })
    t.equal(wrong.statusCode, 401)
    t.match(wrong.body, `src="${QR}"`)
    t.match(wrong.body, 'href="#field-code"')
    const planted = await confirm({ code: '111111', qrCode: 'https://evil.example/x.png' })
    t.notMatch(planted.body, 'evil.example')
    const late = await confirm({ code: '333333' })
    t.equal(late.statusCode, 409)
    t.notMatch(late.body, QR)
    t.match(late.body, 'You waited too long.')
    const on = await confirm({ code: ' 222222 ' })
    t.equal(on.statusCode, 200)
    t.match(on.body, '<li><code>aaaa-&lt;b&gt;</code></li>')
    t.equal(on.headers['cache-control'], 'no-store')
    t.equal(on.headers['set-cookie'], NEXT)
  },
)

t.test('with two-factor on the page turns it off and makes new codes', async (t) => {
  const { post, read } = await start(
    t,
    {
      'POST /identity/2fa/disable': ({ body }) =>
        body.includes('222222') ? DONE : refusal(401, 'identity.invalid_code'),
      'POST /identity/2fa/recovery-codes': { status: 200, body: { recoveryCodes: ['new-code'] } },
    },
    { '/identity/me': { ...ME, twoFactorEnabled: true } },
  )
  t.match((await read('/account/security')).body, '1 recovery code is left.')
  const wrong = await post('/account/security/two-factor/off', { offCode: '1' })
  t.equal(wrong.statusCode, 401)
  t.match(wrong.body, 'href="#field-offCode"')
  t.match(wrong.body, /<details class="save" open>/)
  const off = await post('/account/security/two-factor/off', { offCode: '222222' })
  t.equal(off.headers.location, '/account/security?said=two-factor-off')
  const codes = await post('/account/security/recovery-codes', { newCode: '1' })
  t.match(codes.body, '<code>new-code</code>')
})

t.test('a password that is refused says why, and is not shown again', async (t) => {
  const { post } = await start(t, {
    'POST /identity/password/change': refusal(400, 'identity.invalid_password', {
      reason: 'common',
    }),
  })
  const refused = await post('/account/security/password', { newPassword: 'secret-word' })
  t.equal(refused.statusCode, 400)
  t.match(refused.body, 'href="#field-newPassword">Many people use')
  t.notMatch(refused.body, 'secret-word')
})

t.test('passkeys are renamed and removed; one that is gone is removed', async (t) => {
  const url = `/identity/passkeys/${PASSKEY}`
  const { changes, post } = await start(t, {
    [`PATCH ${url}`]: { status: 200, body: {} },
    [`DELETE ${url}`]: refusal(404, 'identity.passkey_not_found'),
  })
  const at = (verb: string, id = PASSKEY) => `/account/security/passkeys/${id}/${verb}`
  const renamed = await post(at('rename'), { name: 'My phone' })
  t.equal(renamed.headers.location, '/account/security?said=passkey-renamed')
  t.strictSame(bodyOf(changes()[0]), { name: 'My phone' })
  t.equal((await post(at('remove'), {})).headers.location, '/account/security?said=passkey-removed')
  t.equal((await post(at('remove', 'x'), {})).statusCode, 404)
})

t.test('a session that could not be ended is not said to be', async (t) => {
  for (const [status, expected, location] of [
    [204, 303, '/account/security?said=session'],
    [404, 303, '/account/security?said=session'],
    [401, 303, '/login?returnTo=%2Faccount%2Fsecurity'],
    [403, 503, undefined],
    [429, 503, undefined],
    [500, 503, undefined],
  ] as const) {
    const code = status === 401 ? 'identity.unauthenticated' : 'identity.anything'
    const answer = status === 204 ? DONE : refusal(status, code)
    const { post } = await start(t, { [`DELETE /identity/sessions/${ITEM_ID}`]: answer })
    const { statusCode, headers } = await post(`/account/sessions/${ITEM_ID}/end`, {})
    t.match([statusCode, headers.location], [expected, location], `${status}`)
  }
  const { post } = await start(t)
  t.equal((await post('/account/sessions/x/end', {})).statusCode, 404)
})

t.test('all other sessions end, this one stays', async (t) => {
  const fine = await start(t, { [`DELETE /identity/sessions/${ITEM_ID}`]: DONE })
  const ended = await fine.post('/account/sessions/end-others', {})
  t.equal(ended.headers.location, '/account/security?said=sessions')
  t.strictSame(
    fine.changes().map(({ url }) => url),
    [`/identity/sessions/${ITEM_ID}`],
  )
  const failing = await start(t, { [`DELETE /identity/sessions/${ITEM_ID}`]: refusal(500, 'x') })
  t.equal((await failing.post('/account/sessions/end-others', {})).statusCode, 503)
})

t.test('blocked bidders are named by account or by lot, and can be taken back', async (t) => {
  const [byUser, byLot] = [
    { userId: SELLER_ID, blockedAt: SESSION.createdAt },
    { itemId: ITEM_ID, bidder: 'bidder 12', blockedAt: SESSION.createdAt },
  ]
  const blocks = { '/api/v1/blocks': { blocks: [byUser, byLot] } }
  const { changes, read, post } = await start(
    t,
    {
      [`DELETE /api/v1/blocks/${SELLER_ID}`]: DONE,
      [`DELETE /api/v1/lots/${ITEM_ID}/bidders/12/block`]: refusal(404, 'lot.not_found'),
    },
    blocks,
  )
  const { body } = await read('/de/account/blocks')
  t.match(body, '<strong dir="auto">Ada Seller</strong>')
  t.match(body, `Bieter 12 dieses Loses: <a href="/de/lots/${ITEM_ID}" dir="auto">${item.name}</a>`)
  const taken = await post('/account/blocks', { userId: SELLER_ID })
  t.equal(taken.headers.location, '/account/blocks?said=unblocked')
  t.equal(changes()[0]?.headers.authorization, AS_ANN.authorization)
  const refused = await post('/account/blocks', { itemId: ITEM_ID, number: '12' })
  t.match([refused.statusCode, refused.body], [404, /There is no such lot/])
  t.equal((await post('/account/blocks', { userId: '../x' })).headers.location, '/account/blocks')
  const empty = await start(t)
  t.match((await empty.read('/account/blocks')).body, 'You have blocked no bidders.')
})

t.test(
  'leaving asks for a tick, says what stands against it, and when the account is gone',
  async (t) => {
    const answers: Answers = {
      'DELETE /identity/me': refusal(409, 'identity.has_obligations', {
        obligations: [
          { kind: 'leading', count: 1 },
          { kind: 'payable', count: 2 },
          { kind: 'constructor' },
        ],
      }),
    }
    const PUSH = '/api/v1/push-subscriptions'
    const subscription = { id: 'one', label: '', createdAt: '2026-11-20T10:00:00Z' }
    answers[`DELETE ${PUSH}/one`] = DONE
    const { changes, post } = await start(t, answers, { [PUSH]: { subscriptions: [subscription] } })
    const unticked = await post('/account/delete', {})
    t.equal(unticked.statusCode, 422)
    t.match(unticked.body, 'href="#field-sure"')
    t.same(changes(), [])
    const owing = await post('/account/delete', { sure: 'yes' })
    t.equal(owing.statusCode, 409)
    t.match(owing.body, '<li>You lead an auction.</li>')
    t.match(owing.body, '<li>Money of your sales is not paid out to you yet.</li>')
    t.equal(changes().length, 1, 'who stays keeps the notices in the browser')
    answers['DELETE /identity/me'] = {
      status: 202,
      body: { deletedAfter: '2126-11-23T18:04:05.000Z' },
      headers: { 'set-cookie': '__Host-session=; Path=/; Max-Age=0' },
    }
    const closed = await post('/account/delete', { sure: 'yes' })
    t.equal(closed.statusCode, 200)
    t.match(closed.body, 'It will be deleted after Sat, 23 Nov 2126, 18:04:05 UTC')
    t.match(closed.body, 'Until then you can keep it')
    t.match(closed.body, 'href="/login')
    t.equal(closed.headers['clear-site-data'], '"cache", "storage"')
    t.match(closed.headers['set-cookie'], /^__Host-session=;/)
    t.equal(changes().at(-1)?.url, `${PUSH}/one`, 'no browser shows notices of a closed account')
  },
)

t.test('leaving says how long the account can be kept, and when it cannot be', async (t) => {
  const answers: Answers = {
    'DELETE /identity/me': { status: 202, body: { deletedAfter: '2026-11-23T18:04:05.000Z' } },
  }
  const week = await start(t, answers)
  const { body } = await week.read('/account/delete')
  t.match(body, ' 7 days later your name')
  t.match(body, 'I want my account to be deleted')
  // An identity of another version, or with another setting, closed it.
  const sooner = await week.post('/account/delete', { sure: 'yes' })
  t.notMatch(sooner.body, 'you can keep it')

  const forGood = await start(t, answers, { '/identity/deletion': { days: 0 } })
  for (const page of [
    await forGood.read('/account/delete'),
    await forGood.post('/account/delete', {}),
  ]) {
    t.match(page.body, 'You cannot take it back yourself')
    t.match(page.body, 'I know that I will not get it back')
    t.notMatch(page.body, 'keep the account')
  }
  const closed = await forGood.post('/account/delete', { sure: 'yes' })
  t.match([closed.statusCode, closed.body], [200, /It will be deleted after Mon, 23 Nov 2026/])
  t.notMatch(closed.body, 'you can keep it')

  const before = await start(t, { 'GET /identity/deletion': refusal(404, 'request.not_found') })
  t.match((await before.read('/account/delete')).body, 'You cannot take it back yourself')
})

t.test(
  'mailed links: a pasted link counts as its secret, and refusals are at their field',
  async (t) => {
    const answers: Answers = {
      'POST /identity/password/reset': DONE,
      'POST /identity/password/forgot': { status: 202, body: {} },
      'POST /identity/email/verify': refusal(400, 'identity.password_required'),
      'POST /identity/email/confirm': refusal(400, 'identity.invalid_link'),
      'POST /identity/deletion/withdraw': refusal(400, 'identity.invalid_link'),
    }
    const { changes, post } = await start(t, answers)
    const visitor = { authorization: '' }
    const link = ' https://auction.example/account/reset#token=s3-cret_1\u200b'
    const reset = await post('/account/reset', { token: link, newPassword: 'n' }, visitor)
    t.match(reset.body, 'id="status">The new password is set')
    t.notMatch(reset.body, 'name="newPassword"')
    t.strictSame(bodyOf(changes()[0]), { token: 's3-cret_1', newPassword: 'n' })
    const forgot = await post('/de/account/forgot', { email: ' a@example.org ' }, visitor)
    t.match(forgot.body, 'ist eine Mail unterwegs')
    t.strictSame(bodyOf(changes()[1]), { email: 'a@example.org' })
    const verify = await post('/account/verify-email', { token: 'x' }, visitor)
    t.equal(verify.statusCode, 400)
    t.match(verify.body, 'href="#field-password"')
    t.match(verify.body, 'value="x"')
    const erased = await post('/account/keep', { token: 'old' }, visitor)
    t.equal(erased.statusCode, 400)
    t.match(
      erased.body,
      'href="#field-token">This link was used, or is of an earlier request. If you',
    )
    answers['POST /identity/deletion/withdraw'] = DONE
    const mailed = 'https://auction.example/account/keep#token=k3ep'
    const kept = await post('/account/keep', { token: mailed }, visitor)
    t.match([kept.statusCode, kept.body], [200, 'id="status">Your account stays. You can log in'])
    t.strictSame(bodyOf(changes().at(-1)), { token: 'k3ep' })
    const confirm = await post('/account/confirm-email', { token: 'old' })
    t.match(confirm.body, 'href="#field-token">This link was used')
  },
)

t.test('the page for the proof shows what will be done, in every language', async (t) => {
  const asks = refusal(403, 'identity.proof_required')
  const { post } = await start(t, {
    'POST /identity/email/change': asks,
    'POST /identity/password/change': asks,
    'DELETE /identity/me': asks,
  })
  const shown = async (url: string, values: Record<string, string>) => {
    const { statusCode, body } = await post(url, values)
    t.equal(statusCode, 403)
    return body.match(/<section id="waiting-act">[\s\S]*?<\/section>/)?.[0] ?? ''
  }
  for (const [prefix, words] of [
    ['', 'Change your e-mail address'],
    ['/de', 'Ihre E-Mail-Adresse ändern'],
    ['/tr', 'E-posta adresinizi değiştirmek'],
  ] as const) {
    const act = await shown(`${prefix}/account/email`, { email: '<b>@evil.example' })
    t.match(act, `<strong>${words}</strong>`)
    t.match(act, '&lt;b&gt;@evil.example')
  }
  const password = await shown('/account/security/password', { newPassword: 'secret words' })
  t.match(password, 'Change the password')
  t.notMatch(password, 'secret words')
  t.match(await shown('/account/delete', { sure: 'yes' }), 'Delete my account')
  // Fields on which the route does not act say nothing of it.
  const added = { returnTo: '/operator/users/1/grant', confirmed: '1.00', amount: '5000' }
  const email = await shown('/account/email', { email: 'ann@example.test', ...added })
  t.match(email, '<dd dir="auto">/account/email</dd>')
  t.match(email, '<dd dir="auto">5000</dd>')
  t.notMatch(email, /operator|1\.00/)
})

t.test('a form that is sent after the session ended shows what it will do', async (t) => {
  const { post } = await start(t)
  const kept = await post('/account/email', { email: 'thief@example.test' }, { authorization: '' })
  t.equal(kept.statusCode, 401)
  const act = kept.body.match(/<section id="waiting-act">[\s\S]*?<\/section>/)?.[0] ?? ''
  t.match(act, 'Change your e-mail address')
  t.match(act, 'thief@example.test')
})

t.test('the secret of a mailed link goes from the address into the form', async (t) => {
  const { app } = await start(t)
  const page = await app.inject('/account/reset')
  const script = page.body.match(/src="([^"]+mailed-link\.js)"/)?.[1] ?? ''
  t.equal(page.body.match(/<footer>[\s\S]*/)?.[0].match(/<a [^>]*hreflang=/g)?.length, 3)
  const { body } = await app.inject(script)
  const opened = (hash: string) => {
    const addresses: string[] = []
    const place = { hidden: false }
    const field = { value: '', closest: () => place, getAttribute: () => null }
    const links = [{ hash: '' }, { hash: '' }]
    runInNewContext(body, {
      URLSearchParams,
      location: { hash, pathname: '/account/reset', search: '?a=b' },
      history: { replaceState: (_: null, __: string, url: string) => addresses.push(url) },
      document: {
        querySelector: (selector: string) => (selector === 'input[name="token"]' ? field : null),
        querySelectorAll: (selector: string) => (selector === 'footer a[hreflang]' ? links : []),
      },
    })
    return {
      value: field.value,
      hidden: place.hidden,
      addresses,
      links: links.map((each) => each.hash),
    }
  }
  t.strictSame(opened('#token=a.b-c'), {
    value: 'a.b-c',
    hidden: true,
    addresses: ['/account/reset?a=b'],
    links: ['#token=a.b-c', '#token=a.b-c'],
  })
  t.strictSame(opened(''), { value: '', hidden: false, addresses: [], links: ['', ''] })
})

t.test('a service that does not answer costs nothing of what was typed', async (t) => {
  const { post } = await start(t)
  const { statusCode, headers, body } = await post('/de/account', { name: 'Kept "name"' })
  t.strictSame(
    [statusCode, headers['retry-after'], headers['cache-control']],
    [503, '5', 'no-store'],
  )
  t.match(body, 'action="/de/account" data-form="kept"')
  t.match(body, '<input type="hidden" name="name" value="Kept &quot;name&quot;">')
  const proof = { email: 'new@example.org', proofPassword: 'secret words', proofCode: '123456' }
  const proved = await post('/account/email', proof)
  t.match([proved.statusCode, proved.body], [503, 'value="new@example.org"'])
  t.notMatch(proved.body, /secret words|123456/)
  const secret = await post('/account/security/password', { newPassword: 'secret words' })
  t.equal(secret.statusCode, 503)
  t.notMatch(secret.body, /secret words|data-form="kept"/)
})

t.test('that something was done is not said to who follows a link of another site', async (t) => {
  const { app } = await start(t)
  const url = '/account/security?said=password'
  for (const [site, isSaid] of [
    ['same-origin', true],
    ['same-site', false],
    ['cross-site', false],
    ['none', false],
  ] as const) {
    const headers = { ...AS_ANN, cookie: OLD, 'sec-fetch-site': site }
    const { statusCode, body } = await app.inject({ url, headers })
    t.equal(statusCode, 200)
    t.equal(body.includes('The password is changed.'), isSaid, site)
  }
})
