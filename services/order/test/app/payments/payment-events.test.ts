import { randomUUID } from 'node:crypto'
import {
  paymentExpired,
  paymentFailed,
  paymentSucceeded,
} from '@auction/common/contracts/payment.ts'
import t from 'tap'
import { purgeEndedPayments } from '#src/infra/postgres/payments/ended-payments.ts'
import {
  callAs,
  chargebackEvent as chargeback,
  claimFor,
  createWorld,
  DAY_MS,
  paidOrder,
  paymentEvent,
  refundEvent as refund,
  shippedOrder,
} from '#test/helper.ts'

t.test('a payment pays its order once, and time does nothing to it any more', async (t) => {
  const world = await createWorld(t)
  const order = await paidOrder(world)
  t.match(await world.order(order.id), { state: 'paid', paidBy: order.paymentId, claimedBy: null })
  await world.consume([paymentEvent(paymentSucceeded, order.paymentId, order)])
  await world.letTimePass(30 * DAY_MS)
  await world.runTimers()
  t.equal((await world.order(order.id)).state, 'paid')
  const paid = await world.published('order.paid')
  t.equal(paid.length, 1)
  t.match(paid[0], { sequence: 2, payload: { paymentId: order.paymentId, total: '18.50' } })
})

t.test('a failed or expired attempt lets go of its own claim and of no other', async (t) => {
  const world = await createWorld(t)
  const order = await world.win()
  const orders = [{ orderId: order.id, total: '18.50' }]
  for (const contract of [paymentFailed, paymentExpired]) {
    const [first, second] = [randomUUID(), randomUUID()]
    await claimFor(world, first, orders, order.buyerId)
    await world.consume([paymentEvent(contract, second, order)])
    t.equal((await world.order(order.id)).claimedBy, first, contract.event)
    await world.consume([paymentEvent(contract, first, order)])
    t.equal((await world.order(order.id)).claimedBy, null, contract.event)
  }
})

t.test(
  'an attempt that failed changes nothing of an order that another attempt paid',
  async (t) => {
    const world = await createWorld(t)
    const order = await paidOrder(world)
    await world.consume([paymentEvent(paymentFailed, order.paymentId, order)])
    await world.consume([paymentEvent(paymentExpired, randomUUID(), order)])
    t.equal((await world.order(order.id)).state, 'paid')
  },
)

t.test('money for a cancelled order revives nothing', async (t) => {
  const world = await createWorld(t)
  const order = await world.win()
  await callAs(world, order.sellerId, 'POST', `/api/v1/orders/${order.id}/cancellation`)
  await world.consume([paymentEvent(paymentSucceeded, randomUUID(), order)])
  t.match(await world.order(order.id), { state: 'cancelled', paidBy: null })
})

t.test('refunds in any order leave the greatest total, and all of it ends the order', async (t) => {
  const world = await createWorld(t)
  const order = await paidOrder(world)
  const refunded = async () =>
    (await callAs(world, order.buyerId, 'GET', `/api/v1/orders/${order.id}`)).body
  await world.consume([refund(order, '5.00'), refund(order, '2.00')])
  t.match(await refunded(), { state: 'paid', refundedTotal: '5.00' })
  await world.consume([refund(order, '18.50'), refund(order, '9.00')])
  t.match(await refunded(), { state: 'refunded', refundedTotal: '18.50' })
})

t.test('a refund that comes before its payment is tried again', async (t) => {
  const world = await createWorld(t)
  const order = await world.win()
  const paymentId = randomUUID()
  const early = refund({ ...order, paymentId }, '5.00')
  await t.rejects(world.consume([early]), /not paid yet/)
  await claimFor(world, paymentId, [{ orderId: order.id, total: '18.50' }], order.buyerId)
  await world.consume([paymentEvent(paymentSucceeded, paymentId, order)])
  await world.consume([early])
  const { body } = await callAs(world, order.buyerId, 'GET', `/api/v1/orders/${order.id}`)
  t.equal(body.refundedTotal, '5.00')
})

t.test('while a bank decides about the money the order is not completed', async (t) => {
  const world = await createWorld(t)
  const order = await shippedOrder(world)
  const url = `/api/v1/orders/${order.id}`
  await callAs(world, order.buyerId, 'POST', `${url}/receipt`)
  await world.consume([chargeback(order, 'opened')])
  await world.letTimePass(8 * DAY_MS)
  await world.runTimers()
  t.equal((await world.order(order.id)).state, 'delivered')
  await world.consume([chargeback(order, 'won')])
  await world.consume([chargeback(order, 'opened')])
  await world.letTimePass(DAY_MS)
  await world.runTimers()
  t.equal((await world.order(order.id)).state, 'completed')
  t.equal((await world.published('order.completed')).length, 1)
})

t.test('an order whose money the bank took back for good ends, and shows why', async (t) => {
  const world = await createWorld(t)
  const order = await shippedOrder(world)
  const page = async () =>
    (await callAs(world, order.sellerId, 'GET', `/api/v1/orders/${order.id}`)).body
  await world.consume([chargeback(order, 'opened')])
  t.match(await page(), { state: 'shipped', chargeback: 'opened' })
  await world.consume([chargeback(order, 'lost')])
  t.match(await page(), { state: 'refunded', chargeback: 'lost', refundedTotal: '0.00' })
  await world.letTimePass(60 * DAY_MS)
  await world.runTimers()
  t.equal((await world.published('order.completed')).length, 0)
})

t.test('money of an attempt that the order did not take changes nothing of it', async (t) => {
  const world = await createWorld(t)
  const order = await paidOrder(world)
  const other = { ...order, paymentId: randomUUID() }
  await world.consume([paymentEvent(paymentSucceeded, other.paymentId, order)])
  await world.consume([chargeback(other, 'opened'), chargeback(other, 'lost')])
  await world.consume([refund(other, '18.50')])
  const { body } = await callAs(world, order.buyerId, 'GET', `/api/v1/orders/${order.id}`)
  t.match(body, { state: 'paid', refundedTotal: '0.00' })
  t.notOk(body.chargeback)
  const { rows } = await world.database.pool.query(
    'select payment_id, reason from unwanted_payments',
  )
  t.strictSame(rows, [{ payment_id: other.paymentId, reason: 'other_payment' }])
})

t.test('what was taken for a cancelled order is given back without a dead letter', async (t) => {
  const world = await createWorld(t)
  const order = { ...(await world.win()), paymentId: randomUUID() }
  await callAs(world, order.sellerId, 'POST', `/api/v1/orders/${order.id}/cancellation`)
  await t.rejects(world.consume([refund(order, '18.50')]), /not paid yet/, 'it may be early')
  await world.consume([paymentEvent(paymentSucceeded, order.paymentId, order)])
  await world.consume([refund(order, '18.50')])
  t.equal((await world.order(order.id)).state, 'cancelled')
})

t.test('a claim that comes after its payment has ended takes nothing', async (t) => {
  const world = await createWorld(t)
  const people = { buyerId: randomUUID(), sellerId: randomUUID() }
  const [one, two] = [await world.win(people), await world.win(people)]
  const orders = [one, two].map(({ id: orderId }) => ({ orderId, total: '18.50' }))
  for (const contract of [paymentFailed, paymentExpired]) {
    const paymentId = randomUUID()
    // Only the event about one of its orders has come so far.
    await world.consume([paymentEvent(contract, paymentId, one)])
    t.match(await claimFor(world, paymentId, orders, people.buyerId), {
      statusCode: 409,
      body: { code: 'order.payment_ended' },
    })
    for (const { id } of [one, two]) t.equal((await world.order(id)).claimedBy, null)
  }
  t.equal((await claimFor(world, randomUUID(), orders, people.buyerId)).statusCode, 204)
})

t.test('payments that ended are forgotten after a month', async (t) => {
  const world = await createWorld(t)
  const order = await world.win()
  const paymentId = randomUUID()
  await world.consume([paymentEvent(paymentFailed, paymentId, order)])
  t.equal(await purgeEndedPayments(world.db, 10), 0)
  await world.letTimePass(31 * DAY_MS)
  t.equal(await purgeEndedPayments(world.db, 10), 1)
})
