import t from 'tap'
import { healthy, ITEM_ID, item, list, startApp, startUpstream } from '../helper.ts'

t.test('the list of lots has price, bids, reserve and end of each', async (t) => {
  const upstream = await startUpstream(t, healthy())
  const app = await startApp(t, upstream.url)
  const response = await app.inject('/lots')
  t.equal(response.statusCode, 200)
  t.match(response.headers['content-type'], /^text\/html/)
  t.equal(response.headers['cache-control'], 'private, no-cache')
  for (const text of [
    'Brass sextant',
    '€1,234.50',
    '7 bids',
    'Reserve not met',
    'data-countdown="Closing…">4 mins 05 secs</time>',
    'ends Mon, 23 Nov 2026, 18:04:05 UTC',
    'data-server-time="2026-11-23T18:00:00.000Z"',
    'role="search" action="/search"',
    'href="/developers"',
    `href="/lots/${ITEM_ID}"`,
  ]) {
    t.ok(response.body.includes(text), text)
  }
  t.same(upstream.urls, ['/api/v1/items?status=active&page=1&limit=24&sort=endDate'])
})

t.test('what a seller wrote is text and never markup', async (t) => {
  const name = `"><script>alert(1)</script><img src=x onerror='alert(2)'>`
  const upstream = await startUpstream(
    t,
    healthy({
      '/api/v1/items': { ...list, items: [{ ...item, name, currencyCode: '<b>' }] },
      [`/api/v1/items/${ITEM_ID}`]: { ...item, name, description: name },
      [`/api/v1/lots/${ITEM_ID}/bids`]: {
        bids: [{ bidder: name, kind: 'manual', amount: '<u>', bidAt: list.serverTime }],
      },
    }),
  )
  const app = await startApp(t, upstream.url)
  for (const url of ['/lots', `/lots/${ITEM_ID}`]) {
    const { statusCode, body } = await app.inject(url)
    t.equal(statusCode, 200)
    t.ok(body.includes('&lt;script&gt;alert(1)'), 'shown as text')
    t.notMatch(body, /<script>|<img|<b>|<u>/, 'no markup of it survives')
  }
})

t.test('a page allows no inline script, no foreign origin and no frame', async (t) => {
  const upstream = await startUpstream(t, healthy())
  const app = await startApp(t, upstream.url)
  for (const url of ['/', '/nothing', '/assets/style.css', `/lots/${ITEM_ID}`]) {
    const { headers, body } = await app.inject(url)
    const policy = String(headers['content-security-policy'])
    t.match(policy, /default-src 'none'/)
    t.match(policy, /frame-ancestors 'none'/)
    t.notMatch(policy, /unsafe|\*|data:/)
    t.match(
      policy,
      /form-action 'self'; .*require-trusted-types-for 'script'; trusted-types 'none'$/,
    )
    t.equal(headers['x-content-type-options'], 'nosniff')
    t.notMatch(body, /<style|style="| on[a-z]+="|<script>/, 'nothing inline')
  }
})

t.test('an upstream that is away, fails or talks nonsense gives a friendly 503 page', async (t) => {
  const broken: [string, (url: string) => { status: number; body: unknown }][] = [
    ['fails', () => ({ status: 503, body: {} })],
    ['is not JSON', () => ({ status: 200, body: 'oops' })],
    ['has another shape', () => ({ status: 200, body: { items: [{ id: 1 }] } })],
    ['has a date that is none', healthy({ '/api/v1/items': { ...list, serverTime: 'soon' } })],
  ]
  for (const [name, answer] of broken) {
    const upstream = await startUpstream(t, answer)
    const app = await startApp(t, upstream.url)
    const response = await app.inject('/lots')
    t.equal(response.statusCode, 503, name)
    t.equal(response.headers['retry-after'], '5')
    t.match(response.headers['content-type'], /^text\/html/)
    t.ok(response.body.includes('Back in a moment'))
  }
  const app = await startApp(t, 'http://127.0.0.1:1')
  const response = await app.inject(`/lots/${ITEM_ID}`)
  t.equal(response.statusCode, 503, 'refuses connections')
})

t.test(
  'a page is whole when the replica that it asked is going, and asks no third time',
  async (t) => {
    const outcomes: [string, number | 'cut', number][] = [
      ['is leaving', 503, 200],
      ['is gone behind a proxy', 502, 200],
      ['cuts the connection', 'cut', 200],
      ['cannot do it', 500, 503],
    ]
    for (const [name, first, status] of outcomes) {
      let isFirst = true
      const upstream = await startUpstream(t, (url) => {
        if (url.startsWith('/api/v1/items?') && isFirst) {
          isFirst = false
          return first === 'cut' ? 'cut' : { status: first, body: {} }
        }
        return healthy()(url)
      })
      const app = await startApp(t, upstream.url)
      const response = await app.inject('/lots')
      t.equal(response.statusCode, status, name)
      t.equal(upstream.urls.length, status === 200 ? 2 : 1, name)
    }
    const away = await startUpstream(t, () => ({ status: 503, body: {} }))
    const app = await startApp(t, away.url)
    t.equal((await app.inject('/lots')).statusCode, 503)
    t.equal(away.urls.length, 2, 'once more and not again')
  },
)

t.test(
  'an address that leads nowhere gives a page with 404, also with a strange query',
  async (t) => {
    const upstream = await startUpstream(t, healthy())
    const app = await startApp(t, upstream.url)
    for (const url of [
      '/nothing',
      '/lots/1',
      '/lots/019a0000-0000-7000-8000-00000000000f',
      '/lots?status=draft',
      '/lots?status=constructor',
      '/lots?status=active&status=sold',
      '/lots?page=0',
      '/lots?page=1e3',
      '/lots?page=99999',
      '/lots?page=418',
      '/assets/../config.ts',
    ]) {
      const { statusCode, body } = await app.inject(url)
      t.equal(statusCode, 404, url)
      t.ok(body.includes('Nothing here'))
    }
    t.same(
      upstream.urls.filter((url) => url.startsWith('/api/v1/items?')),
      [],
      'nothing of it reached the list',
    )
  },
)

t.test('further pages are linked and nothing is said of them when there is one', async (t) => {
  const upstream = await startUpstream(
    t,
    healthy({ '/api/v1/items': { ...list, page: 2, totalPages: 3, totalItems: 70 } }),
  )
  const app = await startApp(t, upstream.url)
  const { body } = await app.inject('/lots?status=sold&page=2')
  t.ok(body.includes('href="/lots?status=sold&amp;page=1"'))
  t.ok(body.includes('href="/lots?status=sold&amp;page=3"'))
  t.ok(body.includes('70 lots'))
  t.same(upstream.urls, ['/api/v1/items?status=sold&page=2&limit=24&sort=-endDate'])
})

t.test('a list with more lots than are counted says so, and its last page is there', async (t) => {
  const long = { ...list, page: 417, totalPages: 417, totalItems: 10_000, isTotalExact: false }
  const upstream = await startUpstream(t, healthy({ '/api/v1/items': long }))
  const app = await startApp(t, upstream.url)
  const { statusCode, body } = await app.inject('/lots?status=sold&page=417')
  t.equal(statusCode, 200)
  t.match(body, '<p class="count">More than 10,000 lots</p>')
  t.notMatch(body, 'page=418')
})

t.test('HEAD answers like GET without a body, and an asset is sent once', async (t) => {
  const upstream = await startUpstream(t, healthy())
  const app = await startApp(t, upstream.url)
  const head = await app.inject({ method: 'HEAD', url: '/' })
  t.equal(head.statusCode, 200)
  t.equal(head.body, '')
  const first = await app.inject('/assets/page.js')
  t.equal(first.statusCode, 200)
  t.match(first.headers['content-type'], /^text\/javascript/)
  t.equal(first.headers['cache-control'], 'no-cache')
  const again = await app.inject({
    url: '/assets/page.js',
    headers: { 'if-none-match': String(first.headers.etag) },
  })
  t.equal(again.statusCode, 304)
  t.equal(again.headers['cache-control'], 'no-cache')
  t.equal(again.body, '')
})

t.test('a page names its files by their content, so that browsers may keep them', async (t) => {
  const upstream = await startUpstream(t, healthy())
  const app = await startApp(t, upstream.url)
  const { body } = await app.inject('/help')
  const named = [...body.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(
    ([, path]) => path ?? '',
  )
  t.ok(named.length >= 3)
  for (const url of named) {
    const answer = await app.inject(url)
    t.equal(answer.statusCode, 200, url)
    t.equal(answer.headers['cache-control'], 'public, max-age=31536000, immutable')
    const other = await app.inject(url.replace(/\/assets\/[^/]+/, '/assets/ofAnother1'))
    t.equal(other.headers['cache-control'], 'no-cache', 'a version that this process does not have')
    t.equal(other.body, answer.body)
  }
})

t.test('modules in TypeScript are sent without types, and import each other', async (t) => {
  const upstream = await startUpstream(t, healthy())
  const app = await startApp(t, upstream.url)
  const { body } = await app.inject('/assets/page.js')
  t.match(body, "from './time-left.js'")
  t.notMatch(body, /: void|: string|\.ts'/)
  t.equal((await app.inject('/assets/time-left.js')).statusCode, 200)
})

t.test(
  'assets have their content type, and other names under /assets get the 404 page',
  async (t) => {
    const upstream = await startUpstream(t, healthy())
    const app = await startApp(t, upstream.url)
    for (const [name, type] of [
      ['style.css', 'text/css; charset=utf-8'],
      ['passkeys.js', 'text/javascript; charset=utf-8'],
      ['icon.svg', 'image/svg+xml'],
    ] as const) {
      for (const method of ['GET', 'HEAD'] as const) {
        const { statusCode, headers } = await app.inject({ method, url: `/assets/${name}` })
        t.equal(statusCode, 200, name)
        t.equal(headers['content-type'], type)
        t.ok(Number(headers['content-length']) > 0)
      }
    }
    for (const name of [
      '',
      '.',
      'other.css',
      '%2e%2e/config.ts',
      'style.css/',
      '%2fetc%2fpasswd',
    ]) {
      const { statusCode, body } = await app.inject(`/assets/${name}`)
      t.equal(statusCode, 404, name)
      t.ok(body.includes('Nothing here'), name)
    }
  },
)
