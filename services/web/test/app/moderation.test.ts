import t from 'tap'
import {
  type Answer,
  type Asked,
  CATEGORY_ID,
  CHILD_ID,
  categories,
  healthy,
  ITEM_ID,
  OWN_PAGE,
  SELLER_ID,
  startApp,
  startUpstream,
} from '../helper.ts'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const AT = '2026-11-23T18:04:05.000Z'
const [REPORT, COMMENT, ORDER, PAYMENT, BEN, OLGA] = ['1', '2', '3', '4', '5', '6'].map(
  (n) => `019a0000-0000-7000-8000-00000000010${n}`,
) as [string, string, string, string, string, string]

/** As the gateway would send it; the pages only read what the token says. */
const as = (...roles: string[]) => {
  const claims = { sub: OLGA, name: 'Olga', roles: ['user', ...roles] }
  return {
    authorization: `Bearer h.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.s`,
  }
}

const REPORTED = {
  id: REPORT,
  itemId: ITEM_ID,
  itemName: '<b>Spoon',
  itemStatus: 'active',
  sellerId: SELLER_ID,
  comment: null,
  reason: 'prohibited',
  note: 'Look <here>',
  reporterId: BEN,
  state: 'open',
  createdAt: AT,
}
const ON_COMMENT = {
  ...REPORTED,
  comment: { id: COMMENT, authorId: BEN, content: '<script>', state: 'visible' },
}
const QUEUE = {
  items: [REPORTED],
  counts: { prohibited: 3, words: 1 },
  page: 1,
  totalItems: 45,
  totalPages: 3,
}
const ACTION = {
  sequence: 9,
  at: AT,
  actorId: OLGA,
  action: 'item_removed',
  itemId: ITEM_ID,
  commentId: null,
  reason: 'A <forgery>',
}
const USER = {
  id: BEN,
  name: '<i>Ben',
  email: 'ben@example.org',
  emailVerified: true,
  twoFactorEnabled: false,
  roles: ['user', 'seller'],
  status: 'active',
  createdAt: AT,
  suspension: null,
}
const ORDERED = {
  id: ORDER,
  itemId: ITEM_ID,
  itemName: 'Spoon',
  buyerId: BEN,
  sellerId: SELLER_ID,
  role: 'moderator',
  state: 'disputed',
  currencyCode: 'EUR',
  amount: '100.00',
  total: '110.00',
  refundedTotal: '0.00',
  wonAt: AT,
  dueAt: AT,
  paidAt: AT,
  paymentId: PAYMENT,
  timeline: [{ state: 'disputed', by: 'buyer', at: AT }],
}
const DISPUTE = {
  reason: 'not_arrived',
  openedAt: AT,
  answerBy: AT,
  messages: [{ author: 'buyer', content: 'Where <is> it?', writtenAt: AT }],
}
const READS = {
  '/api/v1/moderation/reports': QUEUE,
  [`/api/v1/moderation/reports/${REPORT}`]: REPORTED,
  '/api/v1/moderation/actions': { items: [ACTION, { ...ACTION, sequence: 8 }] },
  '/api/v1/moderation/flags': {
    items: [{ kind: 'same_address', userId: BEN, sellerId: SELLER_ID, lastSeenAt: AT }],
    page: 1,
    totalItems: 1,
    totalPages: 1,
  },
  '/api/v1/billing/approvals': { approvals: [], nextCursor: undefined },
  '/api/v1/orders/disputes': {
    disputes: [{ orderId: ORDER, reason: 'not_arrived', openedAt: AT, answerBy: AT }],
    nextCursor: `1.${ORDER}`,
  },
  [`/api/v1/orders/${ORDER}`]: ORDERED,
  [`/api/v1/orders/${ORDER}/dispute`]: DISPUTE,
  [`/api/v1/payments/${PAYMENT}/refunds`]: { refunds: [] },
  '/identity/users': { users: [USER], nextCursor: BEN },
  [`/identity/users/${BEN}`]: USER,
  '/identity/me': { id: OLGA, name: 'Olga', email: 'o@example.org', twoFactorEnabled: false },
  '/api/v1/categories': { items: categories.map((each) => ({ ...each, status: 'active' })) },
  [`/api/v1/categories/${CATEGORY_ID}`]: {
    attributes: [{ key: 'age', label: 'Age', kind: 'number', unit: 'years', choices: null }],
  },
  [`/api/v1/categories/${CHILD_ID}`]: {
    attributes: [
      { key: 'age', label: 'Age', kind: 'number', unit: 'years', choices: null },
      { key: 'metal', label: 'Metal', kind: 'choice', unit: null, choices: ['tin', 'brass'] },
    ],
  },
  '/api/v1/billing/commission-rates': {
    rates: [{ categoryId: CHILD_ID, basisPoints: 750, validFrom: AT }],
  },
}

type Answers = Record<string, ReturnType<Answer> | ((asked: Asked) => ReturnType<Answer>)>

async function start(
  t: Parameters<typeof startApp>[0],
  answers: Answers = {},
  reads: Record<string, unknown> = {},
) {
  const pages = healthy({ ...READS, ...reads })
  const upstream = await startUpstream(t, (url, request) => {
    const answer = answers[`${request.method} ${url.split('?')[0]}`]
    if (typeof answer === 'function') return answer(request)
    return answer ?? (request.method === 'GET' ? pages(url) : { status: 599, body: {} })
  })
  const app = await startApp(t, upstream.url)
  return {
    app,
    /** Without the number of unread notices, which every page asks for. */
    asked: () => upstream.asked.filter(({ url }) => !url.startsWith('/api/v1/notifications')),
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

const DONE = { status: 204, body: '' }
const refusal = (status: number, code: string, details = {}) => ({
  status,
  body: { code, message: 'in English, for programs', details, traceId: 'x' },
})
const bodyOf = (asked: Asked | undefined) => JSON.parse(asked?.body || '{}') as unknown

const FOR_MODERATORS = [
  '/moderation',
  `/moderation/reports/${REPORT}`,
  '/moderation/flags',
  '/moderation/actions',
  '/moderation/disputes',
  '/operator/approvals',
  `/operator/orders/${ORDER}`,
  `/operator/users/${BEN}`,
]
const FOR_ADMINS = ['/operator/users', '/operator/categories', `/operator/categories/${CHILD_ID}`]

t.test('each page is for its role, in every language; others read why not', async (t) => {
  const { app, asked, read } = await start(t)
  for (const url of [...FOR_MODERATORS, ...FOR_ADMINS]) {
    const visitor = await app.inject(url)
    t.match(visitor.headers.location, `/login?returnTo=${encodeURIComponent(url)}`)
    const before = asked().length
    const user = await read(`/de${url}`)
    t.match([user.statusCode, user.body], [403, /Das ist nicht für Sie/], url)
    t.equal(asked().length, before, 'nothing is read for who may not see it')
    const moderator = await read(url, 'moderator')
    t.equal(moderator.statusCode, FOR_ADMINS.includes(url) ? 403 : 200, url)
    for (const prefix of ['', '/de', '/tr']) {
      const { statusCode, headers, body } = await read(prefix + url, 'admin')
      t.equal(statusCode, 200, prefix + url)
      t.equal(headers['cache-control'], 'no-store')
      t.equal(body.match(/<h1/g)?.length, 1)
      const ids = [...body.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)
      t.strictSame(
        ids.filter((id, index) => ids.indexOf(id) !== index),
        [],
        `${url}: ids`,
      )
      const main = body.slice(body.indexOf('<main'))
      for (const [, id] of main.matchAll(/<(?:input|select|textarea) id="([^"]+)"/g)) {
        t.ok(body.includes(`<label for="${id}">`), `${url}: ${id}`)
      }
      t.notMatch(main, /undefined|\[object/)
    }
  }
})

t.test('the header leads there only who has the role', async (t) => {
  const { read } = await start(t)
  t.notMatch((await read('/help')).body, 'href="/moderation"')
  t.match((await read('/help', 'moderator')).body, 'href="/moderation"')
  t.notMatch((await read('/moderation', 'moderator')).body, 'href="/operator/users"')
  t.match((await read('/moderation', 'admin')).body, 'href="/operator/users"')
})

t.test('a role that the service does not know any more is refused by its answer', async (t) => {
  const { read } = await start(t, {
    'GET /api/v1/moderation/reports': refusal(403, 'moderation.forbidden'),
    'GET /identity/users': refusal(403, 'identity.forbidden'),
  })
  t.equal((await read('/moderation', 'moderator')).statusCode, 403)
  t.equal((await read('/operator/users', 'admin')).statusCode, 403)
})

t.test('the queue shows the oldest first, with counts by reason, as text', async (t) => {
  const { asked, read } = await start(t)
  const { body } = await read('/moderation?kind=words&page=2&state=open', 'moderator')
  t.match(body, `<a href="/moderation/reports/${REPORT}" dir="auto">&lt;b&gt;Spoon</a>`)
  t.match(body, 'It may not be sold <small>3</small>')
  t.match(body, 'All <small>4</small>')
  t.match(body, 'aria-current="page">Words of the list <small>1</small>')
  t.match(body, 'Look &lt;here&gt;')
  t.match(body, 'href="/moderation?kind=words&amp;page=2">Next')
  t.match(asked()[0]?.url, '/api/v1/moderation/reports?state=open&page=2&reason=words')
  await read('/moderation?kind=constructor&page=x&state=y', 'moderator')
  t.match(asked().at(-1)?.url, '?state=open&page=1')
  const empty = { ...QUEUE, items: [], counts: {}, totalItems: 0, totalPages: 0 }
  const quiet = await start(t, {}, { '/api/v1/moderation/reports': empty })
  t.match((await quiet.read('/moderation', 'moderator')).body, 'No report waits here.')
})

t.test('a report is decided with a reason, which comes back when it is refused', async (t) => {
  const { changes, post, read } = await start(t, {
    [`POST /api/v1/moderation/items/${ITEM_ID}/remove`]: ({ body }) =>
      body.includes('forgery') ? DONE : refusal(400, 'moderation.validation_failed'),
    [`POST /api/v1/moderation/reports/${REPORT}/dismiss`]: refusal(
      409,
      'moderation.report_decided',
    ),
  })
  const page = (await read(`/moderation/reports/${REPORT}`, 'moderator')).body
  t.match(page, `action="/moderation/items/${ITEM_ID}/remove" data-form="remove"`)
  t.match(page, 'Ada Seller', 'people have names')
  t.match(page, '<q dir="auto">A &lt;forgery&gt;</q>')
  const path = `/moderation/items/${ITEM_ID}/remove`
  const removed = await post(path, { reason: 'A forgery.', report: REPORT }, 'moderator')
  t.equal(removed.headers.location, `/moderation/reports/${REPORT}?said=removed`)
  t.strictSame(bodyOf(changes()[0]), { reason: 'A forgery.' })
  const refused = await post(path, { reason: ' <x', report: REPORT }, 'moderator')
  t.equal(refused.statusCode, 400)
  t.match(refused.body, '<title>There is a problem: Report')
  t.match(refused.body, 'href="#field-reason">Say why')
  t.match(refused.body, '\n &lt;x</textarea>')
  t.match(refused.body, /<details class="save" open><summary>Hide the lot/)
  const again = { reason: 'x', report: REPORT }
  const decided = await post(`/moderation/reports/${REPORT}/dismiss`, again, 'moderator')
  t.match([decided.statusCode, decided.body], [409, /decided before/])
  t.equal((await post(path, again)).statusCode, 403, 'not by a user')
  t.equal((await post('/moderation/items/x/remove', again, 'moderator')).statusCode, 404)
})

t.test('what is hidden can be shown again, on the report and in the record', async (t) => {
  const gone = { ...ON_COMMENT, comment: { ...ON_COMMENT.comment, state: 'removed' } }
  const { post, read } = await start(
    t,
    {
      [`POST /api/v1/moderation/comments/${COMMENT}/restore`]: DONE,
      [`POST /api/v1/moderation/items/${ITEM_ID}/restore`]: refusal(409, 'moderation.in_progress'),
    },
    { [`/api/v1/moderation/reports/${REPORT}`]: gone },
  )
  const page = (await read(`/moderation/reports/${REPORT}`, 'moderator')).body
  t.match(page, '&lt;script&gt;')
  t.match(page, `action="/moderation/comments/${COMMENT}/restore"`)
  const restored = await post(
    `/moderation/comments/${COMMENT}/restore`,
    { reason: 'Fine.', report: REPORT },
    'moderator',
  )
  t.equal(restored.headers.location, `/moderation/reports/${REPORT}?said=restored`)
  const record = (await read('/moderation/actions', 'moderator')).body
  t.equal(record.match(/data-form="undo-/g)?.length, 1, 'the newest about a lot counts')
  const undo = await post(`/moderation/items/${ITEM_ID}/restore`, { reason: 'Wrong.' }, 'moderator')
  t.equal(undo.statusCode, 409)
  t.match(undo.body, 'still being ended')
  t.match(undo.body, '\nWrong.</textarea>')
})

t.test('a service that is away costs its part', async (t) => {
  const { read } = await start(t, {
    'GET /api/v1/moderation/actions': { status: 500, body: {} },
    [`GET /api/v1/orders/${ORDER}/dispute`]: { status: 500, body: {} },
    [`GET /api/v1/payments/${PAYMENT}/refunds`]: { status: 500, body: {} },
    'GET /api/v1/billing/commission-rates': { status: 500, body: {} },
    'GET /api/v1/moderation/flags': { status: 500, body: {} },
  })
  for (const [url, parts] of [
    [`/moderation/reports/${REPORT}`, 1],
    [`/operator/orders/${ORDER}`, 2],
    [`/operator/categories/${CHILD_ID}`, 1],
  ] as const) {
    const { statusCode, body } = await read(url, 'admin')
    t.equal(statusCode, 200, url)
    t.equal(body.match(/class="away"/g)?.length, parts, url)
  }
  t.equal((await read('/moderation/flags', 'admin')).statusCode, 503)
})

t.test('a dispute is decided in the amounts of the language, with reasons', async (t) => {
  const path = `POST /api/v1/orders/${ORDER}/dispute/resolution`
  const { changes, post } = await start(t, {
    [path]: ({ body }) => (body.includes('because') ? DONE : refusal(422, 'order.invalid_message')),
  })
  const url = `/operator/orders/${ORDER}/resolution`
  const typed = { resolution: 'buyer', refundAmount: '12,50', message: 'because', currency: 'EUR' }
  const decided = await post(`/de${url}`, typed, 'moderator')
  t.equal(decided.headers.location, `/de/operator/orders/${ORDER}?said=decided`)
  t.strictSame(bodyOf(changes()[0]), {
    resolution: 'buyer',
    message: 'because',
    refundAmount: '12.50',
  })
  await post(url, { ...typed, resolution: 'seller' }, 'moderator')
  t.strictSame(bodyOf(changes()[1]), { resolution: 'seller', message: 'because' })
  const unread = await post(url, { ...typed, refundAmount: 'a lot' }, 'moderator')
  t.equal(unread.statusCode, 422)
  t.match(unread.body, 'href="#field-refundAmount"')
  t.match(unread.body, 'value="a lot"')
  const empty = await post(url, { ...typed, refundAmount: '', message: '' }, 'moderator')
  t.equal(empty.statusCode, 422)
  t.match(empty.body, 'href="#field-message"')
})

t.test('a refund needs a fresh proof, and one key for one amount', async (t) => {
  let isProved = false
  const { changes, post } = await start(t, {
    'GET /identity/validate': ({ headers }) => ({
      status: 200,
      body: {},
      headers: {
        authorization: `Bearer of ${headers.cookie} for ${headers['x-forwarded-method']}`,
      },
    }),
    'POST /identity/reauthenticate': () => {
      isProved = true
      return { ...DONE, headers: { 'set-cookie': '__Host-session=next; Path=/' } }
    },
    [`POST /api/v1/payments/${PAYMENT}/refunds`]: () =>
      isProved ? { status: 201, body: {} } : refusal(403, 'payment.proof_required'),
  })
  const url = `/operator/orders/${ORDER}/refund`
  const typed = { key: 'k-1', amount: '5', reason: 'kind', payment: PAYMENT, currency: 'EUR' }
  const asks = await post(url, typed, 'moderator')
  t.equal(asks.statusCode, 403)
  t.match(asks.body, '<input type="hidden" name="amount" value="5">')
  t.match(asks.body, /Give money back<\/strong>[\s\S]*<dd dir="auto">5<\/dd>[\s\S]*kind<\/dd>/)
  const done = await post(url, { ...typed, proofPassword: 'p' }, 'moderator')
  t.equal(done.headers.location, `/operator/orders/${ORDER}?said=refunded`)
  const sent = changes().at(-1)
  t.strictSame(bodyOf(sent), { orderId: ORDER, amount: '5', reason: 'kind' })
  t.equal(sent?.headers['idempotency-key'], 'k-1:5')
  t.equal(
    sent?.headers.authorization,
    'Bearer of __Host-session=next for POST',
    'the token of the renewed session',
  )
})

t.test('a refund whose answer is lost comes back as it was, to be sent once more', async (t) => {
  const url = `/operator/orders/${ORDER}/refund`
  const typed = { key: 'k-1', amount: '5', reason: 'kind', payment: PAYMENT, currency: 'EUR' }
  for (const answer of [
    { status: 502, body: 'oops' },
    refusal(503, 'payment.unavailable'),
    refusal(500, 'internal_error'),
  ]) {
    const { changes, post } = await start(t, {
      'GET /identity/validate': { status: 200, body: {}, headers: { authorization: 'Bearer new' } },
      [`POST /api/v1/payments/${PAYMENT}/refunds`]: answer,
    })
    const lost = await post(url, typed, 'moderator')
    t.equal(lost.statusCode, 503)
    t.match(lost.body, 'we do not know whether it was recorded')
    t.match(lost.body, 'name="key" value="k-1"', 'the same form counts once')
    t.match(lost.body, /name="amount"[^>]*value="5"|value="5"[^>]*name="amount"/)
    await post(url, typed, 'moderator')
    const keys = changes().map(({ headers }) => headers['idempotency-key'])
    t.strictSame(keys, ['k-1:5', 'k-1:5'])
  }
})

t.test('what another operator has to approve is not said to be done', async (t) => {
  const token = { status: 200, body: {}, headers: { authorization: 'Bearer new' } }
  const { post } = await start(t, {
    'GET /identity/validate': token,
    [`POST /api/v1/payments/${PAYMENT}/refunds`]: { status: 202, body: { approval: {} } },
    'POST /api/v1/billing/commission-rates': { status: 202, body: { approval: {} } },
  })
  const typed = { key: 'k', amount: '5', reason: 'kind', payment: PAYMENT, currency: 'EUR' }
  const refund = await post(`/operator/orders/${ORDER}/refund`, typed, 'moderator')
  t.equal(refund.headers.location, `/operator/orders/${ORDER}?said=waiting`)
  const url = `/operator/categories/${CHILD_ID}`
  const rate = await post(`${url}/commission`, { percent: '7' }, 'admin')
  t.equal(rate.headers.location, `${url}?said=waiting`)
})

t.test(
  'accounts are listed after a fresh proof, suspended, opened again and given roles',
  async (t) => {
    const path = `/identity/users/${BEN}`
    const suspended = {
      ...USER,
      status: 'suspended',
      suspension: { reason: '<u>Spam', suspendedAt: AT, until: null },
    }
    const { asked, changes, post, read } = await start(t, {
      'GET /identity/users': ({ headers }) =>
        headers.cookie === undefined
          ? refusal(403, 'identity.proof_required')
          : { status: 200, body: { users: [], nextCursor: null } },
      [`POST ${path}/suspend`]: ({ body }) =>
        body.includes('Spam') ? { status: 200, body: {} } : refusal(400, 'identity.invalid_reason'),
      [`POST ${path}/reinstate`]: refusal(409, 'identity.not_suspended'),
      [`PUT ${path}/roles/moderator`]: refusal(403, 'identity.proof_required'),
      [`DELETE ${path}/roles/seller`]: { status: 200, body: {} },
    })
    const asks = await read('/operator/users?email=be', 'admin')
    t.equal(asks.statusCode, 403)
    t.match(asks.body, 'name="returnTo" value="/operator/users?email=be"')
    const url = `/operator/users/${BEN}`
    t.match((await read(url, 'moderator')).body, '&lt;i&gt;Ben')
    t.notMatch((await read(url, 'moderator')).body, 'data-form="grant-', 'roles are for admins')
    const until = '2030-02-28'
    const done = await post(`${url}/suspend`, { reason: 'Spam', until }, 'moderator')
    t.equal(done.headers.location, `${url}?said=suspended`)
    t.strictSame(bodyOf(changes().at(-1)), { reason: 'Spam', until: '2030-02-28T23:59:00.000Z' })
    for (const wrong of ['tomorrow', '2030-02-30', '2030-13-01']) {
      const before = changes().length
      const refused = await post(`${url}/suspend`, { reason: 'Spam', until: wrong }, 'moderator')
      t.equal(refused.statusCode, 422, wrong)
      t.match(refused.body, 'href="#field-until"')
      t.match(refused.body, `value="${wrong}"`)
      t.equal(changes().length, before)
    }
    const reasonless = await post(`${url}/suspend`, { reason: ' ', until: '' }, 'moderator')
    t.equal(reasonless.statusCode, 400)
    t.match(reasonless.body, 'href="#field-reason"')
    t.equal((await post(`${url}/reinstate`, { reason: 'x' }, 'moderator')).statusCode, 409)
    const grant = await post(`${url}/grant`, { role: 'moderator' }, 'admin')
    t.equal(grant.statusCode, 403)
    t.match(grant.body, 'name="role" value="moderator"')
    t.match(grant.body, 'Give the role Moderator</strong>')
    t.match(grant.body, `<dd dir="auto">${url}/grant</dd>`)
    t.match(grant.body, `action="${url}/grant" data-form="reauthenticate"`)
    const revoked = await post(`${url}/revoke`, { role: 'seller' }, 'admin')
    t.equal(revoked.headers.location, `${url}?said=roles`)
    t.equal((await post(`${url}/grant`, { role: 'seller' }, 'moderator')).statusCode, 403)
    const before = asked().length
    t.equal((await post(`${url}/grant`, { role: '../../me' }, 'admin')).statusCode, 503)
    t.match(asked()[before]?.url, /\/roles\/none$/)
    const shown = await start(t, {}, { [path]: suspended })
    const body = (await shown.read(url, 'moderator')).body
    t.match(body, 'Because: &lt;u&gt;Spam')
    t.match(body, 'data-form="reinstate"')
  },
)

t.test(
  'categories are a tree that is added to, changed, moved, and given attributes',
  async (t) => {
    const one = `/api/v1/categories/${CHILD_ID}`
    const { changes, post, read } = await start(t, {
      'POST /api/v1/categories': refusal(409, 'category.name_taken'),
      [`PUT ${one}`]: { status: 200, body: {} },
      [`DELETE ${one}`]: refusal(409, 'category.not_empty'),
      [`PUT ${one}/attributes`]: DONE,
      'GET /identity/validate': { status: 200, body: {}, headers: { authorization: 'Bearer new' } },
      'POST /api/v1/billing/commission-rates': { status: 201, body: {} },
    })
    const tree = (await read('/operator/categories', 'admin')).body
    t.match(tree, /Instruments<\/a>[\s\S]*<ul class="links"><li><a [^>]*>Sextants/)
    const typed = { name: 'Sextants', description: 'a', parentId: CATEGORY_ID, isHidden: 'yes' }
    const taken = await post('/operator/categories', typed, 'admin')
    t.equal(taken.statusCode, 409)
    t.match(taken.body, 'href="#field-name"')
    t.match(taken.body, `<option value="${CATEGORY_ID}" selected>`)
    const url = `/operator/categories/${CHILD_ID}`
    t.equal((await post(url, typed, 'admin')).headers.location, `${url}?said=category`)
    t.strictSame(bodyOf(changes().at(-1)), {
      name: 'Sextants',
      description: 'a',
      parent_id: CATEGORY_ID,
      status: 'hidden',
    })
    const page = (await read(url, 'admin')).body
    t.match(page, 'From above: Age.')
    t.match(page, 'value="metal"')
    t.notMatch(page, 'value="age"', 'what is inherited is not saved as its own')
    t.match(page, '7.5%')
    const attributes = await post(
      `${url}/attributes`,
      {
        key0: 'metal',
        label0: 'Metal',
        kind0: 'choice',
        unit0: '',
        choices0: 'tin\r\n\r\ngold, pale ',
        key1: '',
        label1: 'x',
        kind1: 'text',
        unit1: '',
        choices1: '',
      },
      'admin',
    )
    t.equal(attributes.headers.location, `${url}?said=attributes`)
    t.strictSame(bodyOf(changes().at(-1)), {
      attributes: [
        {
          key: 'metal',
          label: 'Metal',
          kind: 'choice',
          unit: null,
          choices: ['tin', 'gold, pale'],
        },
      ],
    })
    const full = await post(`${url}/delete`, {}, 'admin')
    t.match([full.statusCode, full.body], [409, /in it still/])
    const rate = await post(`/de${url}/commission`, { percent: '7,25' }, 'admin')
    t.equal(rate.headers.location, `/de${url}?said=commission`)
    t.strictSame(bodyOf(changes().at(-1)), { categoryId: CHILD_ID, basisPoints: 725 })
    t.equal(changes().at(-1)?.headers.authorization, 'Bearer new')
    const wrong = await post(`${url}/commission`, { percent: '101' }, 'admin')
    t.match([wrong.statusCode, wrong.body], [422, /href="#field-percent"/])
  },
)

t.test('what is no id never comes into an address that a page leads to', async (t) => {
  const { app, asked } = await start(t)
  const forms = [
    ...['resolution', 'settlement', 'refund'].map((name) => `/operator/orders/ID/${name}`),
    ...['suspend', 'reinstate', 'grant', 'revoke'].map((verb) => `/operator/users/ID/${verb}`),
    ...['delete', 'attributes', 'commission'].map((name) => `/operator/categories/ID/${name}`),
  ]
  for (const form of forms) {
    for (const id of ['%0A', 'x%0D%0Aset-cookie:a', '..%2F..%2Flogin']) {
      const { statusCode, headers } = await app.inject(form.replace('ID', id))
      t.strictSame([statusCode, headers.location], [404, undefined], form)
    }
    const { statusCode, headers } = await app.inject(`/de${form.replace('ID', ORDER)}`)
    const page = form.replace('ID', ORDER).replace(/\/[a-z]+$/, '')
    t.strictSame([statusCode, headers.location], [303, `/de${page}`])
  }
  t.strictSame(asked(), [])
})

t.test('a session that ends before the refund leads to the login', async (t) => {
  const { changes, post } = await start(t, {
    'GET /identity/validate': refusal(401, 'identity.unauthenticated'),
  })
  const typed = { key: 'k', amount: '5', reason: 'kind', payment: PAYMENT, currency: 'EUR' }
  const { statusCode, body } = await post(`/operator/orders/${ORDER}/refund`, typed, 'moderator')
  t.equal(statusCode, 401)
  t.match(body, `href="/login?returnTo=${encodeURIComponent(`/operator/orders/${ORDER}`)}"`)
  t.match(body, '<input type="hidden" name="reason" value="kind">')
  t.strictSame(changes(), [])
})

t.test(
  'a save of the attributes keeps an override of a key from above, and its choices',
  async (t) => {
    const override = {
      key: 'age',
      label: 'Age',
      kind: 'choice',
      unit: null,
      choices: ['new', 'old, worn'],
    }
    const path = `/api/v1/categories/${CHILD_ID}`
    const { changes, post, read } = await start(
      t,
      { [`PUT ${path}/attributes`]: DONE },
      { [path]: { attributes: [override] } },
    )
    const url = `/operator/categories/${CHILD_ID}`
    const { body } = await read(url, 'admin')
    t.match(body, /name="key0"[^>]* value="age"/)
    const choices = body.match(/<textarea [^>]*name="choices0"[^>]*>\n([^<]*)</)?.[1] ?? ''
    t.equal(choices, 'new\nold, worn')
    const row = { key0: 'age', label0: 'Age', kind0: 'choice', unit0: '', choices0: choices }
    await post(`${url}/attributes`, row, 'admin')
    t.strictSame(bodyOf(changes()[0]), { attributes: [override] })
  },
)
