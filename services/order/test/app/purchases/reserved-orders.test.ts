import { randomUUID } from 'node:crypto'
import { paymentExpired } from '@auction/common/contracts/payment.ts'
import { sql } from 'kysely'
import t from 'tap'
import {
  boughtEvent,
  buyNowEvent,
  callAs,
  claimFor,
  createWorld,
  DAY_MS,
  newPurchase,
  newWin,
  type Purchase,
  paymentEvent,
  type World,
  wonEvent,
} from '#test/helper.ts'

interface Row {
  id: string
  state: string
  source: string
  dueAt: Date
  reservedUntil: Date | null
  cancelReason: string | null
}

async function ordersOf(world: World, { itemId }: Pick<Purchase, 'itemId'>): Promise<Row[]> {
  const { rows } = await world.database.pool.query<Row>(
    `select id, state, source, due_at as "dueAt", reserved_until as "reservedUntil", cancel_reason as "cancelReason"
     from orders where item_id = $1 order by id`,
    [itemId],
  )
  return rows
}

async function reserve(world: World, changes: Partial<Purchase> = {}) {
  const purchase = newPurchase(changes)
  await world.consume([buyNowEvent(purchase)])
  const order = (await ordersOf(world, purchase)).at(-1)
  if (order === undefined) throw new Error('bid.buynow made no order')
  const { id, reservedUntil } = order
  return { purchase, ...purchase, id, reservedUntil }
}

const soon = () => new Date(Date.now() + 600_000)

async function countedWithoutOrder({ registry }: World): Promise<number> {
  const metric = await registry.getSingleMetric('order_wins_without_order_total')?.get()
  return metric?.values[0]?.value ?? Number.NaN
}

const cancelled = async (world: World) =>
  (await world.published('order.cancelled')).map(({ payload }) => payload)

t.test('a lot that was bought at once makes one order, whichever event comes first', async (t) => {
  const world = await createWorld(t)
  for (const order of ['as published', 'the other way round']) {
    const purchase = newPurchase({ reservedUntil: null })
    const events = [buyNowEvent(purchase), boughtEvent(purchase)]
    if (order !== 'as published') events.reverse()
    for (const event of [...events, ...events]) await world.consume([event])
    const made = await ordersOf(world, purchase)
    t.match(made, [{ state: 'pending_payment', source: 'buynow', reservedUntil: null }], order)
    t.equal(made.length, 1, order)
    t.ok((made[0]?.dueAt.getTime() ?? 0) > Date.now() + 3 * DAY_MS, 'it is due as others are')
  }
})

t.test(
  'the order of a reserved lot is due when the reservation ends, and is no strike',
  async (t) => {
    const world = await createWorld(t)
    const { id, buyerId, reservedUntil, purchaseId } = await reserve(world)
    t.match(await callAs(world, buyerId, 'GET', `/api/v1/orders/${id}`), {
      body: {
        source: 'buynow',
        dueAt: reservedUntil?.toISOString(),
        reservedUntil: reservedUntil?.toISOString(),
      },
    })
    t.equal(await world.runTimers(), 0)
    await world.letTimePass(600_000)
    await world.runTimers()
    t.match(await world.order(id), { state: 'cancelled' })
    t.match(await cancelled(world), [
      {
        purchaseId,
        reason: 'buy_now_released',
        reservedUntil: String,
        strike: false,
      },
    ])
    t.strictSame(await world.published('strike'), [])
  },
)

t.test('a purchase that comes when its reservation is over makes no order', async (t) => {
  const world = await createWorld(t)
  const purchase = newPurchase({ reservedUntil: new Date(Date.now() - 500) })
  await world.consume([buyNowEvent(purchase)])
  t.strictSame(await ordersOf(world, purchase), [])
})

t.test('a payment in time sells the lot before the money is taken, and once', async (t) => {
  const world = await createWorld(t)
  const { id, buyerId, purchaseId, itemId } = await reserve(world)
  const paymentId = randomUUID()
  const orders = [{ orderId: id, total: '18.50' }]
  t.equal((await claimFor(world, paymentId, orders, buyerId)).statusCode, 204)
  t.equal((await claimFor(world, paymentId, orders, buyerId)).statusCode, 204)
  t.strictSame(world.lots.asked, [purchaseId])
  const [secured] = await ordersOf(world, { itemId })
  t.equal(secured?.reservedUntil, null)
  t.ok((secured?.dueAt.getTime() ?? 0) > Date.now() + 3 * DAY_MS)
  // If the money could not be taken after all, the lot is the buyer's, who pays as others do.
  await world.consume([
    paymentEvent(paymentExpired, paymentId, { id, buyerId, sellerId: randomUUID() }),
  ])
  await world.letTimePass(600_000)
  await world.runTimers()
  t.match(await world.order(id), { state: 'pending_payment', claimedBy: null })
})

t.test('a payment that comes too late is refused, and takes nothing', async (t) => {
  const world = await createWorld(t)
  const { id, buyerId } = await reserve(world)
  world.lots.mode = 'late'
  t.match(await claimFor(world, randomUUID(), [{ orderId: id, total: '18.50' }], buyerId), {
    statusCode: 409,
    body: { code: 'order.not_payable', details: { reason: 'reservation_over' } },
  })
  t.match(await world.order(id), { claimedBy: null })
})

t.test(
  'without an answer of bid the order stays claimed, and time does not cancel it',
  async (t) => {
    const world = await createWorld(t)
    const { id, buyerId } = await reserve(world)
    const paymentId = randomUUID()
    const orders = [{ orderId: id, total: '18.50' }]
    world.lots.mode = 'lost'
    t.equal((await claimFor(world, paymentId, orders, buyerId)).statusCode, 503)
    await world.letTimePass(600_000)
    await world.runTimers()
    t.match(await world.order(id), { state: 'pending_payment', claimedBy: paymentId })
    world.lots.mode = 'sold'
    t.equal((await claimFor(world, paymentId, orders, buyerId)).statusCode, 204)
    await world.runTimers()
    t.match(await world.order(id), { state: 'pending_payment', claimedBy: paymentId })
  },
)

t.test('that the lot was sold is also learned from its event', async (t) => {
  const world = await createWorld(t)
  const order = await reserve(world)
  await world.consume([boughtEvent(order.purchase)])
  const made = await ordersOf(world, order)
  t.equal(made.length, 1)
  t.equal(made[0]?.reservedUntil, null)
  await world.letTimePass(600_000)
  await world.runTimers()
  t.match(await world.order(order.id), { state: 'pending_payment' })
})

t.test('a buyer whose reservation ended may reserve again, and win the lot', async (t) => {
  const world = await createWorld(t)
  const first = await reserve(world)
  await world.letTimePass(600_000)
  await world.runTimers()
  const second = {
    ...first.purchase,
    purchaseId: randomUUID(),
    reservedUntil: new Date(Date.now() + 600_000),
  }
  await world.consume([buyNowEvent(second), buyNowEvent(first.purchase)])
  await world.letTimePass(600_000)
  await world.runTimers()
  const { itemId, buyerId, sellerId } = first
  const win = wonEvent(newWin({ itemId, buyerId, sellerId }))
  await world.consume([win, win])
  await world.consume([buyNowEvent(second)])
  t.strictSame(
    (await ordersOf(world, first)).map(({ state, source }) => [state, source]),
    [
      ['cancelled', 'buynow'],
      ['cancelled', 'buynow'],
      ['pending_payment', 'won'],
    ],
  )
})

t.test('a claim that came too late does not keep its buyer from the next order', async (t) => {
  const world = await createWorld(t)
  const { id, buyerId, purchase } = await reserve(world)
  const paymentId = randomUUID()
  const orders = [{ orderId: id, total: '18.50' }]
  world.lots.mode = 'lost'
  t.equal((await claimFor(world, paymentId, orders, buyerId)).statusCode, 503)
  await world.letTimePass(600_000)
  await world.runTimers()
  world.lots.mode = 'late'
  t.equal((await claimFor(world, paymentId, orders, buyerId)).statusCode, 409)
  const again = { ...purchase, purchaseId: randomUUID(), reservedUntil: soon() }
  await world.consume([buyNowEvent(again)])
  t.match(await ordersOf(world, purchase), [
    { id, state: 'pending_payment' },
    { state: 'pending_payment', reservedUntil: again.reservedUntil },
  ])
})

t.test('a reserved order that was cancelled by agreement does not stand for a win', async (t) => {
  const world = await createWorld(t)
  const { id, itemId, buyerId, sellerId, reservedUntil } = await reserve(world)
  for (const userId of [buyerId, sellerId])
    await callAs(world, userId, 'PUT', `/api/v1/orders/${id}/cancellation-request`)
  const win = wonEvent(newWin({ itemId, buyerId, sellerId }))
  await world.consume([win, win])
  t.match(await ordersOf(world, { itemId }), [
    { id, state: 'cancelled', cancelReason: 'mutual' },
    { state: 'pending_payment', source: 'won' },
  ])
  t.equal(await countedWithoutOrder(world), 0)
  const until = reservedUntil?.toISOString()
  t.match(await cancelled(world), [{ reason: 'mutual', reservedUntil: until }])
})

t.test('a win that has no order is counted', async (t) => {
  const world = await createWorld(t)
  const { purchase } = await reserve(world)
  await world.consume([boughtEvent(purchase)])
  // Of a lot that is sold no other purchase is published, so this never happens.
  const other = { ...purchase, purchaseId: randomUUID() }
  await world.consume([boughtEvent(other), boughtEvent(other)])
  t.equal(await countedWithoutOrder(world), 2)
})

t.test(
  'of several reserved lots those that were sold stay sold when one is too late',
  async (t) => {
    const world = await createWorld(t)
    const first = await reserve(world)
    const { buyerId, sellerId } = first
    const second = await reserve(world, { buyerId, sellerId })
    world.lots.late.push(second.purchaseId)
    const orders = [first, second].map(({ id }) => ({ orderId: id, total: '18.50' }))
    t.match(await claimFor(world, randomUUID(), orders, buyerId), {
      statusCode: 409,
      body: { details: { orderId: second.id, reason: 'reservation_over' } },
    })
    t.strictSame(world.lots.asked, [first.purchaseId])
    await world.letTimePass(600_000)
    await world.runTimers()
    t.match(await ordersOf(world, first), [{ state: 'pending_payment', reservedUntil: null }])
    t.match(await world.order(first.id), { claimedBy: null })
    t.match(await world.order(second.id), { state: 'cancelled' })
  },
)

t.test(
  'an order that ended with its reservation is owed after all when its lot was sold',
  async (t) => {
    const world = await createWorld(t)
    const { id, purchase } = await reserve(world)
    await world.letTimePass(600_000)
    await world.runTimers()
    t.match(await world.order(id), { state: 'cancelled' })
    await world.consume([boughtEvent(purchase), boughtEvent(purchase)])
    const [order, ...others] = await ordersOf(world, purchase)
    t.strictSame(others, [])
    t.match(order, { id, state: 'pending_payment', reservedUntil: null, cancelReason: null })
    t.ok((order?.dueAt.getTime() ?? 0) > Date.now())
    t.match(await world.published('order.reopened'), [{ payload: { orderId: id } }])
    await world.runTimers()
    t.match(await world.order(id), { state: 'pending_payment' })
  },
)

t.test('a seller ends no reservation alone, and both together do', async (t) => {
  const world = await createWorld(t)
  const { id, buyerId, sellerId } = await reserve(world)
  const url = `/api/v1/orders/${id}`
  t.match(await callAs(world, sellerId, 'POST', `${url}/cancellation`), {
    statusCode: 409,
    body: { code: 'order.reserved' },
  })
  const { body } = await callAs(world, sellerId, 'GET', url)
  t.notOk((body.actions as string[]).includes('cancel'))
  await callAs(world, sellerId, 'PUT', `${url}/cancellation-request`)
  t.match(await callAs(world, buyerId, 'PUT', `${url}/cancellation-request`), {
    body: { isCancelled: true },
  })
  const { id: other } = await reserve(world, { buyerId, sellerId })
  await claimFor(world, randomUUID(), [{ orderId: other, total: '18.50' }], buyerId)
  t.match(await callAs(world, sellerId, 'POST', `/api/v1/orders/${other}/cancellation`), {
    body: { code: 'order.being_paid' },
  })
})

t.test('of the claim and the end of a reservation at once one counts, 200 times', async (t) => {
  const world = await createWorld(t)
  const counts = new Map<string, number>()
  for (let round = 0; round < 200; round += 1) {
    const { id, buyerId } = await reserve(world)
    await world.letTimePass(600_000)
    const paymentId = randomUUID()
    const claim = () => claimFor(world, paymentId, [{ orderId: id, total: '18.50' }], buyerId)
    const timers = () => world.runTimers()
    const [first, second] = round % 2 === 0 ? [claim, timers] : [timers, claim]
    // One of them may be quicker on every machine. So the other starts up to nine statements earlier.
    const later = async () => {
      const head = Math.floor(round / 2) % 10
      for (let sent = 0; sent < head; sent += 1) await sql`select 1`.execute(world.db)
      return second()
    }
    const answers = await Promise.all<unknown>([first(), later()])
    const { statusCode } = answers[round % 2] as { statusCode: number }
    const { state, claimedBy } = await world.order(id)
    if (statusCode === 204) t.strictSame([state, claimedBy], ['pending_payment', paymentId])
    else t.strictSame([statusCode, state, claimedBy], [409, 'cancelled', null])
    counts.set(state, (counts.get(state) ?? 0) + 1)
  }
  t.equal(counts.size, 2, `each is first at times: ${JSON.stringify([...counts])}`)
})
