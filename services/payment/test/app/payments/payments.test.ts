import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import t from 'tap'
import { advanceDue } from '#src/app/payments/payment-timers.ts'
import { payoutErrors } from '#src/errors.ts'
import { planOperation } from '#src/infra/postgres/payments/operations.ts'
import { readPayment, wakePayment } from '#src/infra/postgres/payments/payments.ts'
import { insertCommissionRate } from '#src/infra/postgres/sales/rate-tables.ts'
import { createWorld, type World } from '#test/helper.ts'
import { control, errorOf, payOnPage } from '#test/infra/stripe/sandbox.ts'
import {
  begin,
  captured,
  events,
  lookNow,
  type PaymentBody,
  paidOnPage,
  read,
  until,
} from './buyer.ts'
import { balances, freshly, refund } from './refunds.ts'

const planCancel = ({ db }: World, id: string) =>
  db.transaction().execute((tx) => planOperation(tx, id, 'cancel'))

t.test(
  'a payment is held, claimed at the orders, captured, posted and published once',
  async (t) => {
    const world = await createWorld(t)
    const buyer = world.person()
    const first = world.orders.add(buyer.id, { amount: '18.50', total: '18.50' })
    const second = world.orders.add(buyer.id, { amount: '10.00', premium: '1.50', total: '11.50' })
    const answer = await begin(world, buyer, [first.orderId, second.orderId])
    t.equal(answer.statusCode, 201)
    const payment: PaymentBody = answer.json()
    t.match(payment, { state: 'open', amount: '30.00', next: { kind: 'redirect', url: /^http/ } })
    await lookNow(world)
    t.equal((await read(world, buyer, payment.id)).state, 'open')
    await payOnPage(payment.next.url ?? '')
    t.match(await until(world, buyer, payment.id, 'captured'), {
      amount: '30.00',
      next: { kind: 'none' },
    })
    await lookNow(world)
    t.same(world.orders.claims, [payment.id])
    const published = await events(world)
    t.same(
      published.map(({ event }) => event),
      [
        'payment.created',
        'payment.created',
        'payment.authorized',
        'payment.authorized',
        'payment.succeeded',
        'payment.succeeded',
      ],
    )
    t.same(
      published
        .slice(4)
        .map(({ payload }) => [payload.orderId, payload.amount, payload.sequence])
        .sort(),
      [
        [first.orderId, '18.50', 3],
        [second.orderId, '11.50', 3],
      ].sort(),
    )
    const { rows } = await sql<{ account: string; amount: string }>`
    select account, sum(amount)::text as amount from ledger_postings group by account order by account`.execute(
      world.db,
    )
    t.same(rows, [
      { account: 'clearing:stripe', amount: '3000' },
      { account: 'platform:premium', amount: '-150' },
      { account: `seller:pending:${world.orders.sellerId}`, amount: '-2850' },
    ])
  },
)

t.test('the same key gets the same payment, another body under it is refused', async (t) => {
  const world = await createWorld(t)
  const buyer = world.person()
  const { orderId } = world.orders.add(buyer.id, {})
  const other = world.orders.add(buyer.id, {})
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => begin(world, buyer, [orderId], { key: 'k-1' })),
  )
  t.same([...new Set(answers.map(({ statusCode }) => statusCode))], [201])
  t.equal(new Set(answers.map((one) => one.json().id)).size, 1)
  t.match((await begin(world, buyer, [other.orderId], { key: 'k-1' })).json(), {
    code: 'payment.idempotency_key_reused',
  })
  t.equal(world.sandbox.provider.store.all('sessions').length, 1)
  const missing = await world.app.inject({
    method: 'POST',
    url: '/api/v1/payments',
    headers: buyer.headers,
    payload: { orderIds: [orderId] },
  })
  t.match(missing.json(), { code: 'payment.idempotency_key_missing' })
})

t.test('two tabs pay one order: there is one live payment, whatever the keys', async (t) => {
  const world = await createWorld(t)
  const buyer = world.person()
  const { orderId } = world.orders.add(buyer.id, {})
  const other = world.orders.add(buyer.id, {})
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => begin(world, buyer, [orderId])),
  )
  t.equal(new Set(answers.map((one) => one.json().id)).size, 1)
  const mixed = await begin(world, buyer, [orderId, other.orderId])
  t.equal(mixed.statusCode, 409)
  t.match(mixed.json(), { code: 'payment.in_progress' })
  const payment = await read(world, buyer, answers[0]?.json().id)
  await payOnPage(payment.next.url ?? '')
  await until(world, buyer, payment.id, 'captured')
  t.match((await begin(world, buyer, [orderId])).json(), {
    code: 'payment.in_progress',
    details: { state: 'captured' },
  })
  const stranger = world.person()
  t.equal((await begin(world, stranger, [orderId])).statusCode, 404)
  const foreign = await world.app.inject({
    url: `/api/v1/payments/${payment.id}`,
    headers: stranger.headers,
  })
  t.equal(foreign.statusCode, 404, 'only its buyer sees a payment')
})

t.test(
  'a buyer finds the payments of an order, the latest first, and no one else does',
  async (t) => {
    const world = await createWorld(t)
    const buyer = world.person()
    const { orderId } = world.orders.add(buyer.id, {})
    const other = world.orders.add(buyer.id, {})
    const list = async (person: typeof buyer, query: string) =>
      (
        await world.app.inject({ url: `/api/v1/payments?${query}`, headers: person.headers })
      ).json() as { payments: PaymentBody[] }
    t.same(await list(buyer, `orderId=${orderId}`), { payments: [] })
    const first: PaymentBody = (await begin(world, buyer, [orderId])).json()
    await world.app.inject({
      method: 'POST',
      url: `/api/v1/payments/${first.id}/cancel`,
      headers: buyer.headers,
    })
    await until(world, buyer, first.id, 'cancelled')
    const second: PaymentBody = (await begin(world, buyer, [orderId, other.orderId])).json()
    const ids = async (query: string) => (await list(buyer, query)).payments.map(({ id }) => id)
    t.same(await ids(`orderId=${orderId}`), [second.id])
    t.same(await ids(`orderId=${orderId}&limit=5`), [second.id, first.id])
    t.same(await ids(`orderId=${other.orderId}&limit=5`), [second.id])
    t.same(await list(world.person(), `orderId=${orderId}`), { payments: [] })
  },
)

t.test(
  'a payment that comes after the cancellation of its order is voided, not refunded',
  async (t) => {
    const world = await createWorld(t)
    const buyer = world.person()
    const { order, payment } = await paidOnPage(world, buyer)
    order.state = 'cancelled'
    t.match(await until(world, buyer, payment.id, 'cancelled'), { code: 'order.not_payable' })
    const [intent] = world.sandbox.provider.store.all<{ status: string; amount_received: number }>(
      'intents',
    )
    t.match(intent, { status: 'canceled', amount_received: 0 })
    t.match((await events(world)).at(-1), {
      event: 'payment.failed',
      payload: { code: 'order.not_payable' },
    })
    order.state = 'pending_payment'
    t.match(
      (await begin(world, buyer, [order.orderId])).json(),
      { state: 'open' },
      'and it may be tried again',
    )
  },
)

t.test(
  'while the orders do not answer, the money is held and neither taken nor let go',
  async (t) => {
    const world = await createWorld(t)
    const buyer = world.person()
    const { payment } = await paidOnPage(world, buyer)
    world.orders.isDown = true
    await lookNow(world)
    await lookNow(world)
    t.equal((await read(world, buyer, payment.id)).state, 'authorised')
    world.orders.isDown = false
    await until(world, buyer, payment.id, 'captured')
  },
)

t.test(
  'a page that no one paid on expires, and a declined card does not end the payment',
  async (t) => {
    const world = await createWorld(t)
    const buyer = world.person()
    const { payment, order } = await paidOnPage(world, buyer, '4000000000000002')
    await lookNow(world)
    t.match(await read(world, buyer, payment.id), { state: 'open', code: 'generic_decline' })
    await control(world.sandbox, 'settings', { clockAheadS: 2 * 3_600 })
    await until(world, buyer, payment.id, 'expired')
    t.match((await events(world)).at(-1), { event: 'payment.expired' })
    await control(world.sandbox, 'settings', { clockAheadS: 0 })
    t.equal((await begin(world, buyer, [order.orderId])).statusCode, 201)
  },
)

t.test('a buyer cancels before the money is taken, and not after', async (t) => {
  const world = await createWorld(t)
  const buyer = world.person()
  const cancel = (id: string) =>
    world.app.inject({
      method: 'POST',
      url: `/api/v1/payments/${id}/cancel`,
      headers: buyer.headers,
    })
  const { orderId } = world.orders.add(buyer.id, {})
  const open: PaymentBody = (await begin(world, buyer, [orderId])).json()
  t.equal((await cancel(open.id)).statusCode, 200)
  await until(world, buyer, open.id, 'cancelled')
  t.equal((await cancel(open.id)).statusCode, 200)
  // Paid on the page at the moment of the cancellation: the hold is let go of.
  const { payment } = await paidOnPage(world, buyer)
  await cancel(payment.id)
  await until(world, buyer, payment.id, 'cancelled')
  t.same(world.orders.claims, [])
  const done = await captured(world, buyer)
  t.match((await cancel(done.payment.id)).json(), { code: 'payment.not_cancellable' })
  t.equal((await cancel(randomUUID())).statusCode, 404)
})

t.test('what the provider loses, repeats or refuses ends in one charge', async (t) => {
  const world = await createWorld(t)
  const buyer = world.person()
  await control(world.sandbox, 'faults', {
    faults: [
      { kind: 'drop', on: '^POST /v1/checkout/sessions$', times: 3 },
      { kind: 'lose_answer', on: '^POST /v1/payment_intents/[^/]+/capture$', times: 3 },
      { kind: 'error', on: '^GET ', times: 3 },
    ],
  })
  const { orderId } = world.orders.add(buyer.id, {})
  const begun: PaymentBody = (await begin(world, buyer, [orderId])).json()
  t.match(begun, { state: 'created', next: { kind: 'none' } })
  const open = await until(world, buyer, begun.id, 'open')
  await payOnPage(open.next.url ?? '')
  await until(world, buyer, begun.id, 'captured')
  const intents = world.sandbox.provider.store.all<{ amount_received: number }>('intents')
  t.same(
    intents.map((one) => one.amount_received),
    [1850],
  )
})

t.test('another amount at the provider stops the payment for an operator', async (t) => {
  const world = await createWorld(t)
  const buyer = world.person()
  const { payment } = await paidOnPage(world, buyer)
  const { store } = world.sandbox.provider
  const [intent] = store.all<{ id: string }>('intents')
  store.put('intents', intent?.id ?? '', { ...intent, amount: 1849, amount_capturable: 1849 })
  await until(world, buyer, payment.id, 'mismatch')
  const differences = await world.db.selectFrom('payment_differences').selectAll().execute()
  t.match(differences, [{ kind: 'mismatch', ours: '1850 EUR, open', theirs: '1849 EUR' }])
  t.same(world.orders.claims, [])
})

t.test('the buyer comes back to this site and to no other', async (t) => {
  const world = await createWorld(t)
  const buyer = world.person()
  const { orderId } = world.orders.add(buyer.id, {})
  for (const returnUrl of [
    'https://evil.example/x',
    '//evil.example',
    'javascript:alert(1)',
    'data:text/html,x',
    // Its origin is that of the address inside of it.
    'blob:http://localhost:9191/x',
    'http://localhost:9191@evil.example/',
  ]) {
    t.match((await begin(world, buyer, [orderId], { returnUrl })).json(), {
      code: 'payment.return_url',
    })
  }
  t.equal((await begin(world, buyer, [orderId], { returnUrl: '/orders/1' })).statusCode, 201)
  t.match(await world.db.selectFrom('payments').select('return_url').execute(), [
    { return_url: 'http://localhost:9191/orders/1' },
  ])
})

t.test('a look that was read before a newer one was recorded changes nothing', async (t) => {
  const world = await createWorld(t)
  const buyer = world.person()
  const { orderId } = world.orders.add(buyer.id, {})
  const payment: PaymentBody = (await begin(world, buyer, [orderId])).json()
  const provider = world.advance.providers.get('stripe')
  if (provider === undefined) throw new Error('no provider')
  // The answer of the first look is read while the page is open, and comes back when the money is held and claimed.
  let release: () => void = () => undefined
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  let hasRead: () => void = () => undefined
  const isRead = new Promise<void>((resolve) => {
    hasRead = resolve
  })
  let looks = 0
  const slow = new Proxy(provider, {
    get(target, name) {
      if (name !== 'look') return Reflect.get(target, name)
      return async (attempt: Parameters<typeof provider.look>[0]) => {
        const seen = await target.look(attempt)
        looks += 1
        if (looks > 1) return seen
        hasRead()
        await held
        return seen
      }
    },
  })
  await wakePayment(world.db, payment.id)
  const late = advanceDue({ ...world.advance, providers: new Map([['stripe', slow]]) })
  await isRead
  await payOnPage(payment.next.url ?? '')
  // The capture is accepted, and its answer is lost: the payment stays claimed until the next look.
  await control(world.sandbox, 'faults', {
    faults: [{ kind: 'lose_answer', on: '^POST /v1/payment_intents/[^/]+/capture$', times: 3 }],
  })
  // One look: another, which is due a second later, finds the capture.
  await sql`update payments set due_at = clock_timestamp()`.execute(world.db)
  const stopping = new AbortController()
  const looking = advanceDue(world.advance, stopping.signal)
  stopping.abort()
  await looking
  t.equal((await read(world, buyer, payment.id)).state, 'claimed')
  release()
  await late
  t.not((await read(world, buyer, payment.id)).state, 'open')
  await until(world, buyer, payment.id, 'captured')
})

t.test('a hold that is left of a cancelled payment is let go of, with a new key', async (t) => {
  const world = await createWorld(t)
  const buyer = world.person()
  const { payment } = await paidOnPage(world, buyer)
  const { store } = world.sandbox.provider
  const [session] = store.all<{ id: string; payment_intent: string }>('sessions')
  const intentId = session?.payment_intent ?? ''
  const cancel = () =>
    world.app.inject({
      method: 'POST',
      url: `/api/v1/payments/${payment.id}/cancel`,
      headers: buyer.headers,
    })
  // The page ended at the moment at which the buyer paid on it.
  store.put('sessions', session?.id ?? '', { ...session, status: 'expired' })
  t.equal((await cancel()).statusCode, 200)
  await until(world, buyer, payment.id, 'cancelled')
  t.match(store.get('intents', intentId), { status: 'canceled' })
})

t.test('an answer that the provider replays does not keep a cancelled payment', async (t) => {
  const world = await createWorld(t)
  const buyer = world.person()
  const { payment } = await paidOnPage(world, buyer)
  const { store } = world.sandbox.provider
  const [intent] = store.all<{ id: string; status: string }>('intents')
  await planCancel(world, payment.id)
  // An intent that cannot be cancelled just now; the refusal is kept under its key.
  store.put('intents', intent?.id ?? '', { ...intent, status: 'canceled' })
  const provider = world.advance.providers.get('stripe')
  const row = await readPayment(world.db, payment.id)
  const key = row?.operations.find(({ kind }) => kind === 'cancel')?.key ?? ''
  const reference = { reference: row?.reference ?? '', chargeReference: null }
  for (const used of [key, `${key}:1`]) {
    t.match(await errorOf(provider?.cancel(reference, used) ?? Promise.resolve()), {
      problem: 'refused',
    })
  }
  store.put('intents', intent?.id ?? '', intent)
  await until(world, buyer, payment.id, 'cancelled')
  t.match(store.get('intents', intent?.id ?? ''), { status: 'canceled' })
})

t.test('only the order service itself refuses a claim; all else is no answer', async (t) => {
  const world = await createWorld(t)
  const buyer = world.person()
  const { payment } = await paidOnPage(world, buyer)
  const answers = [
    { statusCode: 404, body: { code: 'request.no_route', message: 'no such route' } },
    { statusCode: 404, body: '404 page not found' },
    { statusCode: 401, body: { code: 'order.unauthenticated', message: 'Log in.' } },
    { statusCode: 403, body: { code: 'order.not_payable', message: 'not with this status' } },
    { statusCode: 409, body: { code: 'order.unheard_of', message: 'of a newer version' } },
    { statusCode: 429, body: { code: 'request.too_many', message: 'later' } },
    { statusCode: 200, body: '<html>Maintenance</html>' },
    { statusCode: 200, body: {} },
    { statusCode: 502, body: '<html>Bad gateway</html>' },
  ]
  for (const answer of answers) {
    world.orders.answer = answer
    await lookNow(world)
    t.equal((await read(world, buyer, payment.id)).state, 'authorised', JSON.stringify(answer))
    const begun = await begin(world, buyer, [world.orders.add(buyer.id, {}).orderId])
    t.match([begun.statusCode, begun.json().code], [503, 'service.unavailable'])
  }
  world.orders.answer = undefined
  await until(world, buyer, payment.id, 'captured')
})

t.test(
  'a sale is charged by the category of its item, and waits while that is not known',
  async (t) => {
    const world = await createWorld(t)
    const buyer = world.person()
    const [watches, jewellery] = [randomUUID(), randomUUID()]
    const unknown = world.orders.add(buyer.id, {})
    const free = await begin(world, buyer, [unknown.orderId])
    t.equal(free.statusCode, 201, 'no rate depends on it')
    await world.db.transaction().execute((tx) =>
      insertCommissionRate(tx, {
        categoryId: jewellery,
        sellerId: null,
        currencyCode: null,
        basisPoints: 1_000,
        minAmount: null,
        maxAmount: null,
        validFrom: undefined,
        validTo: null,
        createdBy: randomUUID(),
      }),
    )
    const later = world.orders.add(buyer.id, {})
    const refused = await begin(world, buyer, [later.orderId])
    t.match(refused.json(), { code: 'service.unavailable' })
    t.equal(refused.statusCode, 503)
    const order = world.orders.add(buyer.id, { categoryIds: [watches, jewellery] })
    const payment: PaymentBody = (await begin(world, buyer, [order.orderId])).json()
    await payOnPage(payment.next.url ?? '')
    await until(world, buyer, payment.id, 'captured')
    const sales = await world.db.selectFrom('sales').select(['order_id', 'commission']).execute()
    t.same(sales, [{ order_id: order.orderId, commission: 185n }])
  },
)

t.test(
  'what is charged is fixed when the money is captured, also before categories counted',
  async (t) => {
    const world = await createWorld(t)
    const buyer = world.person()
    const rate = (basisPoints: number, categoryId: string | null) =>
      world.db.transaction().execute((tx) =>
        insertCommissionRate(tx, {
          categoryId,
          sellerId: null,
          currencyCode: null,
          basisPoints,
          minAmount: null,
          maxAmount: null,
          validFrom: undefined,
          validTo: null,
          createdBy: randomUUID(),
        }),
      )
    const watches = randomUUID()
    await rate(500, null)
    // Begun while no rate depends on a category: one order does not know its own, the other does.
    const unknown = world.orders.add(buyer.id, {})
    const known = world.orders.add(buyer.id, { categoryIds: [watches] })
    const begun: { orderId: string; payment: PaymentBody }[] = []
    for (const { orderId } of [unknown, known]) {
      begun.push({ orderId, payment: (await begin(world, buyer, [orderId])).json() })
    }
    await rate(1_000, watches)
    for (const { payment } of begun) {
      await payOnPage(payment.next.url ?? '')
      await until(world, buyer, payment.id, 'captured')
    }
    const commissions = async () => {
      const sales = await world.db.selectFrom('sales').select(['order_id', 'commission']).execute()
      return Object.fromEntries(sales.map((sale) => [sale.order_id, sale.commission]))
    }
    const fixed = { [unknown.orderId]: 93n, [known.orderId]: 185n }
    t.same(await commissions(), fixed, 'of what was not known only the rate for all counts')
    await rate(2_000, null)
    await rate(3_000, watches)
    const moderator = world.person({ roles: ['user', 'moderator'], auth_time: freshly() })
    for (const { orderId, payment } of begun) {
      await refund(world, moderator, payment.id, { orderId, amount: '18.50' })
    }
    await lookNow(world)
    t.same(await commissions(), fixed, 'later rates change nothing')
    t.same(await balances(world), {}, 'and what is given back is what was taken')
  },
)

t.test(
  'where payments and payouts are not set up, callers are asked to wait for long',
  async (t) => {
    const world = await createWorld(t)
    world.providers.clear()
    const buyer = world.person()
    const { orderId } = world.orders.add(buyer.id, {})
    const refused = await begin(world, buyer, [orderId])
    t.match(refused.json(), { code: 'payment.no_provider' })
    t.match(refused, { statusCode: 503, headers: { 'retry-after': '3600' } })
    t.match(payoutErrors.noProvider(), { statusCode: 503, retryAfterSeconds: 3_600 })
  },
)
