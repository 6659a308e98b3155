import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import t from 'tap'
import { planPayouts } from '#src/app/payouts/plan-payouts.ts'
import { completeOrder } from '#src/app/sales/sale-ledger.ts'
import { createWorld, type Person } from '#test/helper.ts'
import { control, payOnPage } from '#test/infra/stripe/sandbox.ts'
import { begin, captured, events, lookNow, type PaymentBody, read, until } from './buyer.ts'
import { balances, freshly, refund, resolved, seller, settled } from './refunds.ts'

t.test(
  'a refund is sent once for each key, posted when decided and when paid, and published',
  async (t) => {
    const world = await createWorld(t)
    const buyer = world.person()
    const { order, payment } = await captured(world, buyer)
    const { orderId } = order
    const answers = await Promise.all(
      Array.from({ length: 10 }, () =>
        refund(world, seller(world), payment.id, { orderId, amount: '0.01' }, 'r-1'),
      ),
    )
    t.same([...new Set(answers.map(({ statusCode }) => statusCode))], [201])
    t.equal(new Set(answers.map((answer) => answer.json().id)).size, 1)
    t.match(await balances(world), { 'refund:due': '-1', 'clearing:stripe': '1850' })
    await control(world.sandbox, 'faults', {
      faults: [{ kind: 'lose_answer', on: '^POST /v1/refunds$', times: 3 }],
    })
    for (let look = 0; look < 3; look += 1) await lookNow(world)
    t.same(await balances(world), {
      'clearing:stripe': '1849',
      [`seller:pending:${world.orders.sellerId}`]: '-1849',
    })
    t.match((await events(world)).at(-1), {
      event: 'payment.refunded',
      payload: { amount: '0.01', refundedTotal: '0.01' },
    })
    t.equal(world.sandbox.provider.store.all('refunds').length, 1)
    t.match(
      (await refund(world, seller(world), payment.id, { orderId, amount: '0.02' }, 'r-1')).json(),
      { code: 'payment.idempotency_key_reused' },
    )
    const list = await world.app.inject({
      url: `/api/v1/payments/${payment.id}/refunds`,
      headers: buyer.headers,
    })
    t.match(list.json(), { refunds: [{ amount: '0.01', state: 'done' }] })
  },
)

t.test('fifty refunds in parallel give back no more than was captured', async (t) => {
  const world = await createWorld(t)
  const buyer = world.person()
  const { order, payment } = await captured(world, buyer)
  const answers = await Promise.all(
    Array.from({ length: 50 }, () =>
      refund(world, seller(world), payment.id, { orderId: order.orderId, amount: '1.00' }),
    ),
  )
  const count = (code: number) => answers.filter(({ statusCode }) => statusCode === code).length
  t.same([count(201), count(409)], [18, 32])
  t.match(
    (
      await refund(world, seller(world), payment.id, { orderId: order.orderId, amount: '0.51' })
    ).json(),
    { code: 'payment.refund_too_large', details: { left: '0.50' } },
  )
  for (let look = 0; look < 25; look += 1) await lookNow(world)
  const given = world.sandbox.provider.store.all<{ amount: number }>('refunds')
  t.equal(
    given.reduce((sum, { amount }) => sum + amount, 0),
    1800,
  )
  t.match(await read(world, buyer, payment.id), { refundedAmount: '18.00' })
  t.same(await balances(world), {
    'clearing:stripe': '50',
    [`seller:pending:${world.orders.sellerId}`]: '-50',
  })
})

t.test(
  'sellers and moderators refund, with a fresh proof; others do not see the payment',
  async (t) => {
    const world = await createWorld(t)
    const buyer = world.person()
    const { order, payment } = await captured(world, buyer)
    const ask = (who: Person) =>
      refund(world, who, payment.id, { orderId: order.orderId, amount: '1.00' })
    t.equal((await ask(buyer)).statusCode, 404)
    t.equal((await ask(world.person({ auth_time: freshly() }))).statusCode, 404)
    t.match((await ask(seller(world, { auth_time: freshly() - 700 }))).json(), {
      code: 'payment.proof_required',
    })
    const moderator = world.person({ roles: ['moderator'], auth_time: freshly() })
    t.equal((await ask(moderator)).statusCode, 201)
    t.match(
      (
        await refund(world, moderator, payment.id, { orderId: randomUUID(), amount: '1.00' })
      ).json(),
      { code: 'payment.order_not_paid' },
    )
    for (const amount of ['0', '-1', '1.001', 'x']) {
      const answer = await refund(world, moderator, payment.id, { orderId: order.orderId, amount })
      t.equal(answer.statusCode, 422, amount)
    }
  },
)

t.test('a refund that the provider cannot give is the money of the seller again', async (t) => {
  const world = await createWorld(t)
  const buyer = world.person()
  const { order, payment } = await captured(world, buyer)
  await control(world.sandbox, 'settings', { slowRefunds: true })
  await refund(world, seller(world), payment.id, { orderId: order.orderId, amount: '5.00' })
  await lookNow(world)
  await lookNow(world)
  t.match(await balances(world), { 'refund:due': '-500', 'clearing:stripe': '1850' })
  const [given] = world.sandbox.provider.store.all<{ id: string }>('refunds')
  await control(world.sandbox, `refunds/${given?.id}`, { isDone: false })
  await lookNow(world)
  t.same(await balances(world), {
    'clearing:stripe': '1850',
    [`seller:pending:${world.orders.sellerId}`]: '-1850',
  })
  t.match(await read(world, buyer, payment.id), { refundedAmount: '0.00' })
  t.match(await world.db.selectFrom('payment_differences').selectAll().execute(), [
    { kind: 'refunded_amount' },
  ])
})

t.test('a dispute that is decided for the buyer is refunded once', async (t) => {
  const world = await createWorld(t)
  const buyer = world.person()
  const { order, payment } = await captured(world, buyer)
  const handle = () => resolved(world, order, '18.50', 7)
  await handle()
  await handle()
  for (let look = 0; look < 3; look += 1) await lookNow(world)
  t.match(await read(world, buyer, payment.id), { refundedAmount: '18.50' })
  t.same(await balances(world), {})
})

t.test('what a moderator settled by hand is not given by payment as well', async (t) => {
  for (const outcome of ['refunded', 'resumed'] as const) {
    const world = await createWorld(t)
    const buyer = world.person()
    const { order, payment } = await captured(world, buyer)
    const { store } = world.sandbox.provider
    await control(world.sandbox, 'settings', { slowRefunds: true })
    await resolved(world, order, '18.50', 7)
    await lookNow(world)
    await lookNow(world)
    for (const { id } of store.all<{ id: string }>('refunds'))
      await control(world.sandbox, `refunds/${id}`, { isDone: false })
    await lookNow(world)
    await settled(world, order, outcome, 8)
    await settled(world, order, outcome, 8)
    await sql`update refunds set done_at = done_at - interval '2 days'`.execute(world.db)
    for (let look = 0; look < 3; look += 1) await lookNow(world)
    t.equal(store.all('refunds').length, 1, 'it is not tried again')
    t.match(await read(world, buyer, payment.id), { refundedAmount: '0.00' })
    t.same(await world.db.selectFrom('payment_differences').selectAll().execute(), [])
    // A dispute of later is decided as any other.
    await control(world.sandbox, 'settings', { slowRefunds: false })
    await resolved(world, order, '5.00', 12)
    // The end of the wait before it, again and late.
    await settled(world, order, outcome, 8)
    for (let look = 0; look < 3; look += 1) await lookNow(world)
    t.match(await read(world, buyer, payment.id), { refundedAmount: '5.00' })
  }
})

t.test('a decision that is consumed after its settlement gives nothing', async (t) => {
  const world = await createWorld(t)
  const buyer = world.person()
  const { order, payment } = await captured(world, buyer)
  await settled(world, order, 'refunded', 8)
  await resolved(world, order, '18.50', 7)
  for (let look = 0; look < 3; look += 1) await lookNow(world)
  t.same(world.sandbox.provider.store.all('refunds'), [])
  t.match(await read(world, buyer, payment.id), { refundedAmount: '0.00' })
})

t.test('a refund that is under way when it is settled by hand is for an operator', async (t) => {
  const world = await createWorld(t)
  const { order, payment } = await captured(world, world.person())
  await control(world.sandbox, 'settings', { slowRefunds: true })
  await resolved(world, order, '18.50', 7)
  await lookNow(world)
  await settled(world, order, 'refunded', 8)
  t.match(await world.db.selectFrom('payment_differences').selectAll().execute(), [
    {
      kind: 'refunded_amount',
      payment_id: payment.id,
      ours: `the refund of order ${order.orderId} was settled by hand (refunded)`,
      theirs: 'refunds under way: 1',
    },
  ])
})

t.test('no key of a user stands in the way of what the platform gives back', async (t) => {
  const world = await createWorld(t)
  const buyer = world.person()
  const { order, payment } = await captured(world, buyer)
  const { orderId } = order
  const small = { orderId, amount: '0.01', reason: 'a dispute was decided' }
  const key = `resolved:${orderId}:7`
  t.equal((await refund(world, seller(world), payment.id, small, key)).statusCode, 201)
  await resolved(world, order, '18.50', 7)
  for (let look = 0; look < 4; look += 1) await lookNow(world)
  t.match(await read(world, buyer, payment.id), { refundedAmount: '18.50' })
  t.same(await balances(world), {})
  const moderator = world.person({ roles: ['moderator'], auth_time: freshly() })
  t.match((await refund(world, moderator, payment.id, small, key)).json(), {
    code: 'payment.idempotency_key_reused',
  })
})

t.test(
  'what the platform owes is given as far as it fits, and the rest when others fail',
  async (t) => {
    const world = await createWorld(t)
    const buyer = world.person()
    const { order, payment } = await captured(world, buyer)
    await control(world.sandbox, 'settings', { slowRefunds: true })
    await refund(world, seller(world), payment.id, { orderId: order.orderId, amount: '1.00' })
    await lookNow(world)
    await lookNow(world)
    await resolved(world, order, '18.50', 7)
    t.match(await read(world, buyer, payment.id), { refundedAmount: '18.50' })
    const [first] = world.sandbox.provider.store.all<{ id: string }>('refunds')
    await control(world.sandbox, 'settings', { slowRefunds: false })
    await control(world.sandbox, `refunds/${first?.id}`, { isDone: false })
    for (let look = 0; look < 5; look += 1) await lookNow(world)
    t.match(await read(world, buyer, payment.id), { refundedAmount: '18.50' })
    t.same(await balances(world), {})
    const given = world.sandbox.provider.store.all<{ amount: number; status: string }>('refunds')
    t.same(
      given.filter(({ status }) => status === 'succeeded').map(({ amount }) => amount),
      [1750, 100],
    )
  },
)

t.test(
  'a refund of the platform that fails is tried again, and at last given to an operator',
  async (t) => {
    const world = await createWorld(t)
    const buyer = world.person()
    const { order, payment } = await captured(world, buyer)
    await control(world.sandbox, 'settings', { slowRefunds: true })
    await resolved(world, order, '18.50', 7)
    const { store } = world.sandbox.provider
    const fail = async () => {
      for (const { id, status } of store.all<{ id: string; status: string }>('refunds')) {
        if (status === 'pending') await control(world.sandbox, `refunds/${id}`, { isDone: false })
      }
    }
    const pass = async () => {
      for (let look = 0; look < 3; look += 1) await lookNow(world)
    }
    const differences = () => world.db.selectFrom('payment_differences').selectAll().execute()
    for (let failures = 1; failures < 5; failures += 1) {
      await pass()
      await fail()
      await pass()
      t.equal(store.all('refunds').length, failures, 'it waits before the next try')
      t.same(await differences(), [])
      await sql`update refunds set done_at = done_at - interval '2 days'`.execute(world.db)
    }
    await pass()
    await fail()
    await pass()
    await sql`update refunds set done_at = done_at - interval '2 days'`.execute(world.db)
    await pass()
    t.equal(store.all('refunds').length, 5)
    t.match(await differences(), [
      { kind: 'refunded_amount', ours: '1850 EUR are owed to the buyer' },
    ])
    t.match(await read(world, buyer, payment.id), { refundedAmount: '0.00' })
  },
)

t.test(
  'a seller who was paid out refunds no more than is still there; a moderator may',
  async (t) => {
    const world = await createWorld(t)
    const buyer = world.person()
    const { order, payment } = await captured(world, buyer)
    const { orderId } = order
    const { sellerId } = world.orders
    await sql`insert into payout_accounts (seller_id, provider, reference, state)
    values (${sellerId}, 'manual', 'DE00', 'enabled')`.execute(world.db)
    await world.db.transaction().execute((tx) => completeOrder(tx, orderId, new Date()))
    t.equal(await planPayouts(world.db, { minimumOf: () => 1n, intervalMs: 1 }), 1)
    const ask = (who: Person, amount: string) => refund(world, who, payment.id, { orderId, amount })
    t.match((await ask(seller(world), '0.01')).json(), {
      code: 'payment.refund_not_covered',
      details: { covered: '0.00' },
    })
    // Another sale of the seller's is completed: it covers.
    const other = world.orders.add(buyer.id, { amount: '12.50', total: '12.50' })
    const begun: PaymentBody = (await begin(world, buyer, [other.orderId])).json()
    await payOnPage(begun.next.url ?? '')
    await until(world, buyer, begun.id, 'captured')
    await world.db.transaction().execute((tx) => completeOrder(tx, other.orderId, new Date()))
    const answers = await Promise.all(Array.from({ length: 4 }, () => ask(seller(world), '6.00')))
    t.same(answers.map((answer) => answer.json().code ?? 'given').sort(), [
      'given',
      'given',
      'payment.refund_not_covered',
      'payment.refund_not_covered',
    ])
    const moderator = world.person({ roles: ['moderator'], auth_time: freshly() })
    t.equal((await ask(moderator, '6.50')).statusCode, 201)
    t.match((await ask(moderator, '0.01')).json(), { code: 'payment.refund_too_large' })
  },
)
