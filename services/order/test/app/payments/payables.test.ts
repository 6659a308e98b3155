import { randomUUID } from 'node:crypto'
import { paymentFailed } from '@auction/common/contracts/payment.ts'
import t from 'tap'
import { callAsService, claimFor, createWorld, paymentEvent, type World } from '#test/helper.ts'

const payables = (world: World, orderIds: string[], buyerId: string) =>
  callAsService(world, 'POST', '/internal/v1/payables', { orderIds, buyerId })

t.test('payment is answered what a buyer owes for several orders of one seller', async (t) => {
  const world = await createWorld(t)
  const people = { buyerId: randomUUID(), sellerId: randomUUID() }
  const one = await world.win(people)
  const two = await world.win({ ...people, finalAmount: '1.05' })
  const { statusCode, body } = await payables(world, [one.id, two.id], people.buyerId)
  t.equal(statusCode, 200)
  t.match(body, { currencyCode: 'USD', sellerId: people.sellerId, total: '19.55' })
  t.strictSame(
    body.orders.map(({ orderId, total }: { orderId: string; total: string }) => [orderId, total]),
    [
      [one.id, '18.50'],
      [two.id, '1.05'],
    ],
  )
})

t.test('orders that cannot be paid together are refused by name', async (t) => {
  const world = await createWorld(t)
  const people = { buyerId: randomUUID(), sellerId: randomUUID() }
  const one = await world.win(people)
  const yen = await world.win({ ...people, finalAmount: '1850', currencyCode: 'JPY' })
  const other = await world.win({ buyerId: people.buyerId })
  const foreign = await world.win()
  const ask = async (...ids: string[]) => (await payables(world, ids, people.buyerId)).body.code
  t.equal(await ask(one.id, yen.id), 'order.different_currencies')
  t.equal(await ask(one.id, other.id), 'order.different_sellers')
  t.equal(await ask(one.id, foreign.id), 'order.not_found')
  t.equal(await ask(randomUUID()), 'order.not_found')
  await claimFor(world, randomUUID(), [{ orderId: one.id, total: '18.50' }], people.buyerId)
  const claimed = await payables(world, [one.id], people.buyerId)
  t.match(claimed, {
    statusCode: 409,
    body: { code: 'order.not_payable', details: { state: 'pending_payment', isBeingPaid: true } },
  })
})

t.test('a claim takes all orders of a payment or none, however often it is asked', async (t) => {
  const world = await createWorld(t)
  const people = { buyerId: randomUUID(), sellerId: randomUUID() }
  const one = await world.win(people)
  const two = await world.win(people)
  const [payment, other] = [randomUUID(), randomUUID()]
  const both = [
    { orderId: two.id, total: '18.50' },
    { orderId: one.id, total: '18.50' },
  ]
  const wrong = [both[0] ?? both, { orderId: one.id, total: '18.51' }] as typeof both
  t.match(await claimFor(world, payment, wrong, people.buyerId), {
    statusCode: 422,
    body: { code: 'order.amount_mismatch', details: { orderId: one.id } },
  })
  t.match(await claimFor(world, payment, both, people.buyerId, 'EUR'), {
    statusCode: 422,
    body: { code: 'order.amount_mismatch' },
  })
  t.match(await claimFor(world, payment, both, randomUUID()), { statusCode: 404 })
  t.equal((await world.order(two.id)).claimedBy, null, 'nothing was claimed')

  t.equal((await claimFor(world, payment, both, people.buyerId)).statusCode, 204)
  t.equal((await claimFor(world, payment, both, people.buyerId)).statusCode, 204)
  t.match(await claimFor(world, other, both, people.buyerId), {
    statusCode: 409,
    body: { code: 'order.claimed_by_another' },
  })
  const end = (id: string) =>
    world.consume([one, two].map((order) => paymentEvent(paymentFailed, id, order)))
  await end(randomUUID())
  t.equal((await world.order(one.id)).claimedBy, payment, 'another payment lets nothing go')
  await end(payment)
  await end(payment)
  t.equal((await claimFor(world, other, both, people.buyerId)).statusCode, 204)
})

t.test('users may not ask what payment asks', async (t) => {
  const world = await createWorld(t)
  const order = await world.win()
  const { statusCode } = await world.app.inject({
    method: 'POST',
    url: '/internal/v1/payables',
    headers: { authorization: `Bearer ${world.identity.token(order.buyerId)}` },
    payload: { orderIds: [order.id], buyerId: order.buyerId },
  })
  t.equal(statusCode, 401)
})
