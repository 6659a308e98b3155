import t from 'tap'
import {
  AS_ANN,
  type Asked,
  healthy,
  ITEM_ID,
  item,
  OWN_PAGE,
  SELLER_ID,
  startApp,
  startUpstream,
} from '#test/helper.ts'

const ORDER_ID = '019a0000-0000-7000-8000-0000000000d1'
const OTHER_ID = '019a0000-0000-7000-8000-0000000000d2'
const PAYMENT_ID = '019a0000-0000-7000-8000-0000000000e1'
const ORDER = `/api/v1/orders/${ORDER_ID}`
const PAGE = `/my/orders/${ORDER_ID}`

const summary = {
  id: ORDER_ID,
  itemId: ITEM_ID,
  itemName: 'Brass <sextant>',
  role: 'buyer',
  sellerId: SELLER_ID,
  state: 'pending_payment',
  currencyCode: 'EUR',
  amount: '1200.00',
  premium: '0.00',
  deliveryFee: '12.00',
  total: '1212.00',
  refundedTotal: '0.00',
  wonAt: '2026-11-23T18:04:05.000Z',
  dueAt: '2026-11-27T18:04:05.000Z',
  cancelAt: '2026-11-30T18:04:05.000Z',
  isBeingPaid: false,
}
const order = {
  ...summary,
  shipments: [],
  actions: ['pay', 'choose_delivery', 'agree_to_cancellation'],
  timeline: [
    { state: 'pending_payment', by: 'platform', at: '2026-11-23T18:04:06.000Z' },
    { state: 'pending_payment', by: 'buyer', at: '2026-11-23T18:05:06.000Z' },
  ],
  serverTime: '2026-11-24T10:00:00.000Z',
}
const address = {
  name: 'Ann',
  line1: 'Main Street 1',
  line2: '',
  postalCode: '10115',
  city: 'Berlin',
  region: '',
  country: 'DE',
}
const orders = { orders: [summary], counts: [{ state: 'pending_payment', count: 1 }] }
const payment = {
  id: PAYMENT_ID,
  state: 'open',
  currencyCode: 'EUR',
  amount: '1212.00',
  orders: [{ orderId: ORDER_ID }],
  next: { kind: 'redirect', url: 'https://pay.example/c/1' },
  expiresAt: '2026-11-24T11:00:00.000Z',
}

/** A service's answer with another status. */
class Status {
  readonly status: number
  readonly body: unknown
  constructor(status: number, body: unknown = {}) {
    this.status = status
    this.body = body
  }
}
const gone = new Status(503)
const refusal = (status: number, code: string, details = {}) =>
  new Status(status, { code, message: 'in English', details, traceId: 'trace-1' })

type Answers = Record<string, unknown>
type Test = Parameters<typeof startUpstream>[0]

/** The pages over services that answer so; a key is a path, or a method and a path. */
async function start(t: Test, answers: Answers = {}) {
  const bodies: Answers = {
    '/api/v1/orders': orders,
    [ORDER]: order,
    '/api/v1/payments': { payments: [] },
    '/api/v1/billing/invoices': { invoices: [] },
    ...answers,
  }
  const plain = healthy()
  const upstream = await startUpstream(t, (url, { method }: Asked) => {
    const path = url.split('?')[0] ?? ''
    const key = [`${method} ${path}`, method === 'GET' ? path : ''].find((each) => each in bodies)
    const body = key === undefined ? undefined : bodies[key]
    if (body instanceof Status) return { status: body.status, body: body.body }
    if (body !== undefined) return { status: 200, body }
    return method === 'GET' ? plain(url) : { status: 404, body: { code: 'request.not_found' } }
  })
  const app = await startApp(t, upstream.url)
  const get = (url: string, headers: Record<string, string> = AS_ANN) =>
    app.inject({ url, headers })
  const post = (url: string, fields: Record<string, string>, headers: object = AS_ANN) =>
    app.inject({
      method: 'POST',
      url,
      headers: {
        ...OWN_PAGE,
        'content-type': 'application/x-www-form-urlencoded',
        referer: 'https://auction.example/my/orders',
        ...headers,
      },
      payload: new URLSearchParams(fields).toString(),
    })
  const sent = () => upstream.asked.filter(({ method }) => method !== 'GET')
  return { app, upstream, get, post, sent }
}

const OWN_PAGES = ['/my/orders', PAGE, `${PAGE}/pay`]
const MORE_PAGES = ['/my', '/my/offers', '/my/watchlist', '/my/searches']

t.test('visitors log in first, and come back to where they were', async (t) => {
  const { get, post } = await start(t)
  for (const url of [...OWN_PAGES, ...MORE_PAGES, '/my/orders?state=paid']) {
    const { statusCode, headers } = await get(url, {})
    t.equal(statusCode, 303, url)
    t.equal(headers.location, `/login?returnTo=${encodeURIComponent(url)}`)
  }
  const sent = await post(`${PAGE}/receipt`, {}, {})
  t.equal(sent.headers.location, '/login?returnTo=%2Fmy%2Forders')
})

t.test('pages of users stay in no browser, and their services are asked as the user', async (t) => {
  const { get, upstream } = await start(t)
  for (const url of OWN_PAGES) {
    const { statusCode, headers } = await get(url)
    t.equal(statusCode, 200, url)
    t.equal(headers['cache-control'], 'no-store', url)
  }
  for (const { url, headers } of upstream.asked) {
    if (!url.startsWith('/api/v1/user-profiles'))
      t.equal(headers.authorization, 'Bearer a.b.c', url)
  }
})

t.test('the list has tabs of the states that there are, and leads to earlier ones', async (t) => {
  const { get, upstream } = await start(t, {
    '/api/v1/orders': {
      orders: [{ ...summary, state: 'shipped' }],
      counts: [
        { state: 'shipped', count: 1_000 },
        { state: 'cancelled', count: 2 },
      ],
      nextCursor: OTHER_ID,
    },
  })
  const { body } = await get('/my/orders?state=shipped')
  t.match(body, 'href="/my/orders?state=shipped" aria-current="page">On its way (1,000)')
  t.match(body, '>Cancelled (2)')
  t.notMatch(body, '>Completed (')
  t.match(body, `href="/my/orders?state=shipped&amp;cursor=${OTHER_ID}"`)
  t.match(body, 'Brass &lt;sextant&gt;</a>')
  t.match(body, '€1,212.00')
  await get(`/my/orders?state=nothing&cursor=x`)
  t.equal(upstream.urls.at(-1), '/api/v1/orders?role=buyer&limit=20')
  const none = await start(t, { '/api/v1/orders': { orders: [], counts: [] } })
  t.match((await none.get('/my/orders')).body, 'You have bought nothing yet.')
  const away = await start(t, { '/api/v1/orders': gone })
  t.equal((await away.get('/my/orders')).statusCode, 503)
})

t.test(
  'a purchase says in words how it stands and by when to pay, in the reader’s zone',
  async (t) => {
    const { get } = await start(t)
    const { body } = await get(PAGE, { ...AS_ANN, cookie: 'tz=Europe%2FBerlin' })
    t.match(body, 'Pay by Fri, 27 Nov 2026, 19:04:05 CET')
    t.match(body, `href="${PAGE}/pay">Pay €1,212.00`)
    t.match(body, 'Ada Seller')
    t.notMatch(body, 'Buyer’s premium', 'what is nothing has no line')
    t.match(body, '<dt>Delivery</dt><dd>€12.00')
    t.equal(body.match(/>To pay <small>/g)?.length, 1, 'a change within a state is no step')
    const german = await get(`/de${PAGE}`)
    t.match(german.body, 'Zahlen Sie bis Fr., 27. Nov. 2026')
    t.match(german.body, '1.212,00')
  },
)

t.test('each state has its words, and each word of a newer order service itself', async (t) => {
  for (const [state, words] of [
    ['overdue', 'If it is not paid by Mon, 30 Nov 2026'],
    ['shipped', 'Say here when you have received it.'],
    ['refunded', 'Your money was given back.'],
    ['sent_to_the_moon', 'sent_to_the_moon'],
  ] as const) {
    const { get } = await start(t, { [ORDER]: { ...order, state, actions: [] } })
    const { body } = await get(PAGE)
    t.match(body, words)
    t.notMatch(body, '/pay"')
  }
  const { get } = await start(t, {
    [ORDER]: {
      ...order,
      state: 'cancelled',
      cancelReason: 'seller',
      strike: 'counted',
      actions: [],
    },
  })
  const { body } = await get(PAGE)
  t.match(body, 'The seller cancelled it.')
  t.match(body, 'It counts as not paid in time.')
})

t.test(
  'a service that is away costs its part of a purchase, and only orders the page',
  async (t) => {
    const { get } = await start(t, {
      [`/api/v1/items/${ITEM_ID}`]: gone,
      [`/api/v1/user-profiles/${SELLER_ID}`]: gone,
      [`${ORDER}/dispute`]: gone,
      '/api/v1/billing/invoices': gone,
    })
    const { statusCode, body } = await get(PAGE)
    t.equal(statusCode, 200)
    t.equal(body.match(/This part cannot be shown just now/g)?.length, 3)
    const away = await start(t, { [ORDER]: gone })
    t.equal((await away.get(PAGE)).statusCode, 503)
  },
)

t.test('what is no purchase of the reader is nothing, and a sale has its own page', async (t) => {
  const { get } = await start(t, { [ORDER]: { ...order, role: 'seller' } })
  t.equal((await get(PAGE)).headers.location, `/my/sales/${ORDER_ID}`)
  t.equal((await get('/my/orders/1')).statusCode, 404)
  t.equal((await get(`/my/orders/${OTHER_ID}`)).statusCode, 404)
  const moderated = await start(t, { [ORDER]: { ...order, role: 'moderator' } })
  t.equal((await moderated.get(PAGE)).statusCode, 404)
})

t.test('a delivery is chosen; what is wrong with an address is said at its field', async (t) => {
  const { post, sent, get } = await start(t, { [`PUT ${ORDER}/delivery`]: new Status(204) })
  t.match((await get(PAGE)).body, '<option value="DE">Germany</option>')
  const missing = await post(`${PAGE}/delivery`, { ...address, method: 'shipping', city: ' ' })
  t.equal(missing.statusCode, 422)
  t.match(missing.body, '<title>There is a problem: Brass &lt;sextant&gt;')
  t.match(missing.body, '<a href="#field-city">')
  t.match(missing.body, /id="field-city"[^>]*aria-invalid="true"/)
  t.match(missing.body, 'value="Main Street 1"', 'what was typed is there again')
  t.match(missing.body, '<option value="DE" selected>')
  t.same(sent(), [], 'nothing was sent')
  const done = await post(`${PAGE}/delivery`, { ...address, method: 'shipping' })
  t.equal(done.headers.location, `${PAGE}?said=delivery`)
  const { line2: _, region: __, ...given } = address
  t.same(JSON.parse(sent()[0]?.body ?? ''), { method: 'shipping', address: given })
  await post(`${PAGE}/delivery`, { ...address, method: 'collection' })
  t.same(
    JSON.parse(sent()[1]?.body ?? ''),
    { method: 'collection' },
    'no address that is not needed',
  )
  const refused = await start(t, {
    [`PUT ${ORDER}/delivery`]: refusal(422, 'order.invalid_address', { field: 'line1' }),
  })
  const wrong = await refused.post(`${PAGE}/delivery`, { ...address, method: 'shipping' })
  t.equal(wrong.statusCode, 422)
  t.match(wrong.body, '<a href="#field-line1">Write the street')
  t.equal((await refused.post(`${PAGE}/delivery`, {})).statusCode, 422)
  // 150 characters as people count them.
  const line1 = 'कि'.repeat(150)
  await post(`${PAGE}/delivery`, { ...address, line1, method: 'shipping' })
  t.equal(JSON.parse(sent()[2]?.body ?? '').address.line1, line1, 'nothing is cut')
})

t.test('an address whose session ended stays in a page, and in no address', async (t) => {
  const { post } = await start(t, { [`PUT ${ORDER}/delivery`]: new Status(401) })
  for (const headers of [AS_ANN, {}]) {
    const kept = await post(`${PAGE}/delivery`, { ...address, method: 'shipping' }, headers)
    t.equal(kept.statusCode, 401)
    t.equal(kept.headers['cache-control'], 'no-store')
    t.match(kept.body, `action="${PAGE}/delivery"`)
    t.match(kept.body, 'value="Main Street 1"')
    t.match(kept.body, `/login?returnTo=${encodeURIComponent(PAGE)}"`)
    t.notMatch(kept.body, /href="[^"]*Main/)
  }
})

t.test('received, cancelled by agreement, disputed: each form does its deed', async (t) => {
  for (const [form, fields, method, path, answer, said] of [
    ['receipt', {}, 'POST', '/receipt', new Status(204), 'received'],
    [
      'cancellation',
      { agree: 'yes' },
      'PUT',
      '/cancellation-request',
      { isCancelled: false },
      'asked',
    ],
    [
      'cancellation',
      { agree: 'yes' },
      'PUT',
      '/cancellation-request',
      { isCancelled: true },
      'cancelled',
    ],
    ['cancellation', { agree: 'no' }, 'DELETE', '/cancellation-request', new Status(204), 'kept'],
    [
      'dispute',
      { reason: 'damaged', message: 'Broken' },
      'POST',
      '/dispute',
      new Status(204),
      'disputed',
    ],
    [
      'dispute/messages',
      { message: 'Hello' },
      'POST',
      '/dispute/messages',
      new Status(204),
      'written',
    ],
    ['dispute/withdrawal', {}, 'POST', '/dispute/withdrawal', new Status(204), 'withdrawn'],
  ] as const) {
    const { post, sent, get } = await start(t, { [`${method} ${ORDER}${path}`]: answer })
    const done = await post(`${PAGE}/${form}`, fields)
    t.equal(done.headers.location, `${PAGE}?said=${said}`, form)
    t.match(sent(), [{ method, url: `${ORDER}${path}` }])
    t.equal((await get(`/de${PAGE}/${form}`)).headers.location, `/de${PAGE}`, 'its address again')
    const refused = await start(t, {
      [`${method} ${ORDER}${path}`]: refusal(409, 'order.wrong_state'),
    })
    const page = await refused.post(`${PAGE}/${form}`, fields)
    t.equal(page.statusCode, 409)
    t.match(page.body, 'This is not possible any more')
    t.equal((await refused.post(`/my/orders/x/${form}`, fields)).statusCode, 404)
  }
})

t.test('what a page says happened is read from the order, never from the address', async (t) => {
  const { get } = await start(t)
  for (const said of ['cancelled', 'received', 'disputed', 'delivery', 'asked', 'toString']) {
    t.notMatch((await get(`${PAGE}?said=${said}`)).body, 'id="flash"', said)
  }
  const asked = await start(t, { [ORDER]: { ...order, cancellationAskedBy: 'buyer' } })
  const { body } = await asked.get(`${PAGE}?said=asked`)
  t.match(body, 'The seller is asked whether to cancel it.')
  t.match(body, 'data-form="take-back"')
  const answered = await start(t, { [ORDER]: { ...order, cancellationAskedBy: 'seller' } })
  t.match((await answered.get(PAGE)).body, /data-form="agree"[\s\S]*data-form="refuse"/)
})

t.test('a message that is empty is not sent, and one that was typed is kept', async (t) => {
  const open = { ...order, state: 'shipped', actions: ['confirm_receipt', 'dispute'] }
  const { post, sent } = await start(t, { [ORDER]: open })
  const empty = await post(`${PAGE}/dispute`, { reason: 'gone', message: ' ' })
  t.equal(empty.statusCode, 422)
  t.match(empty.body, '<a href="#field-reason">')
  t.match(empty.body, '<a href="#field-message">')
  t.match(empty.body, '<details open>')
  t.same(sent(), [])
  const kept = await post(`${PAGE}/dispute`, { reason: 'damaged', message: '<b>Broken</b>' }, {})
  t.equal(kept.statusCode, 401)
  t.match(kept.body, '&lt;b&gt;Broken&lt;/b&gt;</textarea>')
  t.match(kept.body, '<option value="damaged" selected>')
  const message = '👍🏽'.repeat(2_000)
  const long = await post(`${PAGE}/dispute`, { reason: 'damaged', message }, {})
  t.equal(long.statusCode, 401)
  t.ok(long.body.includes(`\n${message}</textarea>`), 'nothing is cut')
})

t.test('a dispute shows its messages, who has to answer, and how it ended', async (t) => {
  const dispute = {
    reason: 'damaged',
    openedAt: '2026-11-28T10:00:00.000Z',
    answerBy: '2026-12-01T10:00:00.000Z',
    messages: [
      { author: 'buyer', content: 'It <is> broken', writtenAt: '2026-11-28T10:00:00.000Z' },
    ],
  }
  const disputed = { ...order, state: 'disputed', actions: [] }
  const { get } = await start(t, { [ORDER]: disputed, [`${ORDER}/dispute`]: dispute })
  const { body } = await get(PAGE)
  t.match(body, 'It &lt;is&gt; broken')
  t.match(body, 'The seller has until Tue, 1 Dec 2026')
  t.match(body, /data-form="message"[\s\S]*data-form="withdraw"/)
  const ended = await start(t, {
    [ORDER]: { ...disputed, state: 'refunded' },
    [`${ORDER}/dispute`]: { ...dispute, resolution: 'buyer', refundAmount: '100.00' },
  })
  const over = (await ended.get(PAGE)).body
  t.match(over, 'A moderator decided for you. You get €100.00 back.')
  t.notMatch(over, 'data-form="message"')
})

t.test('parcels have a link to their carrier, collections a code that is shown once', async (t) => {
  const { get } = await start(t, {
    [ORDER]: {
      ...order,
      state: 'shipped',
      delivery: 'shipping',
      address,
      shipments: [
        {
          carrier: 'royal_mail',
          trackingNumber: 'AB1',
          trackingUrl: 'https://track.example/?n=AB1',
          shippedAt: '2026-11-28T10:00:00.000Z',
        },
      ],
      actions: ['confirm_receipt'],
    },
    '/api/v1/billing/invoices': {
      invoices: [{ id: PAYMENT_ID, number: 'P-000001', kind: 'invoice' }],
    },
  })
  const { body } = await get(PAGE)
  t.match(body, 'Parcel by Royal mail')
  t.match(body, 'href="https://track.example/?n=AB1" rel="noopener noreferrer"')
  t.match(body, '<bdi>10115 Berlin</bdi>')
  t.match(body, '<bdi>Germany</bdi>')
  t.match(body, `href="/api/v1/billing/invoices/${PAYMENT_ID}/document.pdf">Invoice P-000001`)
  const collected = await start(t, {
    [ORDER]: { ...order, state: 'paid', delivery: 'collection', actions: ['make_collection_code'] },
    [`POST ${ORDER}/collection-code`]: { code: '123456' },
  })
  t.match((await collected.get(PAGE)).body, 'You collect it from the seller.')
  const shown = await collected.post(`${PAGE}/collection-code`, {})
  t.equal(shown.statusCode, 200)
  t.equal(shown.headers['cache-control'], 'no-store')
  t.match(shown.body, '123456')
  t.equal((await collected.get(`${PAGE}/collection-code`)).headers.location, PAGE)
})

t.test('paying begins with a form, and goes on by a link to the provider', async (t) => {
  const { get, post, sent } = await start(t, { 'POST /api/v1/payments': new Status(201, payment) })
  const { body } = await get(`${PAGE}/pay`)
  const key = /name="key" value="([^"]+)"/.exec(body)?.[1] ?? ''
  t.ok(key)
  t.notMatch(body, 'Pay together', 'there is no other')
  const begun = await post(`${PAGE}/pay`, { key })
  t.equal(begun.statusCode, 303)
  t.equal(begun.headers.location, `${PAGE}/pay`)
  t.match(sent(), [
    { method: 'POST', url: '/api/v1/payments', headers: { 'idempotency-key': key } },
  ])
  t.same(JSON.parse(sent()[0]?.body ?? ''), {
    orderIds: [ORDER_ID],
    returnUrl: `${PAGE}/pay?returned=yes`,
  })
  const open = await start(t, { '/api/v1/payments': { payments: [payment] } })
  const page = (await open.get(`/de${PAGE}/pay?returned=yes`)).body
  t.match(page, 'href="https://pay.example/c/1" rel="noreferrer"')
  t.match(page, 'bei pay.example')
  t.match(page, 'Haben Sie bezahlt?')
  t.match(page, `href="/de${PAGE}/pay?returned=yes">Noch einmal nachsehen`)
  t.match(page, `data-payment="${PAYMENT_ID}" data-state="open"`)
})

t.test('several purchases from one seller are paid together', async (t) => {
  const more = [
    { ...summary, id: OTHER_ID, itemName: 'A compass' },
    { ...summary, id: PAYMENT_ID, itemName: 'Dollars', currencyCode: 'USD' },
    { ...summary, id: SELLER_ID, itemName: 'Of another', sellerId: OTHER_ID },
    { ...summary, id: ITEM_ID, itemName: 'Being paid', isBeingPaid: true },
  ]
  const { get, post, sent } = await start(t, {
    '/api/v1/orders': { ...orders, orders: [summary, ...more] },
    'POST /api/v1/payments': new Status(201, payment),
  })
  const { body } = await get(`${PAGE}/pay`)
  t.match(body, `name="with-${OTHER_ID}"`)
  for (const name of ['Dollars', 'Of another', 'Being paid']) t.notMatch(body, name)
  await post(`${PAGE}/pay`, { key: 'k', [`with-${OTHER_ID}`]: 'yes', [`with-${ORDER_ID}`]: 'yes' })
  t.same(JSON.parse(sent()[0]?.body ?? '').orderIds, [ORDER_ID, OTHER_ID])
})

t.test('without an answer a payment may be sent again as it was', async (t) => {
  const { post } = await start(t, { 'POST /api/v1/payments': gone })
  const fields = { key: 'the-key', [`with-${OTHER_ID}`]: 'yes' }
  const lost = await post(`${PAGE}/pay`, fields)
  t.equal(lost.statusCode, 503)
  t.match(lost.body, 'we do not know whether the payment was begun')
  t.match(lost.body, 'name="key" value="the-key"')
  const refused = await start(t, { 'POST /api/v1/payments': refusal(409, 'payment.in_progress') })
  const page = await refused.post(`${PAGE}/pay`, fields)
  t.equal(page.statusCode, 409)
  t.match(page.body, 'A payment of one of these is under way')
  t.notMatch(page.body, 'value="the-key"', 'another attempt, another key')
  const off = await start(t, { 'POST /api/v1/payments': refusal(503, 'payment.no_provider') })
  t.match((await off.post(`${PAGE}/pay`, fields)).body, 'Payments are not set up here.')
})

t.test('the page of a payment says how it stands, whatever became of it', async (t) => {
  for (const [state, words, hasForm] of [
    ['created', 'Your payment is being made', false],
    ['claimed', 'Your payment is being made', false],
    ['captured', 'It is paid', false],
    ['failed', 'The payment did not work. Nothing was taken.', true],
    ['expired', 'The time for the payment is over.', true],
    ['cancelled', 'The payment was cancelled.', true],
    ['mismatch', 'Do not pay again.', false],
  ] as const) {
    const { get } = await start(t, {
      '/api/v1/payments': { payments: [{ ...payment, state, next: { kind: 'none' } }] },
    })
    const { body } = await get(`${PAGE}/pay`)
    t.match(body, words, state)
    t.equal(body.includes('data-form="pay"'), hasForm, state)
  }
  const away = await start(t, { '/api/v1/payments': gone })
  const page = await away.get(`${PAGE}/pay`)
  t.equal(page.statusCode, 200)
  t.match(page.body, 'Whether you have begun to pay cannot be shown just now.')
  t.notMatch(page.body, 'data-form="pay"', 'no second payment while the first is not known')
})

t.test('a payment is stopped, unless the money is being taken', async (t) => {
  const path = `POST /api/v1/payments/${PAYMENT_ID}/cancel`
  const { post, sent } = await start(t, { [path]: payment })
  const done = await post(`${PAGE}/pay/stop`, { payment: PAYMENT_ID })
  t.equal(done.headers.location, `${PAGE}/pay`)
  t.match(sent(), [{ url: `/api/v1/payments/${PAYMENT_ID}/cancel` }])
  t.equal((await post(`${PAGE}/pay/stop`, { payment: '../x' })).statusCode, 404)
  const late = await start(t, { [path]: refusal(409, 'payment.not_cancellable') })
  const page = await late.post(`${PAGE}/pay/stop`, { payment: PAYMENT_ID })
  t.equal(page.statusCode, 409)
  t.match(page.body, 'The payment is over, or the money is being taken.')
})

const OFFER_ID = '019a0000-0000-7000-8000-0000000000b1'
const OFFER = `/api/v1/offers/${OFFER_ID}`
const OFFER_PAGE = `/my/offers/${OFFER_ID}`
const offer = {
  offerId: OFFER_ID,
  itemId: ITEM_ID,
  kind: 'second_chance',
  amount: '900.00',
  currencyCode: 'EUR',
  state: 'open',
  expiresAt: '2026-11-27T18:04:05.000Z',
  serverTime: '2026-11-24T10:00:00.000Z',
}
const OFFERS = {
  '/api/v1/offers': { offers: [offer] },
  '/api/v1/offers/preferences': { wantsOffers: true },
  [OFFER]: offer,
}

t.test('offers are listed with their end, and an offer says what it is', async (t) => {
  const { get, upstream } = await start(t, {
    ...OFFERS,
    '/api/v1/offers': { offers: [offer], nextBefore: OFFER_ID },
  })
  const { body } = await get('/my/offers')
  t.match(body, `href="${OFFER_PAGE}" dir="auto">Brass sextant`)
  t.match(body, '27 Nov 2026, 18:04:05 UTC')
  t.match(body, `href="/my/offers?before=${OFFER_ID}"`)
  t.match(body, 'name="wants" value="no"')
  const page = (await get(OFFER_PAGE)).body
  t.match(page, 'The lot went to another bidder')
  t.match(page, `href="${OFFER_PAGE}/acceptance">Buy for €900.00`)
  t.match(page, 'data-form="decline"')
  t.equal((await get('/my/offers/x')).statusCode, 404)
  t.equal((await get(`/my/offers/${OTHER_ID}`)).statusCode, 404)
  await get('/my/offers?before=x')
  t.equal(upstream.urls.filter((url) => url.includes('before=x')).length, 0)
  const none = await start(t, { ...OFFERS, '/api/v1/offers': { offers: [] } })
  t.match((await none.get('/my/offers')).body, 'There are no offers to you.')
  const away = await start(t, { ...OFFERS, '/api/v1/offers/preferences': gone })
  t.match((await away.get('/my/offers')).body, 'This part cannot be shown just now')
})

t.test('accepting asks once more, and each answer counts once', async (t) => {
  for (const answer of ['acceptance', 'refusal'] as const) {
    const { get, post, sent } = await start(t, { ...OFFERS, [`POST ${OFFER}/${answer}`]: offer })
    const asking = answer === 'acceptance' ? `${OFFER_PAGE}/acceptance` : OFFER_PAGE
    const { body } = await get(asking)
    const key = /name="key" value="([^"]+)"/.exec(body)?.[1] ?? ''
    t.ok(key)
    const done = await post(`${OFFER_PAGE}/${answer}`, { key })
    t.equal(done.headers.location, OFFER_PAGE)
    t.match(sent(), [{ url: `${OFFER}/${answer}`, headers: { 'idempotency-key': key } }])
    const lost = await start(t, { ...OFFERS, [`POST ${OFFER}/${answer}`]: gone })
    const again = await lost.post(`${OFFER_PAGE}/${answer}`, { key })
    t.equal(again.statusCode, 503)
    t.match(again.body, 'we do not know whether your answer counts')
    t.match(again.body, `name="key" value="${key}"`)
    const late = await start(t, {
      ...OFFERS,
      [OFFER]: { ...offer, state: 'withdrawn' },
      [`POST ${OFFER}/${answer}`]: refusal(409, 'offer.not_open'),
    })
    const over = await late.post(`${OFFER_PAGE}/${answer}`, { key })
    t.equal(over.statusCode, 409)
    t.match(over.body, 'This offer is not open any more.')
    t.match(over.body, 'The seller withdrew this offer.')
    t.equal((await late.get(`${OFFER_PAGE}/${answer}`)).headers.location, OFFER_PAGE)
  }
})

t.test('who wants no offers says so, and may change that', async (t) => {
  const { post, sent, get } = await start(t, {
    ...OFFERS,
    'PUT /api/v1/offers/preferences': { wantsOffers: false },
  })
  const done = await post('/my/offers/preference', { wants: 'no' })
  t.equal(done.headers.location, '/my/offers?said=wantsNone')
  t.same(JSON.parse(sent()[0]?.body ?? ''), { wantsOffers: false })
  t.match((await get('/my/offers?said=wantsNone')).body, 'Sellers make you no offers any more.')
  await post('/my/offers/preference', { wants: 'yes' })
  t.same(JSON.parse(sent()[1]?.body ?? ''), { wantsOffers: true })
})

t.test('watched lots are cards with a way to watch them no more', async (t) => {
  const hostile = { ...item, name: 'A "lot" <b>' }
  const { get, post, sent, upstream } = await start(t, {
    '/api/v1/watchlist': { items: [{ item: hostile }], nextCursor: 'a+b/c' },
    [`DELETE /api/v1/items/${ITEM_ID}/watch`]: new Status(204),
  })
  const { body } = await get('/my/watchlist?cursor=x')
  t.match(body, 'aria-label="Stop watching A &quot;lot&quot; &lt;b&gt;"')
  t.match(body, 'href="/my/watchlist?cursor=a%2Bb%2Fc"')
  t.ok(upstream.urls.includes('/api/v1/watchlist?limit=24&cursor=x'))
  const done = await post(`/my/watchlist/${ITEM_ID}/remove`, {})
  t.equal(done.headers.location, '/my/watchlist?said=unwatched')
  t.match(sent(), [{ method: 'DELETE', url: `/api/v1/items/${ITEM_ID}/watch` }])
  t.equal((await post('/my/watchlist/x/remove', {})).statusCode, 404)
  const none = await start(t, { '/api/v1/watchlist': { items: [] } })
  t.match((await none.get('/my/watchlist')).body, 'You watch no lots.')
})

t.test('saved searches are run again as they were, and deleted', async (t) => {
  const { get, post, sent } = await start(t, {
    '/api/v1/saved-searches': {
      items: [
        {
          id: OTHER_ID,
          name: 'Old <clocks>',
          filters: { q: 'clock', buyNow: true, minPrice: '10.00', currencyCode: 'EUR', sort: 7 },
          createdAt: '2026-11-01T10:00:00.000Z',
        },
      ],
    },
    [`DELETE /api/v1/saved-searches/${OTHER_ID}`]: new Status(204),
  })
  const { body } = await get('/my/searches')
  t.match(
    body,
    'href="/search?q=clock&amp;buyNow=yes&amp;minPrice=10.00&amp;currencyCode=EUR" dir="auto">Old &lt;clocks&gt;',
  )
  const done = await post(`/my/searches/${OTHER_ID}/delete`, {})
  t.equal(done.headers.location, '/my/searches?said=deleted')
  t.match(sent(), [{ method: 'DELETE' }])
  const twice = await post(`/my/searches/${ITEM_ID}/delete`, {})
  t.equal(twice.statusCode, 303, 'one that is gone already')
  const none = await start(t, { '/api/v1/saved-searches': { items: [] } })
  t.match((await none.get('/my/searches')).body, 'You have saved no searches.')
})

const inbox = {
  notifications: [
    {
      id: OTHER_ID,
      template: 'answer',
      category: 'questions',
      title: 'Answered: Brass sextant',
      body: 'Yes.',
      path: `/lots/${ITEM_ID}`,
      data: {},
      createdAt: '2026-11-24T09:00:00.000Z',
    },
  ],
  unreadCount: 7,
}
const bid = {
  itemId: ITEM_ID,
  status: 'outbid',
  currencyCode: 'EUR',
  currentPrice: '1234.50',
  myMaxAmount: '1200.00',
  endDate: '2026-11-25T18:04:05.000Z',
  bidId: OTHER_ID,
}
const OVERVIEW = {
  ...OFFERS,
  '/api/v1/bids': { bids: [bid], counts: { leading: 0, outbid: 9, won: 1, lost: 1 } },
  '/api/v1/notifications': inbox,
  '/api/v1/watchlist': { items: [{ item }] },
}

t.test('the overview has what asks for something, each with its way there', async (t) => {
  const { get } = await start(t, OVERVIEW)
  const { statusCode, body } = await get('/my')
  t.equal(statusCode, 200)
  t.match(body, `href="${PAGE}" dir="auto">Brass &lt;sextant&gt;`)
  t.match(body, 'due Fri, 27 Nov 2026, 18:04:05 UTC')
  t.match(body, `href="/lots/${ITEM_ID}" dir="auto">Brass sextant`)
  t.match(body, 'your maximum €1,200.00')
  t.match(body, 'href="/my/bids?status=outbid">Show all 9')
  t.match(body, `href="${OFFER_PAGE}"`)
  t.match(body, 'Your questions were answered')
  t.match(body, 'href="/notifications">Show all 7')
  t.match(body, 'live-card')
})

t.test('the overview shows no number of results that is not exact', async (t) => {
  const counts = { leading: 0, outbid: 0, won: 400, lost: 600 }
  const won = { ...bid, status: 'won' }
  const { get } = await start(t, {
    ...OVERVIEW,
    '/api/v1/bids': { bids: [won], counts, isCountExact: false },
  })
  const { body } = await get('/my')
  t.match(body, 'href="/my/bids">All<')
  t.match(body, 'href="/my/bids?status=outbid">All<', 'there may be some among the older lots')
  t.notMatch(body, '1,000')
})

t.test('each part of the overview may be away, alone or with all others', async (t) => {
  const paths = [
    '/api/v1/orders',
    '/api/v1/offers',
    '/api/v1/bids',
    '/api/v1/notifications',
    '/api/v1/watchlist',
  ]
  for (const path of paths) {
    const { get } = await start(t, { ...OVERVIEW, [path]: gone })
    const { statusCode, body } = await get('/my')
    t.equal(statusCode, 200, path)
    t.match(body, 'This part cannot be shown just now')
  }
  const all = await start(t, Object.fromEntries(paths.map((path) => [path, gone])))
  t.equal((await all.get('/my')).statusCode, 200)
  const ended = await start(t, { ...OVERVIEW, '/api/v1/orders': new Status(401) })
  t.equal((await ended.get('/my')).headers.location, '/login?returnTo=%2Fmy')
})

t.test('an overview without anything says that there is nothing', async (t) => {
  const { get } = await start(t, {
    '/api/v1/orders': { orders: [], counts: [] },
    '/api/v1/offers': { offers: [] },
    '/api/v1/notifications': { notifications: [], unreadCount: 0 },
  })
  const { body } = await get('/my')
  for (const words of [
    'There is nothing to pay.',
    'No one has outbid you.',
    'You lead on no lot just now.',
    'Nothing is on its way.',
    'You have read everything.',
    'No lot that you watch is open.',
  ])
    t.match(body, words)
  t.notMatch(body, 'Offers to you</h2>')
})

t.test('what a service refuses is not said to be done', async (t) => {
  for (const [status, code] of [
    [429, 'request.rate_limited'],
    [503, 'auction.stopping'],
  ] as const) {
    const refused = refusal(status, code)
    const { post } = await start(t, {
      ...OFFERS,
      '/api/v1/watchlist': { items: [] },
      '/api/v1/saved-searches': { items: [] },
      'PUT /api/v1/offers/preferences': refused,
      [`DELETE /api/v1/items/${ITEM_ID}/watch`]: refused,
      [`DELETE /api/v1/saved-searches/${OTHER_ID}`]: refused,
    })
    for (const [url, values] of [
      ['/my/offers/preference', { wants: 'no' }],
      [`/my/watchlist/${ITEM_ID}/remove`, {}],
      [`/my/searches/${OTHER_ID}/delete`, {}],
    ] as const) {
      const { statusCode, body, headers } = await post(url, values)
      t.strictSame([statusCode, headers['cache-control']], [status, 'no-store'], url)
      t.match(body, 'id="problem"', url)
      t.notMatch(body, 'id="flash"', url)
    }
  }
  const { post } = await start(t)
  t.equal((await post(`/my/watchlist/${ITEM_ID}/remove`, {})).statusCode, 303, 'gone already')
})

t.test('a message to a service that does not answer stays in the page', async (t) => {
  const { post } = await start(t, { [`POST ${ORDER}/dispute/messages`]: gone })
  const url = `${PAGE}/dispute/messages`
  const { statusCode, headers, body } = await post(url, { message: 'Where <is> it?' })
  t.strictSame([statusCode, headers['retry-after']], [503, '5'])
  t.match(body, `action="${url}"`)
  t.match(body, 'Where &lt;is&gt; it?</textarea>')
  t.match(body, 'No answer came')
})
