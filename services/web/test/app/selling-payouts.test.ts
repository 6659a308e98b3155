import t from 'tap'
import { ITEM_ID, SELLER_ID } from '#test/helper.ts'
import { AS_SELLER, draft, refusal, start } from '#test/selling.ts'

const ORDER_ID = '019a0000-0000-7000-8000-0000000000d1'
const PAYMENT_ID = '019a0000-0000-7000-8000-0000000000d2'
const SALE = `/my/sales/${ORDER_ID}`
const BILLING = '/api/v1/billing'
/** The token that identity gives for the cookie as it is after the proof. */
const FRESH = 'Bearer fresh.token.x'
const COOKIE = { cookie: '__Host-session=x' }

const order = {
  id: ORDER_ID,
  itemId: ITEM_ID,
  role: 'seller',
  buyerId: SELLER_ID,
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
  isBeingPaid: false,
  paymentId: PAYMENT_ID,
  shipments: [],
  actions: [],
  timeline: [],
  serverTime: draft.serverTime,
}

const reads = {
  [`/api/v1/orders/${ORDER_ID}`]: order,
  [`/api/v1/payments/${PAYMENT_ID}/refunds`]: { refunds: [] },
  '/identity/validate': {},
  '/identity/me': { name: 'Ada', email: 'a@example.org', twoFactorEnabled: false },
  [`${BILLING}/balance`]: {
    balances: [{ currencyCode: 'EUR', pending: '10.00', payable: '-2.50' }],
  },
  [`${BILLING}/payouts`]: {
    payouts: [
      {
        id: ORDER_ID,
        amount: '80.00',
        currencyCode: 'EUR',
        state: 'done',
        reversedAmount: '5.00',
        createdAt: draft.serverTime,
      },
    ],
    nextCursor: ORDER_ID,
  },
  [`${BILLING}/invoices`]: {
    invoices: [
      {
        id: PAYMENT_ID,
        number: 'R-1',
        kind: 'invoice',
        subject: 'commission',
        issuedAt: draft.serverTime,
        currencyCode: 'EUR',
        gross: '12.00',
      },
      {
        id: ORDER_ID,
        number: 'R-2',
        kind: 'invoice',
        subject: 'premium',
        issuedAt: draft.serverTime,
        currencyCode: 'EUR',
        gross: '3.00',
      },
    ],
  },
  [`${BILLING}/statements/2026-11`]: {
    month: '2026-11',
    totals: [
      {
        currencyCode: 'EUR',
        openingPending: '0.00',
        openingPayable: '0.00',
        closingPending: '10.00',
        closingPayable: '-2.50',
      },
    ],
    lines: [
      {
        at: draft.serverTime,
        kind: 'capture',
        orderId: ORDER_ID,
        currencyCode: 'EUR',
        pending: '10.00',
        payable: '0.00',
      },
    ],
  },
}

const begin = (t: Parameters<typeof start>[0], setup: Parameters<typeof start>[1] = {}) =>
  start(t, {
    ...setup,
    overrides: { ...reads, ...setup.overrides },
    headersOf: (url) => (url === '/identity/validate' ? { authorization: FRESH } : {}),
  })

t.test('payouts show what there is to get, where to, and what was charged', async (t) => {
  const { get } = await begin(t)
  const { body, headers } = await get('/my/payouts')
  t.equal(headers['cache-control'], 'no-store')
  for (const text of [
    '−€2.50',
    'Below zero you owe it',
    'You have not said yet where to be paid.',
    '€80.00',
    '€5.00 came back',
    'Invoice R-1 (PDF)',
    `href="/api/v1/billing/invoices/${PAYMENT_ID}/document.pdf"`,
    `href="/my/payouts?payouts=${ORDER_ID}"`,
  ])
    t.match(body, text)
  t.notMatch(body, 'R-2', 'what was charged as a buyer is with the purchases')
  const state = { provider: 'p', state: 'restricted', code: 'iban', changedAt: draft.serverTime }
  const restricted = await begin(t, { overrides: { [`${BILLING}/payout-account`]: state } })
  t.match((await restricted.get('/my/payouts')).body, 'What is missing: iban')
  for (const path of ['balance', 'payout-account', 'payouts', 'invoices']) {
    const { get: look } = await begin(t, { overrides: { [`${BILLING}/${path}`]: 'oops' } })
    const page = await look('/my/payouts')
    t.equal(page.statusCode, 200)
    t.match(page.body, 'This part cannot be shown just now.', path)
  }
  t.equal((await get('/my/payouts', {})).headers.location, '/login?returnTo=%2Fmy%2Fpayouts')
})

t.test('a statement has every line of its month', async (t) => {
  const { get } = await begin(t)
  const { body } = await get('/my/payouts/2026-11')
  t.match(body, 'Statement of November 2026')
  t.match(body, `<a href="${SALE}">`)
  t.match(body, 'href="/api/v1/billing/statements/2026-11/lines.csv"')
  for (const month of ['2026-13', '2099-01', 'x'])
    t.equal((await get(`/my/payouts/${month}`)).statusCode, 404)
})

t.test('the way to the provider needs a fresh proof, and is a link', async (t) => {
  const page = { url: 'https://pay.example/onboard?x=1', expiresAt: draft.endDate }
  let isProven = false
  const { post, sent } = await begin(t, {
    answer: ({ url }) => {
      if (url === '/identity/reauthenticate') {
        isProven = true
        return { status: 204, body: {}, headers: { 'set-cookie': '__Host-session=y; Path=/' } }
      }
      return isProven ? { status: 201, body: page } : refusal(403, 'payment.proof_required')
    },
  })
  const asked = await post('/my/payouts/account', { country: 'DE' }, { ...AS_SELLER, ...COOKIE })
  t.equal(asked.statusCode, 403)
  t.match(asked.body, 'name="country" value="DE"')
  t.match(asked.body, 'name="proofPassword"')
  const proven = { country: 'DE', proofPassword: 'right' }
  const shown = await post('/my/payouts/account', proven, { ...AS_SELLER, ...COOKIE })
  t.equal(shown.statusCode, 200)
  t.match(shown.body, 'href="https://pay.example/onboard?x=1"')
  t.match(shown.headers['set-cookie'], '__Host-session=y')
  t.match(sent().at(-1), {
    headers: { authorization: FRESH },
    body: '{"country":"DE","returnUrl":"/my/payouts"}',
  })
  const refused = await begin(t, { answer: () => refusal(422, 'payout.account_refused') })
  const wrong = await refused.post(
    '/my/payouts/account',
    { country: 'DE' },
    { ...AS_SELLER, ...COOKIE },
  )
  t.match([wrong.statusCode, wrong.body], [422, /Choose another country/])
  t.match(wrong.body, '<option value="DE" selected>')
})

t.test('money is given back once for a form, after it was said twice', async (t) => {
  const { post, sent } = await begin(t, { answer: () => ({ status: 201, body: {} }) })
  const headers = { ...AS_SELLER, ...COOKIE }
  const give = (values: Record<string, string>) => post(`${SALE}/refund`, values, headers)
  const all = await give({ key: 'k1', how: 'all', amount: '', reason: 'Broken <b>' })
  t.equal(all.statusCode, 200)
  t.match(all.body, 'The buyer gets €105.25 back.')
  t.match(all.body, 'Broken &lt;b&gt;')
  t.strictSame(sent(), [], 'nothing is given before the second time')
  const done = await give({ key: 'k1', confirmed: '105.25', reason: 'Broken' })
  t.equal(done.headers.location, `${SALE}?said=refunded`)
  t.match(sent()[0], {
    url: `/api/v1/payments/${PAYMENT_ID}/refunds`,
    headers: { 'idempotency-key': 'k1:105.25', authorization: FRESH },
  })
  t.strictSame(JSON.parse(sent()[0]?.body ?? ''), {
    orderId: ORDER_ID,
    amount: '105.25',
    reason: 'Broken',
  })
  const part = await give({ key: 'k1', how: 'part', amount: '5,x', reason: '' })
  t.equal(part.statusCode, 422)
  for (const field of ['amount', 'reason']) t.match(part.body, `href="#field-${field}"`)
  t.match(part.body, 'value="5,x"')
  // Of as many characters as payment takes, as people count them, and one more.
  const reason = 'कि'.repeat(500)
  t.match((await give({ key: 'k1', how: 'all', reason })).body, `<p dir="auto">${reason}</p>`)
  const long = await give({ key: 'k1', how: 'all', reason: `${reason}!` })
  t.match([long.statusCode, long.body], [422, /href="#field-reason">That is too long/])
  const cases: [ReturnType<typeof refusal>, number, RegExp][] = [
    [refusal(409, 'payment.refund_too_large'), 409, /more than is left/],
    [refusal(403, 'payment.proof_required'), 403, /name="proofPassword"/],
    [{ status: 502, body: {} } as never, 503, /we do not know whether it was recorded/],
    [refusal(503, 'payment.unavailable'), 503, /we do not know whether it was recorded/],
  ]
  for (const [answer, statusCode, text] of cases) {
    const { post: send } = await begin(t, { answer: () => answer })
    const page = await send(
      `${SALE}/refund`,
      { key: 'k1', confirmed: '5.00', reason: 'Broken' },
      headers,
    )
    t.match([page.statusCode, page.body], [statusCode, text])
    if (statusCode !== 409) t.match(page.body, 'name="key" value="k1"', 'the same form counts once')
  }
  t.equal((await post(`${SALE}/refund`, { how: 'all', reason: 'kept' }, {})).statusCode, 401)
})

t.test('a confirmed refund without a session leads to the login and the sale', async (t) => {
  const { post, sent } = await begin(t)
  const out = await post(`${SALE}/refund`, { key: 'k1', confirmed: '5.00', reason: 'Broken' }, {})
  t.match(
    [out.statusCode, out.headers.location],
    [303, `/login?returnTo=${encodeURIComponent(SALE)}`],
  )
  t.strictSame(sent(), [])
})
