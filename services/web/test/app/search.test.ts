import t from 'tap'
import type { Waits } from '#src/app/app.ts'
import {
  AS_ANN,
  type Asked,
  CATEGORY_ID,
  CHILD_ID,
  found,
  healthy,
  ITEM_ID,
  item,
  noBids,
  OWN_PAGE,
  SELLER_ID,
  startApp,
  startUpstream,
} from '#test/helper.ts'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const SEARCH = '/api/v1/items/search'

async function start(
  t: Parameters<typeof startApp>[0],
  overrides: Record<string, unknown> = {},
  answer: (request: Asked) => { status: number; body: unknown } = () => ({ status: 201, body: {} }),
  waits: Partial<Waits> = {},
) {
  const reads = healthy(overrides)
  const upstream = await startUpstream(t, (url, request) =>
    request.method === 'GET' ? reads(url) : answer(request),
  )
  const app = await startApp(t, upstream.url, waits)
  const searches = () => upstream.urls.filter((url) => url.startsWith(SEARCH))
  return { app, asked: upstream.asked, urls: upstream.urls, searches }
}

const image = {
  alt_text: 'of the seller',
  width: 800,
  height: 600,
  urls: { small: '/s', medium: '/m', large: '/l' },
}

t.test('the first page has what ends soon, what is new, and categories', async (t) => {
  const { app, searches } = await start(t, {
    [SEARCH]: { ...found, items: [{ ...item, image }] },
  })
  const { body, statusCode } = await app.inject('/')
  t.equal(statusCode, 200)
  t.match(body, /Ending soon[\s\S]*Brass sextant[\s\S]*New[\s\S]*Brass sextant/)
  t.match(
    body,
    `<a class="chip" href="/categories/${CATEGORY_ID}"><bdi>Instruments</bdi> <small>3</small></a>`,
  )
  t.notMatch(body, 'Sextants', 'only those without a parent')
  t.match(body, 'srcset="/s 320w, /m 800w"', 'large is no larger')
  t.match(body, 'alt=""', 'the name is beside it')
  t.strictSame(searches().sort(), [
    `${SEARCH}?sort=newest&limit=8`,
    `${SEARCH}?status=active&sort=ending&limit=12`,
  ])
})

t.test('the first page of a user has their bids and what they watch', async (t) => {
  const { app } = await start(t, {
    '/api/v1/bids': { ...noBids, counts: { ...noBids.counts, leading: 2, outbid: 1 } },
    '/api/v1/watchlist': { items: [{ item: { ...item, name: 'Watched thing' } }] },
  })
  const { body } = await app.inject({ url: '/', headers: AS_ANN })
  t.match(body, 'You have been outbid on 1 lot')
  t.match(body, 'You lead on 2 lots')
  t.match(body, 'Watched thing')
  const visitor = (await app.inject('/')).body
  t.notMatch(visitor, /Watched thing|You lead/)
})

t.test(
  'the first page of who has bid on more lots than are counted leads to them all',
  async (t) => {
    const counts = { ...noBids.counts, outbid: 0, leading: 3, lost: 997 }
    const { app } = await start(t, { '/api/v1/bids': { bids: [], counts, isCountExact: false } })
    const { body } = await app.inject({ url: '/', headers: AS_ANN })
    t.match(body, 'href="/my/bids?status=outbid">Outbid<')
    t.match(body, 'href="/my/bids?status=leading">Leading<')
  },
)

t.test('parts of the first page may be away', async (t) => {
  for (const path of ['/api/v1/categories', '/api/v1/bids', '/api/v1/watchlist']) {
    const { app } = await start(t, { [path]: 'oops' })
    const { statusCode, body } = await app.inject({ url: '/', headers: AS_ANN })
    t.equal(statusCode, 200, path)
    t.match(body, 'Brass sextant')
  }
  const { app } = await start(t, { [SEARCH]: 'oops' })
  const { statusCode, headers } = await app.inject('/')
  t.strictSame([statusCode, headers['retry-after']], [503, '5'])
})

t.test('of its two lists of lots each shows the other when it is away', async (t) => {
  for (const sort of ['ending', 'newest']) {
    const reads = healthy()
    const { url } = await startUpstream(t, (path) =>
      path.startsWith(SEARCH) && path.includes(`sort=${sort}`)
        ? { status: 503, body: {} }
        : reads(path),
    )
    const { statusCode, body } = await (await startApp(t, url)).inject('/')
    t.equal(statusCode, 200, sort)
    t.match(body, 'Brass sextant')
    t.match(body, /<h2 id="(ending|newest)">[^<]*<\/h2>\n<p class="away">/)
  }
})

t.test('users who open the first page at once share the reads of its lists', async (t) => {
  // They come within one share, however slow the machine is.
  const { app, asked, searches } = await start(t, {}, undefined, { sharedMs: 60_000 })
  const users = Array.from({ length: 10 }, (_, index) => ({ authorization: `Bearer a.b.${index}` }))
  const pages = await Promise.all(users.map((headers) => app.inject({ url: '/', headers })))
  for (const { statusCode, body } of pages) {
    t.equal(statusCode, 200)
    t.match(body, 'Brass sextant')
  }
  t.equal(searches().length, 2, 'one a list')
  const own = asked.filter(({ url }) => url.startsWith('/api/v1/bids'))
  t.strictSame(
    own.map(({ headers }) => headers.authorization).sort(),
    users.map(({ authorization }) => authorization),
    'their own for each',
  )
})

t.test('a search asks for what its address says, and each filter can be dropped', async (t) => {
  const facets = { ...found.facets, total: 1234, categories: { [CHILD_ID]: 7 } }
  const { app, searches } = await start(t, {
    [SEARCH]: { ...found, nextCursor: 'next one', facets },
  })
  const query = new URLSearchParams({
    q: 'brass <b>',
    category: CHILD_ID,
    buyNow: 'yes',
    minPrice: '1.000,50',
    currencyCode: 'EUR',
    ending: 'day',
    sort: 'price',
  })
  const { body, statusCode } = await app.inject(`/de/search?${query}`)
  t.equal(statusCode, 200)
  const asked = Object.fromEntries(new URLSearchParams(searches()[0]?.split('?')[1]))
  t.strictSame(asked, {
    q: 'brass <b>',
    category: CHILD_ID,
    buyNow: 'true',
    minPrice: '1000.50',
    currencyCode: 'EUR',
    endingWithinMinutes: '1440',
    sort: 'price',
    facets: 'true',
    limit: '24',
  })
  t.match(body, '1.234 Lose gefunden')
  t.match(body, '– Sextants (7)')
  t.match(body, 'value="1.000,50"', 'what was typed stays')
  const hrefs = [...body.matchAll(/<a class="chip" href="([^"]+)"/g)].map(([, href]) => href)
  t.equal(hrefs.length, 7, 'six filters, and all')
  t.notMatch(hrefs[0], 'q=brass')
  t.match(hrefs[1], 'q=brass')
  t.match(body, /rel="next" href="[^"]*cursor=next\+one"/)
  t.notMatch(body, /<b>|action="\/de\/search\/save"/)
})

t.test('a search that cannot be made says what to change, and keeps the filters', async (t) => {
  const { app, searches } = await start(t)
  const page = await app.inject('/search?q=a&minPrice=4,5&sort=price')
  t.equal(page.statusCode, 422)
  t.match(page.body, '<title>There is a problem: Search: a – Auction</title>')
  t.match(page.body, '<a href="#field-minPrice">This can be read as two amounts.')
  t.match(page.body, '<a href="#field-currencyCode">Choose a currency')
  t.match(page.body, 'value="4,5"')
  t.strictSame(searches(), [], 'nothing was asked')
  const refusing = await startUpstream(t, (url) =>
    url.startsWith(SEARCH)
      ? { status: 400, body: { code: 'item.search.validation_failed', message: 'for programs' } }
      : healthy()(url),
  )
  const other = await startApp(t, refusing.url)
  const refused = await other.inject('/search?q=------')
  t.equal(refused.statusCode, 422)
  t.match(refused.body, 'This cannot be searched for. Change the filters.')
  t.notMatch(refused.body, 'for programs')
})

t.test('nothing found, and words that only look alike, are said', async (t) => {
  const none = await start(t, { [SEARCH]: { ...found, items: [] } })
  t.match((await none.app.inject('/search?q=x')).body, 'No lot matches.')
  const similar = await start(t, { [SEARCH]: { ...found, spelling: 'similar' } })
  t.match((await similar.app.inject('/search?q=sextent')).body, 'These look alike.')
})

t.test('a user saves a search, without its order and without what passes', async (t) => {
  const { app, asked } = await start(t)
  const url = '/search?q=brass&buyNow=yes&ending=day'
  t.match((await app.inject({ url, headers: AS_ANN })).body, 'action="/search/save"')
  const post = (payload: string, headers: object, on = app) =>
    on.inject({
      method: 'POST',
      url: '/search/save',
      headers: { ...FORM, ...OWN_PAGE, ...headers },
      payload,
    })
  const long = `/search?q=${encodeURIComponent('👩‍👩‍👧'.repeat(61))}`
  const named = `name="name" required maxlength="3200" aria-describedby="field-name-hint" type="text" autocomplete="off" value="${'👩‍👩‍👧'.repeat(60)}…"`
  t.match((await app.inject({ url: long, headers: AS_ANN })).body, named)
  const form = 'q=brass&buyNow=yes&ending=day&sort=ending&name=Mine'
  const saved = await post(form, AS_ANN)
  t.match(
    [saved.statusCode, saved.headers.location],
    [303, '/search?q=brass&buyNow=yes&ending=day&sort=ending&said=saved'],
  )
  const sent = asked.filter(({ method }) => method === 'POST')
  t.strictSame(
    sent.map(({ body }) => JSON.parse(body)),
    [{ name: 'Mine', filters: { q: 'brass', buyNow: true } }],
  )
  t.match((await post(form, {})).headers.location, /^\/login\?returnTo=/)
  const full = await start(t, {}, () => ({ status: 409, body: { code: 'saved_search.exists' } }))
  const again = await post('q=brass', AS_ANN, full.app)
  t.equal(again.statusCode, 409)
  t.match(again.body, 'You have saved this search before.')
})

t.test('a category has its path, what is below it, and its lots', async (t) => {
  const path = [
    { id: CATEGORY_ID, name: 'Instruments' },
    { id: CHILD_ID, name: 'Sextants' },
  ]
  const { app, searches } = await start(t, {
    [`/api/v1/categories/${CHILD_ID}`]: {
      id: CHILD_ID,
      parent_id: CATEGORY_ID,
      name: 'Sextants',
      description: '',
      item_count: 1,
      path,
    },
    [`/api/v1/categories/${CATEGORY_ID}`]: {
      id: CATEGORY_ID,
      parent_id: null,
      name: 'Instruments',
      description: 'Of brass',
      item_count: 3,
      path: path.slice(0, 1),
    },
  })
  const child = await app.inject(`/categories/${CHILD_ID}`)
  t.match(child.body, /class="path"[\s\S]*Instruments[\s\S]*<h1 dir="auto">Sextants/)
  t.match(child.body, 'Brass sextant')
  t.match(searches(), [`${SEARCH}?category=${CHILD_ID}&limit=24`])
  const parent = await app.inject(`/categories/${CATEGORY_ID}`)
  t.match(parent.body, `href="/categories/${CHILD_ID}"`)
  for (const id of ['x', ITEM_ID]) t.equal((await app.inject(`/categories/${id}`)).statusCode, 404)
})

t.test('a seller has a page with what they sell', async (t) => {
  const { app, searches } = await start(t)
  const { body } = await app.inject(`/sellers/${SELLER_ID}`)
  t.match(body, 'Ada Seller')
  t.match(body, 'Private seller')
  t.match(body, 'Brass sextant')
  t.match(searches(), [`${SEARCH}?seller=${SELLER_ID}&limit=24`])
  for (const id of ['x', ITEM_ID]) t.equal((await app.inject(`/sellers/${id}`)).statusCode, 404)
})

t.test('a user sees how their bids stand, and others are sent to the login', async (t) => {
  const bid = {
    itemId: ITEM_ID,
    status: 'outbid',
    currencyCode: 'EUR',
    currentPrice: '155.00',
    myMaxAmount: '150.00',
    endDate: item.endDate,
    bidId: ITEM_ID,
  }
  const { app, urls } = await start(t, {
    '/api/v1/bids': { ...noBids, bids: [bid], nextBefore: CHILD_ID },
  })
  const page = await app.inject({ url: '/my/bids?status=outbid', headers: AS_ANN })
  t.equal(page.headers['cache-control'], 'no-store')
  for (const text of ['Brass sextant', '€155.00', '€150.00', `before=${CHILD_ID}`])
    t.ok(page.body.includes(text), text)
  t.ok(urls.includes('/api/v1/bids?limit=10&status=outbid'))
  t.equal((await app.inject('/my/bids')).headers.location, '/login?returnTo=%2Fmy%2Fbids')
  const gone = await start(t, {
    '/api/v1/bids': { ...noBids, bids: [bid] },
    [`/api/v1/items/${ITEM_ID}`]: 'oops',
  })
  t.equal((await gone.app.inject({ url: '/my/bids', headers: AS_ANN })).statusCode, 200)
})
