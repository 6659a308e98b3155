import t from 'tap'
import { CATEGORY_ID, CHILD_ID, ITEM_ID, SELLER_ID, seller } from '#test/helper.ts'
import { draft, fieldOf, ITEM_PATH, refusal, start } from '#test/selling.ts'

const ORDER_ID = '019a0000-0000-7000-8000-0000000000d1'
const PAYMENT_ID = '019a0000-0000-7000-8000-0000000000d2'
const OFFER_ID = '019a0000-0000-7000-8000-0000000000d3'
const BUYER_ID = CATEGORY_ID
const SALE = `/my/sales/${ORDER_ID}`
const ORDER_PATH = `/api/v1/orders/${ORDER_ID}`

const order = {
  id: ORDER_ID,
  itemId: ITEM_ID,
  itemName: 'Brass <b>sextant',
  role: 'seller',
  buyerId: BUYER_ID,
  sellerId: SELLER_ID,
  state: 'paid',
  currencyCode: 'EUR',
  amount: '120.00',
  premium: '0.00',
  deliveryFee: '5.50',
  total: '125.50',
  refundedTotal: '20.25',
  wonAt: draft.serverTime,
  dueAt: draft.serverTime,
  cancelAt: draft.serverTime,
  paidAt: draft.serverTime,
  isBeingPaid: false,
  paymentId: PAYMENT_ID,
  delivery: 'shipping',
  address: {
    name: 'Bob <i>',
    line1: 'Road 1',
    line2: '',
    postalCode: '1000',
    city: 'Town',
    region: '',
    country: 'DE',
  },
  shipments: [],
  actions: ['prepare', 'ship'],
  timeline: [{ state: 'paid', by: 'platform', at: draft.serverTime }],
  serverTime: draft.serverTime,
}
const list = {
  orders: [order],
  counts: [
    { state: 'paid', count: 2 },
    { state: 'completed', count: 7 },
  ],
  nextCursor: ORDER_ID,
}
const dispute = {
  reason: 'damaged',
  openedAt: draft.serverTime,
  answerBy: draft.endDate,
  messages: [{ author: 'buyer', content: 'It is <b>broken', writtenAt: draft.serverTime }],
}

const begin = (
  t: Parameters<typeof start>[0],
  changes: object = {},
  setup: Parameters<typeof start>[1] = {},
) =>
  start(t, {
    ...setup,
    overrides: {
      '/api/v1/orders': list,
      [ORDER_PATH]: { ...order, ...changes },
      [`/api/v1/payments/${PAYMENT_ID}/refunds`]: { refunds: [] },
      [`/api/v1/user-profiles/${BUYER_ID}`]: { ...seller, name: 'Bob Buyer' },
      ...setup.overrides,
    },
  })

t.test('sales are listed by state, with those states that there are', async (t) => {
  const { get, asked } = await begin(t)
  const { body } = await get('/my/sales?state=paid')
  t.match(body, 'aria-current="page">Paid: send it (2)')
  t.match(body, 'Completed (7)')
  t.notMatch(body, 'In dispute (')
  t.match(body, 'Brass &lt;b&gt;sextant')
  t.match(body, `href="/my/sales?state=paid&amp;cursor=${ORDER_ID}"`)
  const listed = asked().find(({ url }) => url.startsWith('/api/v1/orders?'))
  t.match(listed?.url, /role=seller&limit=20&state=paid$/)
  const none = await begin(t, {}, { overrides: { '/api/v1/orders': { orders: [], counts: [] } } })
  t.match((await none.get('/my/sales')).body, 'You have sold nothing yet.')
  t.equal((await none.get('/my/sales', {})).headers.location, '/login?returnTo=%2Fmy%2Fsales')
})

t.test('a sale says how it stands and what its seller can do, and is no one else’s', async (t) => {
  const { get } = await begin(t)
  const { body, headers } = await get(SALE)
  t.equal(headers['cache-control'], 'no-store')
  for (const text of [
    'The money is here.',
    'Bob Buyer',
    'Bob &lt;i&gt;',
    'Road 1',
    '€125.50',
    'Of what was paid, €105.25 is left.',
  ])
    t.match(body, text)
  t.match(body, 'data-form="ship"')
  t.notMatch(body, /data-form="(collect|cancel|reopen)"/)
  const other = await begin(t, { role: 'buyer' })
  t.equal((await other.get(SALE)).statusCode, 404)
  for (const path of [
    `/api/v1/user-profiles/${BUYER_ID}`,
    `${ORDER_PATH}/dispute`,
    `/api/v1/payments/${PAYMENT_ID}/refunds`,
  ]) {
    const { get: look } = await begin(t, {}, { overrides: { [path]: 'oops' } })
    const page = await look(SALE)
    t.equal(page.statusCode, 200)
    t.match(page.body, 'This part cannot be shown just now.', path)
    t.match(page.body, 'data-form="ship"')
  }
})

t.test('a parcel is sent with its number, and what is wrong stands at its field', async (t) => {
  const { post, sent } = await begin(t, {}, { answer: () => ({ status: 204, body: {} }) })
  const done = await post(`${SALE}/ship`, { carrier: 'dhl', trackingNumber: ' JD 1234\u200b' })
  t.match([done.statusCode, done.headers.location], [303, `${SALE}?said=shipped`])
  t.match(sent()[0], { method: 'POST', url: `${ORDER_PATH}/shipments` })
  t.strictSame(JSON.parse(sent()[0]?.body ?? ''), { carrier: 'dhl', trackingNumber: 'JD 1234' })
  await post(`${SALE}/ship`, { carrier: 'other', trackingNumber: ' ' })
  t.strictSame(JSON.parse(sent()[1]?.body ?? ''), { carrier: 'other' })
  const wrong = await begin(t, {}, { answer: () => refusal(422, 'order.invalid_tracking_number') })
  const { statusCode, body } = await wrong.post(`${SALE}/ship`, {
    carrier: 'ups',
    trackingNumber: '?"',
  })
  t.equal(statusCode, 422)
  t.match(body, '<a href="#field-trackingNumber">A tracking number has 4 to 40')
  t.match(fieldOf(body, 'trackingNumber'), 'value="?&quot;"')
  t.match(body, '<option value="ups" selected>')
  const schema = refusal(400, 'request.invalid_body', { field: '/trackingNumber' })
  const short = await begin(t, {}, { answer: () => schema })
  const page = await short.post(`${SALE}/ship`, { carrier: 'ups', trackingNumber: '?' })
  t.match([page.statusCode, page.body], [422, /#field-trackingNumber">A tracking number has 4/])
  const out = await wrong.post(`${SALE}/ship`, { trackingNumber: 'kept' }, {})
  t.match([out.statusCode, out.body], [401, /name="trackingNumber" value="kept"/])
})

t.test('each deed is asked of order, and says what came of it', async (t) => {
  const deeds: [string, Record<string, string>, string, string, string][] = [
    ['prepare', {}, 'POST', 'preparation', 'prepared'],
    ['cancel', {}, 'POST', 'cancellation', 'cancelled'],
    ['reopen', {}, 'POST', 'reopening', 'reopened'],
    ['collect', { code: '\u200b123 456' }, 'POST', 'collection', 'handed'],
    ['messages', { message: 'Sorry' }, 'POST', 'dispute/messages', 'written'],
    ['agreement', { agree: 'yes' }, 'PUT', 'cancellation-request', 'asked'],
    ['agreement', { agree: 'no' }, 'DELETE', 'cancellation-request', 'kept'],
  ]
  for (const [name, values, method, path, said] of deeds) {
    const { get, post, sent } = await begin(
      t,
      {},
      { answer: () => ({ status: 200, body: { isCancelled: false } }) },
    )
    const done = await post(`${SALE}/${name}`, values)
    t.equal(done.headers.location, `${SALE}?said=${said}`, name)
    t.match(sent()[0], { method, url: `${ORDER_PATH}/${path}` })
    t.match((await get(`${SALE}?said=${said}`)).body, 'id="flash"', said)
    const late = await begin(t, {}, { answer: () => refusal(409, 'order.wrong_state') })
    const page = await late.post(`${SALE}/${name}`, values)
    t.match([page.statusCode, page.body], [409, /This is not possible any more/], name)
  }
  const agreed = await begin(
    t,
    {},
    { answer: () => ({ status: 200, body: { isCancelled: true } }) },
  )
  t.equal(
    (await agreed.post(`${SALE}/agreement`, { agree: 'yes' })).headers.location,
    `${SALE}?said=cancelled`,
  )
  const code = await begin(t, { actions: ['collect'] })
  const wrong = await code.post(`${SALE}/collect`, { code: '12' })
  t.equal(wrong.statusCode, 422)
  t.match(fieldOf(wrong.body, 'code'), 'aria-invalid="true"')
  t.strictSame(code.sent(), [])
})

t.test('a dispute is answered in place', async (t) => {
  const overrides = { [`${ORDER_PATH}/dispute`]: dispute }
  const { get, post } = await begin(
    t,
    { state: 'disputed' },
    { overrides, answer: () => refusal(422, 'order.invalid_message') },
  )
  const { body } = await get(SALE)
  t.match(body, 'It is &lt;b&gt;broken')
  t.match(body, /Answer by [^:]+/)
  const page = await post(`${SALE}/messages`, { message: 'kept' })
  t.equal(page.statusCode, 422)
  t.match(page.body, /aria-invalid="true"[^>]*>\s*kept<\/textarea>/)
  const over = { ...dispute, resolution: 'buyer', refundAmount: '10.00' }
  const decided = await begin(t, {}, { overrides: { [`${ORDER_PATH}/dispute`]: over } })
  const shown = (await decided.get(SALE)).body
  t.match(shown, 'A moderator decided for the buyer. The buyer gets €10.00 back.')
  t.notMatch(shown, 'data-form="message"')
})

t.test(
  'a sale that was cancelled is offered to the next bidder, at the amount of the API',
  async (t) => {
    const offers = {
      offers: [
        {
          offerId: OFFER_ID,
          kind: 'second_chance',
          amount: '90.00',
          currencyCode: 'EUR',
          state: 'open',
          bidder: 'bidder 2',
          expiresAt: draft.endDate,
        },
      ],
      kinds: [
        {
          kind: 'second_chance',
          until: draft.endDate,
          candidates: [
            { bidder: 'bidder 4', bidderNumber: 4, amount: '88.00' },
            { bidder: 'bidder 5', bidderNumber: 5, amount: '80.00' },
          ],
        },
        { kind: 'below_reserve', refusal: 'offer.not_allowed', candidates: [] },
      ],
    }
    const page = `/my/items/${ITEM_ID}/offers`
    const overrides = {
      [`/api/v1/lots/${ITEM_ID}/offers`]: offers,
      [ITEM_PATH]: { ...draft, status: 'expired' },
    }
    const { get, post, sent } = await begin(
      t,
      { state: 'cancelled', actions: ['reopen'] },
      { overrides, answer: () => ({ status: 201, body: {} }) },
    )
    t.match((await get(SALE)).body, `href="${page}"`)
    const { body } = await get(page)
    t.match(body, 'bidder 4: €88.00')
    t.match(body, 'data-form="withdraw-offer"')
    t.match((await get(`/de${page}`)).body, /Bieter 4: 88,00\s€[\s\S]*<li>Bieter 2 90,00\s€/)
    t.notMatch(body, 'data-form="offer-below_reserve"')
    const typed = {
      key: 'k1',
      kind: 'second_chance',
      bidderNumber: '5',
      days: '7',
      cascadeFloor: '70',
    }
    t.equal((await post(page, typed)).headers.location, `${page}?said=offered`)
    t.strictSame(JSON.parse(sent()[0]?.body ?? ''), {
      kind: 'second_chance',
      days: 7,
      bidderNumber: 5,
      cascadeFloor: '70',
    })
    t.equal(sent()[0]?.headers['idempotency-key'], 'k1:second_chance:5:7:70')
    await post(`${page}/${OFFER_ID}/withdraw`, { key: 'k2' })
    t.match(sent()[1], { method: 'POST', url: `/api/v1/offers/${OFFER_ID}/withdrawal` })
    const wrong = await post(page, { ...typed, cascadeFloor: 'low' })
    t.equal(wrong.statusCode, 422)
    t.match(fieldOf(wrong.body, 'cascadeFloor'), 'value="low"')
    const refused = await begin(
      t,
      {},
      { overrides, answer: () => refusal(409, 'offer.already_open') },
    )
    t.match((await refused.post(page, typed)).body, 'The item is offered to a bidder already.')
    for (const answer of [{ status: 502, body: 'oops' }, refusal(503, 'bid.unavailable')]) {
      const unknown = await begin(t, {}, { overrides, answer: () => answer })
      const again = await unknown.post(page, typed)
      t.match([again.statusCode, again.body], [503, /we do not know whether the offer was made/])
      t.match(again.body, 'name="key" value="k1"', 'the same form again counts once')
    }
  },
)

t.test('questions are answered where they are listed', async (t) => {
  const question = (id: string, content: string, changes: object = {}) => ({
    id,
    kind: 'question',
    content,
    state: 'visible',
    is_seller: false,
    created_at: draft.serverTime,
    replies: [],
    ...changes,
  })
  const reply = question(OFFER_ID, 'Yes', { is_seller: true })
  const { replies: _, ...plain } = reply
  const comments = {
    items: [
      question(ORDER_ID, 'Is it <b>old?'),
      question(PAYMENT_ID, 'Answered', { replies: [plain] }),
      question(CHILD_ID, '', { state: 'deleted' }),
    ],
  }
  const overrides = {
    '/api/v1/my/items': { items: [draft], counts: {}, serverTime: draft.serverTime },
    [`${ITEM_PATH}/comments`]: comments,
  }
  const { get, post, sent } = await begin(
    t,
    {},
    { overrides, answer: () => ({ status: 201, body: {} }) },
  )
  const { body } = await get('/my/questions')
  t.match(body, 'Is it &lt;b&gt;old?')
  t.notMatch(body, 'Answered')
  t.equal(body.match(/data-form="answer"/g)?.length, 1)
  const done = await post(`/my/questions/${ITEM_ID}`, { parent: ORDER_ID, content: 'Yes' })
  t.equal(done.headers.location, '/my/questions?said=answered')
  t.strictSame(JSON.parse(sent()[0]?.body ?? ''), {
    content: 'Yes',
    kind: 'answer',
    parent_id: ORDER_ID,
  })
  const wrong = await begin(
    t,
    {},
    { overrides, answer: () => refusal(429, 'item.comment.too_many') },
  )
  const page = await wrong.post(`/my/questions/${ITEM_ID}`, { parent: ORDER_ID, content: 'kept' })
  t.equal(page.statusCode, 429)
  t.match(page.body, 'kept</textarea>')
  const away = await begin(
    t,
    {},
    { overrides: { ...overrides, [`${ITEM_PATH}/comments`]: 'oops' } },
  )
  t.match(
    (await away.get('/my/questions')).body,
    'Questions to some items cannot be shown just now.',
  )
})
