import t from 'tap'
import { healthy, ITEM_ID, OWN_PAGE, PUBLIC_URL, startApp, startUpstream } from '#test/helper.ts'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

async function start(t: Parameters<typeof startApp>[0]) {
  const upstream = await startUpstream(t, (url, { method }) =>
    method === 'POST'
      ? { status: 401, body: { code: 'identity.invalid_credentials', message: 'for programs' } }
      : healthy()(url),
  )
  return startApp(t, upstream.url)
}

t.test('the path names the language of a page, and its links stay in it', async (t) => {
  const app = await start(t)
  const { body, headers } = await app.inject(`/de/lots/${ITEM_ID}`)
  t.match(body, '<html lang="de">')
  t.match(body, 'Das nächste Gebot ist mindestens 1.259,50\u00a0€.')
  t.match(body, 'Bieter 3 führt')
  t.match(body, 'action="/de/search"')
  t.match(body, `href="/de/login?returnTo=${encodeURIComponent(`/de/lots/${ITEM_ID}`)}"`)
  t.match(body, `<link rel="canonical" href="${PUBLIC_URL}/de/lots/${ITEM_ID}">`)
  t.match(body, `hreflang="en" href="${PUBLIC_URL}/en/lots/${ITEM_ID}"`)
  t.match(body, `hreflang="x-default" href="${PUBLIC_URL}/lots/${ITEM_ID}"`)
  // The sitemap names these addresses, and a page that called another one canonical would not be listed.
  const plain = (await app.inject(`/lots/${ITEM_ID}`)).body
  t.match(plain, `<link rel="canonical" href="${PUBLIC_URL}/lots/${ITEM_ID}">`)
  const second = (await app.inject('/tr/lots?page=2&utm=x&status=active')).body
  t.match(second, `rel="canonical" href="${PUBLIC_URL}/tr/lots?status=active&amp;page=2"`)
  t.match(body, `<a href="/tr/lots/${ITEM_ID}" lang="tr"`)
  t.equal(headers.vary, 'cookie, accept-language')
  t.match((await app.inject('/tr')).body, '<html lang="tr">')
  t.equal((await app.inject('/de/nothing')).statusCode, 404)
  t.equal((await app.inject('/fr/help')).statusCode, 404)
})

t.test('without a language in the path the browser decides, and links stay without', async (t) => {
  const app = await start(t)
  const german = await app.inject({ url: '/help', headers: { 'accept-language': 'de-CH' } })
  t.match(german.body, '<html lang="de">')
  t.match(german.body, 'href="/fees"')
  const named = await app.inject({ url: '/en/help', headers: { 'accept-language': 'de-CH' } })
  t.match(named.body, '<html lang="en-GB">')
})

t.test('times are in the zone of the cookie, and the page names it', async (t) => {
  const app = await start(t)
  const inZone = async (cookie: string) =>
    (await app.inject({ url: '/lots', headers: { cookie } })).body
  t.match(await inZone('tz=Europe%2FBerlin'), 'ends Mon, 23 Nov 2026, 19:04:05 CET')
  t.match(await inZone('tz=Europe%2FBerlin'), 'in the zone Europe/Berlin')
  for (const cookie of ['tz=%', 'tz=<script>', 'tz=', 'a=b'])
    t.match(await inZone(cookie), '18:04:05 UTC', cookie)
})

t.test('a form that comes back is in the language of the page it was on', async (t) => {
  const app = await start(t)
  const send = (url: string, headers: object) =>
    app.inject({
      method: 'POST',
      url,
      headers: { ...FORM, ...OWN_PAGE, ...headers },
      payload: 'email=a&password=b',
    })
  const referer = 'https://auction.example/de/login'
  const refused = await send('/login', { referer })
  t.equal(refused.statusCode, 401)
  t.match(refused.body, '<title>Es gibt ein Problem: Anmelden – Auktion</title>')
  t.match(refused.body, 'Die E-Mail-Adresse oder das Passwort stimmt nicht.')
  // The gateway counts tries by the path, and knows only this one.
  for (const url of ['/de/login', '/en/login/code', '/tr/register', '/de/login?a=1'])
    t.equal((await send(url, {})).statusCode, 404, url)
})

t.test('help, fees, terms and the APIs are on every page and in every language', async (t) => {
  const app = await start(t)
  for (const prefix of ['', '/en', '/de', '/tr']) {
    for (const name of ['help', 'fees', 'terms', 'developers']) {
      const { statusCode, body } = await app.inject(`${prefix}/${name}`)
      t.equal(statusCode, 200)
      t.match(body, `href="${prefix}/developers"`)
      t.equal(body.match(/<h1/g)?.length, 1)
      t.match(body, /<meta name="description" content="[^"]{20,}">/)
    }
  }
  const { body } = await app.inject('/developers')
  for (const prefix of ['/identity', '/api/v1/items', '/api/v1/lots', '/api/v1/orders'])
    t.match(body, `href="${prefix}/docs"`)
})

t.test('who is logged in is named, as text', async (t) => {
  const app = await start(t)
  const claims = Buffer.from(JSON.stringify({ name: '<b>Ånn' })).toString('base64url')
  const { body } = await app.inject({
    url: '/',
    headers: { authorization: `Bearer h.${claims}.s` },
  })
  t.match(body, '<bdi>&lt;b&gt;Ånn</bdi>')
  t.match(body, 'href="/my"')
})

t.test(
  'a form too large, one that is none, and a mistake of ours are answered with pages',
  async (t) => {
    const app = await start(t)
    app.get('/mistake', { config: { auth: 'public' } }, () => {
      throw new Error('ours')
    })
    const send = (type: string, payload: string) =>
      app.inject({
        method: 'POST',
        url: `/de/lots/${ITEM_ID}/questions`,
        headers: { ...OWN_PAGE, 'content-type': type },
        payload,
      })
    const answers = {
      '413 Das ist zu viel': await send(FORM['content-type'], `content=${'a'.repeat(70_000)}`),
      '415 Das war nicht zu lesen': await send('text/plain', 'a'),
      '500 Back in a moment': await app.inject('/mistake'),
    }
    for (const [expected, { statusCode, body, headers }] of Object.entries(answers)) {
      t.equal(`${statusCode} ${/<h1>([^<]*)/.exec(body)?.[1]}`, expected)
      t.match(headers['content-type'], 'text/html')
      t.notMatch(body, 'ours')
    }
  },
)
