import t from 'tap'
import {
  type Answer,
  type Asked,
  CATEGORY_ID,
  categories,
  healthy,
  OWN_PAGE,
  SELLER_ID,
  startApp,
  startUpstream,
} from '../helper.ts'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const AT = '2026-11-23T18:04:05.000Z'
const [REFUND, RATE, TAX, STATUS, PAYOUT, ORDER, OLGA, BEN] = '12345678'
  .split('')
  .map((n) => `019a0000-0000-7000-8000-00000000020${n}`) as [
  string,
  string,
  string,
  string,
  string,
  string,
  string,
  string,
]
const LIST = '/api/v1/billing/approvals'
const PAGE = '/operator/approvals'

const as = (...roles: string[]) => {
  const claims = { sub: OLGA, name: 'Olga', roles: ['user', ...roles] }
  return {
    authorization: `Bearer h.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.s`,
  }
}

const WAITING = { state: 'open', askedBy: BEN, askedAt: AT, expiresAt: '2026-11-26T18:04:05.000Z' }
const refund = {
  ...WAITING,
  id: REFUND,
  kind: 'refund',
  subjectId: ORDER,
  amount: '250.00',
  currencyCode: 'EUR',
  command: {
    paymentId: REFUND,
    orderId: ORDER,
    amount: '25000',
    reason: 'It was <broken>',
    idempotencyKey: 'k',
  },
}
const rate = {
  ...WAITING,
  id: RATE,
  kind: 'commission_rate',
  command: {
    categoryId: CATEGORY_ID,
    sellerId: null,
    currencyCode: 'EUR',
    basisPoints: 725,
    minAmount: '100',
    maxAmount: null,
    validFrom: null,
    validTo: AT,
  },
}
const others = [
  {
    ...WAITING,
    id: TAX,
    kind: 'tax_rate',
    command: {
      jurisdiction: 'DE',
      kind: 'premium',
      basisPoints: 1900,
      validFrom: AT,
      validTo: null,
    },
  },
  {
    ...WAITING,
    id: STATUS,
    kind: 'tax_status',
    command: { userId: SELLER_ID, reason: 'reverse_charge', note: 'ATU1' },
  },
  {
    ...WAITING,
    id: PAYOUT,
    kind: 'payout_outcome',
    amount: '5000.00',
    currencyCode: 'EUR',
    sellerId: SELLER_ID,
    command: { payoutId: PAYOUT, outcome: 'done', reference: 'R-77' },
  },
]

type Answers = Record<string, ReturnType<Answer> | ((asked: Asked) => ReturnType<Answer>)>

async function start(
  t: Parameters<typeof startApp>[0],
  answers: Answers = {},
  approvals: readonly object[] = [refund, rate, ...others],
) {
  const pages = healthy({
    [LIST]: { approvals, nextCursor: REFUND },
    '/api/v1/categories': { items: categories.map((each) => ({ ...each, status: 'active' })) },
    '/identity/me': { id: OLGA, name: 'Olga', email: 'o@example.org', twoFactorEnabled: false },
    [`/api/v1/user-profiles/${BEN}`]: { name: '<i>Ben' },
  })
  const upstream = await startUpstream(t, (url, request) => {
    const answer = answers[`${request.method} ${url.split('?')[0]}`]
    if (typeof answer === 'function') return answer(request)
    return answer ?? (request.method === 'GET' ? pages(url) : { status: 599, body: {} })
  })
  const app = await startApp(t, upstream.url)
  return {
    app,
    asked: upstream.asked,
    changes: () => upstream.asked.filter(({ method }) => method !== 'GET'),
    read: (url: string, ...roles: string[]) => app.inject({ url, headers: as(...roles) }),
    post: (url: string, values: Record<string, string>, ...roles: string[]) =>
      app.inject({
        method: 'POST',
        url,
        headers: { ...FORM, ...OWN_PAGE, ...as(...roles), cookie: '__Host-session=o' },
        payload: new URLSearchParams(values).toString(),
      }),
  }
}

const refusal = (status: number, code: string) => ({
  status,
  body: { code, message: 'in English, for programs', traceId: 'x' },
})
const PROVED = { status: 200, body: {}, headers: { authorization: 'Bearer proved' } }
const sectionOf = (body: string, id: string) =>
  body.match(new RegExp(`<section class="approval" id="field-${id}"[\\s\\S]*?</section>`))?.[0] ??
  ''

t.test(
  'what waits is shown with who asked, what, how much, since when and until when',
  async (t) => {
    const { asked, read } = await start(t)
    const { statusCode, headers, body } = await read(PAGE, 'admin')
    t.equal(statusCode, 200)
    t.equal(headers['cache-control'], 'no-store')
    t.ok(asked.some(({ url }) => url === `${LIST}?state=open`))
    const money = sectionOf(body, REFUND)
    t.match(money, 'Give money back: €250.00')
    t.match(money, `href="/operator/orders/${ORDER}"`)
    t.match(money, 'It was &lt;broken&gt;')
    t.match(money, `<a href="/operator/users/${BEN}" dir="auto">&lt;i&gt;Ben</a>`)
    t.match(money, /Since<\/dt><dd dir="auto">Mon, 23 Nov 2026/)
    t.match(money, /To be decided by<\/dt><dd dir="auto">Thu, 26 Nov 2026/)
    for (const verb of ['approve', 'reject']) {
      t.match(money, `<form method="post" action="${PAGE}/${REFUND}/${verb}" data-form="${verb}">`)
    }
    t.match(money, 'aria-label="Approve: Give money back: €250.00"')
    const charged = sectionOf(body, RATE)
    t.match(charged, /7\.25%/)
    t.match(charged, /At least<\/dt><dd dir="auto">€1\.00/)
    t.match(charged, /From<\/dt><dd dir="auto">as soon as it is approved/)
    t.match(charged, `<a href="/operator/categories/${CATEGORY_ID}">${categories[0]?.name}</a>`)
    t.match(sectionOf(body, TAX), /19%[\s\S]*DE[\s\S]*Buyer’s premium/)
    t.match(sectionOf(body, STATUS), /Reverse charge[\s\S]*ATU1/)
    t.match(sectionOf(body, PAYOUT), /€5,000\.00[\s\S]*It arrived[\s\S]*R-77/)
    t.match(
      sectionOf(body, PAYOUT),
      `Seller</dt><dd dir="auto"><a href="/operator/users/${SELLER_ID}"`,
    )
    t.match(body, `href="${PAGE}?cursor=${REFUND}"`)
  },
)

t.test('it is for moderators and administrators, in every language', async (t) => {
  const { read } = await start(t)
  for (const [prefix, title] of [
    ['', 'Approvals'],
    ['/de', 'Freigaben'],
    ['/tr', 'Onaylar'],
  ] as const) {
    for (const role of ['moderator', 'admin']) {
      const { statusCode, body } = await read(prefix + PAGE, role)
      t.match([statusCode, body], [200, `<h1 dir="auto">${title}</h1>`])
      t.match(body, `href="${prefix}${PAGE}" aria-current="page"`)
    }
    t.equal((await read(prefix + PAGE)).statusCode, 403)
    t.equal((await read(prefix + PAGE, 'seller')).statusCode, 403)
  }
  const late = await start(t, { [`GET ${LIST}`]: refusal(403, 'payment.forbidden') })
  t.equal((await late.read(PAGE, 'moderator')).statusCode, 403, 'the role was taken meanwhile')
  const away = await start(t, { [`GET ${LIST}`]: { status: 500, body: {} } })
  t.equal((await away.read(PAGE, 'moderator')).statusCode, 503)
})

t.test('nothing waits, and what was decided before is shown without forms', async (t) => {
  const none = await start(t, {}, [])
  t.match((await none.read(PAGE, 'moderator')).body, 'Nothing waits for a second operator.')
  const over = { ...refund, state: 'executed', decidedBy: OLGA, decidedAt: AT }
  const { asked, read } = await start(t, {}, [over])
  const { body } = await read(`${PAGE}?state=executed&cursor=${RATE}`, 'moderator')
  t.ok(asked.some(({ url }) => url === `${LIST}?state=executed&cursor=${RATE}`))
  t.match(sectionOf(body, REFUND), /Approved<\/dd>/)
  t.notMatch(sectionOf(body, REFUND), '<form')
  t.match(body, `href="${PAGE}?state=executed&amp;cursor=${REFUND}"`)
  await read(`${PAGE}?state=else&cursor=%22x`, 'moderator')
  t.equal(asked.filter(({ url }) => url === `${LIST}?state=open`).length, 1)
})

t.test('an own request can be withdrawn and not approved', async (t) => {
  const { changes, post, read } = await start(
    t,
    {
      'GET /identity/validate': PROVED,
      [`POST ${LIST}/${REFUND}/rejection`]: { status: 200, body: { ...refund, askedBy: OLGA } },
    },
    [{ ...refund, askedBy: OLGA }],
  )
  const own = sectionOf((await read(PAGE, 'moderator')).body, REFUND)
  t.match(own, 'You asked for this, so another operator decides.')
  t.notMatch(own, '/approve"')
  t.match(own, 'Withdraw my request')
  const done = await post(`${PAGE}/${REFUND}/reject`, {}, 'moderator')
  t.strictSame([done.statusCode, done.headers.location], [303, `${PAGE}?said=withdrawn`])
  t.equal(changes().at(-1)?.url, `${LIST}/${REFUND}/rejection`)
})

t.test('a decision needs a fresh proof, which names what payment has to decide', async (t) => {
  let isProved = false
  const { changes, post, read } = await start(t, {
    'GET /identity/validate': ({ headers }) => ({
      ...PROVED,
      headers: { authorization: `Bearer of ${headers.cookie}` },
    }),
    'POST /identity/reauthenticate': ({ body }) => {
      if (body.includes('wrong')) return refusal(401, 'identity.invalid_credentials')
      isProved = true
      return { status: 204, body: '', headers: { 'set-cookie': '__Host-session=next; Path=/' } }
    },
    [`GET ${LIST}/${REFUND}`]: { status: 200, body: refund },
    [`POST ${LIST}/${REFUND}/approval`]: () =>
      isProved ? { status: 200, body: refund } : refusal(403, 'payment.proof_required'),
  })
  // Who sat down at the browser of another changes what the form says of itself.
  const values = { kind: 'tax_rate', amount: '2.50', currency: 'USD', reason: 'small change' }
  for (const proof of [{}, { proofPassword: 'wrong' }]) {
    const asks = await post(`${PAGE}/${REFUND}/approve`, { ...values, ...proof }, 'moderator')
    t.equal(asks.statusCode, 'proofPassword' in proof ? 401 : 403)
    const act = asks.body.match(/<section id="waiting-act">[\s\S]*?<\/section>/)?.[0] ?? ''
    t.match(act, 'Approve: Give money back: €250.00</strong>')
    t.match(act, 'It was &lt;broken&gt;')
    t.match(act, `href="/operator/orders/${ORDER}"`)
    t.match(act, `<a href="/operator/users/${BEN}" dir="auto">&lt;i&gt;Ben</a>`)
    t.notMatch(act, /2\.50|USD|small change/)
  }
  const done = await post(
    `${PAGE}/${REFUND}/approve`,
    { ...values, proofPassword: 'p' },
    'moderator',
  )
  t.strictSame([done.statusCode, done.headers.location], [303, `${PAGE}?said=approved`])
  const sent = changes().at(-1)
  t.equal(sent?.headers.authorization, 'Bearer of __Host-session=next')
  t.equal(sent?.body, '', 'what is approved is what payment has')
  t.match((await read(`${PAGE}?said=approved`, 'moderator')).body, 'Approved: it is done.')
})

t.test('after the session has ended a decision is made on the page again', async (t) => {
  const { app, changes } = await start(t)
  const ended = await app.inject({
    method: 'POST',
    url: `${PAGE}/${REFUND}/approve`,
    headers: { ...FORM, ...OWN_PAGE },
    payload: 'kind=refund',
  })
  t.equal(ended.statusCode, 303)
  t.equal(ended.headers.location, `/login?returnTo=${encodeURIComponent(PAGE)}`)
  t.strictSame(changes(), [])
})

t.test('what cannot be shown is not proved', async (t) => {
  const answers = {
    'GET /identity/validate': PROVED,
    [`POST ${LIST}/${REFUND}/approval`]: refusal(403, 'payment.proof_required'),
  }
  for (const [status, expected] of [
    [404, 404],
    [403, 404],
    [500, 503],
  ] as const) {
    const { post } = await start(t, {
      ...answers,
      [`GET ${LIST}/${REFUND}`]: { status, body: { code: 'x' } },
    })
    const values = { kind: 'refund', amount: '1.00' }
    const answer = await post(`${PAGE}/${REFUND}/approve`, values, 'moderator')
    t.equal(answer.statusCode, expected)
    t.notMatch(answer.body, 'name="proofPassword"')
  }
})

t.test('why a decision was refused is said in words, at the request', async (t) => {
  for (const [status, code, words] of [
    [409, 'approval.outdated', /cannot be approved any more\. Reject it/],
    [409, 'approval.decided', /Another operator has decided this already/],
    [409, 'approval.expired', /No one decided in time/],
    [403, 'approval.asked_by_you', /something else about the same/],
    [403, 'approval.about_you', /other operators decide/],
    [404, 'approval.not_found', /no such request/],
    [409, 'payment.refund_too_large', /more than is left/],
    [409, 'payout.decided', /known already how this payout ended/],
  ] as const) {
    const { post } = await start(t, {
      'GET /identity/validate': PROVED,
      [`POST ${LIST}/${REFUND}/approval`]: refusal(status, code),
    })
    const answer = await post(`${PAGE}/${REFUND}/approve`, {}, 'admin')
    t.equal(answer.statusCode, status, code)
    t.match(answer.body, '<title>There is a problem: Approvals')
    t.match(answer.body, `<a href="#field-${REFUND}">`)
    t.match(sectionOf(answer.body, REFUND), words, code)
    t.match(sectionOf(answer.body, REFUND), '/reject"', 'it can be rejected')
    t.notMatch(answer.body, 'for programs')
  }
  const gone = await start(
    t,
    {
      'GET /identity/validate': PROVED,
      [`POST ${LIST}/${REFUND}/approval`]: refusal(409, 'approval.decided'),
    },
    [rate],
  )
  const { body } = await gone.post(`${PAGE}/${REFUND}/approve`, {}, 'admin')
  t.match(body, '<li>Another operator has decided this already.</li>', 'it is in the list no more')
})

t.test('no form of others, and no id that is none, reaches payment', async (t) => {
  const { app, changes, post, read } = await start(t, { 'GET /identity/validate': PROVED })
  t.equal((await post(`${PAGE}/${REFUND}/approve`, {}, 'seller')).statusCode, 403)
  t.equal((await post(`${PAGE}/x%2F..%2Fy/approve`, {}, 'admin')).statusCode, 404)
  const foreign = await app.inject({
    method: 'POST',
    url: `${PAGE}/${REFUND}/approve`,
    headers: { ...FORM, ...as('admin'), 'sec-fetch-site': 'cross-site' },
    payload: '',
  })
  t.equal(foreign.statusCode, 403)
  t.equal((await read(`${PAGE}/${REFUND}/approve`, 'admin')).headers.location, PAGE)
  t.strictSame(changes(), [])
})

t.test('a request of a kind that this version does not know is shown as it is', async (t) => {
  const { read } = await start(t, {}, [
    { ...WAITING, id: REFUND, kind: 'constructor', command: { orderId: 5, x: '<b>' } },
  ])
  const { statusCode, body } = await read(PAGE, 'admin')
  t.equal(statusCode, 200)
  t.match(sectionOf(body, REFUND), 'constructor</h2>')
})

t.test('a decision whose answer is lost can be sent again', async (t) => {
  const { post } = await start(t, {
    'GET /identity/validate': PROVED,
    [`POST ${LIST}/${REFUND}/approval`]: { status: 502, body: 'oops' },
  })
  const lost = await post(`${PAGE}/${REFUND}/approve`, { kind: 'refund' }, 'admin')
  t.equal(lost.statusCode, 503)
  t.match(lost.body, `action="${PAGE}/${REFUND}/approve" data-form="kept"`)
})
