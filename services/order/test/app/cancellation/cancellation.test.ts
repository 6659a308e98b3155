import { randomUUID } from 'node:crypto'
import { itemRemoved, itemRestored } from '@auction/common/contracts/auction.ts'
import { createEvent } from '@auction/common/contracts/event.ts'
import { paymentSucceeded } from '@auction/common/contracts/payment.ts'
import { internalPaths } from '@auction/common/contracts/terms.ts'
import { ownTrace } from '@auction/common/telemetry/tracing.ts'
import t from 'tap'
import { insertTakeBack } from '#src/infra/postgres/cancellation/take-backs.ts'
import { callAs, claimFor, createWorld, DAY_MS, paymentEvent, type World } from '#test/helper.ts'

/** An order that its buyer did not pay. */
async function unpaidOrder(world: World, buyerId = randomUUID()) {
  const order = await world.win({ buyerId })
  for (let times = 0; times < 2; times += 1) {
    await world.letTimePass(5 * DAY_MS)
    await world.runTimers()
  }
  return order
}

t.test('both sides agree to a cancellation, and it is no strike', async (t) => {
  const world = await createWorld(t)
  const order = await world.win()
  const url = `/api/v1/orders/${order.id}/cancellation-request`
  const ask = (userId: string) => callAs(world, userId, 'PUT', url)
  t.strictSame((await ask(order.buyerId)).body, { isCancelled: false })
  t.strictSame((await ask(order.buyerId)).body, { isCancelled: false }, 'asking twice is no answer')
  const page = await callAs(world, order.sellerId, 'GET', `/api/v1/orders/${order.id}`)
  t.equal(page.body.cancellationAskedBy, 'buyer')
  t.equal((await callAs(world, order.sellerId, 'DELETE', url)).statusCode, 204)
  t.strictSame((await ask(order.sellerId)).body, { isCancelled: false }, 'it was refused before')
  t.strictSame((await ask(order.buyerId)).body, { isCancelled: true })
  t.strictSame((await ask(order.sellerId)).body, { isCancelled: true }, 'again is the same')
  const { itemId, buyerId, sellerId } = order
  t.strictSame(
    (await world.published('order.cancelled')).map(({ payload }) => payload),
    [
      {
        orderId: order.id,
        itemId,
        buyerId,
        sellerId,
        sequence: 2,
        round: 1,
        unit: 1,
        reason: 'mutual',
        strike: false,
        total: '18.50',
        currencyCode: 'USD',
      },
    ],
  )
  t.equal((await world.published('strike')).length, 0)
})

t.test('a seller cancels what is not paid; a buyer and a paid order are refused', async (t) => {
  const world = await createWorld(t)
  const order = await world.win()
  const url = `/api/v1/orders/${order.id}/cancellation`
  t.match(await callAs(world, order.buyerId, 'POST', url), { statusCode: 403 })
  const paymentId = randomUUID()
  await claimFor(world, paymentId, [{ orderId: order.id, total: '18.50' }], order.buyerId)
  t.match(await callAs(world, order.sellerId, 'POST', url), {
    statusCode: 409,
    body: { code: 'order.being_paid' },
  })
  await world.consume([paymentEvent(paymentSucceeded, paymentId, order)])
  t.match(await callAs(world, order.sellerId, 'POST', url), {
    statusCode: 409,
    body: { code: 'order.wrong_state' },
  })
  const other = await world.win()
  const cancel = () =>
    callAs(world, other.sellerId, 'POST', `/api/v1/orders/${other.id}/cancellation`)
  t.equal((await cancel()).statusCode, 204)
  t.equal((await cancel()).statusCode, 204)
  t.match((await world.published('order.cancelled'))[0]?.payload, {
    reason: 'seller',
    strike: false,
  })
  t.equal((await world.published('order.cancelled')).length, 1)
})

t.test('a buyer whom the seller takes back redeems the strike by paying', async (t) => {
  const world = await createWorld(t)
  const order = await unpaidOrder(world)
  const pay = (paymentId: string) =>
    claimFor(world, paymentId, [{ orderId: order.id, total: '18.50' }], order.buyerId)
  const paymentId = randomUUID()
  t.match(await pay(paymentId), { body: { code: 'order.not_payable' } }, 'not without the seller')
  const reopen = (userId: string) =>
    callAs(world, userId, 'POST', `/api/v1/orders/${order.id}/reopening`)
  t.equal((await reopen(order.buyerId)).statusCode, 403)
  t.equal((await reopen(order.sellerId)).statusCode, 204)
  t.equal((await world.order(order.id)).state, 'pending_payment')
  t.equal((await pay(paymentId)).statusCode, 204)
  await world.consume([paymentEvent(paymentSucceeded, paymentId, order)])
  t.strictSame(
    (await world.published('strike')).map(({ key, payload }) => [key, payload.count]),
    [
      ['order.strike.recorded.v1', 1],
      ['order.strike.redeemed.v1', 0],
    ],
  )
})

t.test('who is taken back and does not pay again has one strike, not two', async (t) => {
  const world = await createWorld(t)
  const order = await unpaidOrder(world)
  await callAs(world, order.sellerId, 'POST', `/api/v1/orders/${order.id}/reopening`)
  for (let times = 0; times < 2; times += 1) {
    await world.letTimePass(3 * DAY_MS)
    await world.runTimers()
  }
  t.equal((await world.order(order.id)).state, 'cancelled')
  t.equal((await world.published('order.cancelled')).length, 2)
  t.equal((await world.published('strike.recorded')).length, 1)
})

t.test('after 30 days, or when the item has another buyer, nothing is reopened', async (t) => {
  const world = await createWorld(t)
  const order = await unpaidOrder(world)
  const reopen = () => callAs(world, order.sellerId, 'POST', `/api/v1/orders/${order.id}/reopening`)
  const { itemId, sellerId } = order
  const next = await world.win({ itemId, sellerId })
  t.match(await reopen(), { statusCode: 409, body: { code: 'order.unit_sold' } })
  await callAs(world, sellerId, 'POST', `/api/v1/orders/${next.id}/cancellation`)
  await world.letTimePass(30 * DAY_MS)
  t.match(await reopen(), { statusCode: 409, body: { code: 'order.reopen_too_late' } })
})

t.test('an order is reopened only when bid gives the unit back', async (t) => {
  const world = await createWorld(t)
  const order = await unpaidOrder(world)
  const { id, sellerId, buyerId } = order
  const reopen = () => callAs(world, sellerId, 'POST', `/api/v1/orders/${id}/reopening`)
  world.lots.taken.push(id)
  t.match(await reopen(), { statusCode: 409, body: { code: 'order.unit_sold' } })
  world.lots.taken.length = 0
  world.lots.mode = 'lost'
  t.match(await reopen(), { statusCode: 503 })
  t.equal((await world.order(id)).state, 'cancelled')
  world.lots.mode = 'sold'
  t.match(await reopen(), { statusCode: 204 })
  const { sequence } = await world.order(id)
  t.strictSame(
    world.lots.takenBack,
    [1, 2].map(() => ({ orderId: id, buyerId, round: 1, unit: 1, sequence })),
    'asked for the number that the reopening got',
  )
  t.match(await reopen(), { statusCode: 409 })
  t.equal(world.lots.takenBack.length, 2, 'bid is not asked for what cannot be')
})

/** A moderator hides the item of an order, or shows it again. */
const hidingEvent = (
  contract: typeof itemRemoved,
  { itemId: id, sellerId }: { itemId: string; sellerId: string },
  sequence: number,
) =>
  createEvent(
    contract,
    { aggregateId: id, sequence, trace: ownTrace('test') },
    { id, sellerId, reason: 'stolen' },
  )

const roundTrips = async ({ database }: World, count: number) => {
  for (let sent = 0; sent < count; sent += 1) await database.pool.query('select 1')
}

/** What is left to give up, and the numbers that bid was asked to free. */
async function takeBacks(world: World) {
  const { rows } = await world.database.pool.query('select order_id from take_backs')
  return { left: rows.length, undone: world.lots.undone.map(({ sequence }) => sequence) }
}

t.test('a unit that was taken back is given up where no reopening follows', async (t) => {
  const world = await createWorld(t)
  const order = await unpaidOrder(world)
  const { id, sellerId } = order
  const { sequence } = await world.order(id)
  const reopen = () => callAs(world, sellerId, 'POST', `/api/v1/orders/${id}/reopening`)
  const shown = async () =>
    (await callAs(world, sellerId, 'GET', `/api/v1/orders/${id}`)).body.timeline
  const before = await shown()
  const { rows: cancelled } = await world.database.pool.query('select changed_at from orders')
  // The item is removed while bid is asked.
  world.lots.onTakenBack = () => world.consume([hidingEvent(itemRemoved, order, 5)])
  t.match(await reopen(), { statusCode: 409, body: { code: 'order.item_removed' } })
  world.lots.onTakenBack = undefined
  t.equal(await world.giveUp(false), 0, 'a request may still be at it')
  t.equal(await world.giveUp(), 1)
  t.strictSame(await takeBacks(world), { left: 0, undone: [sequence + 1] })
  t.equal(await world.giveUp(), 0)
  t.match(await world.order(id), { state: 'cancelled', sequence: sequence + 1 })
  t.strictSame(await shown(), before, 'it is nothing to its people')
  t.strictSame(
    (await world.database.pool.query('select changed_at from orders')).rows,
    cancelled,
    'nor is the time to reopen it longer',
  )
  await world.consume([hidingEvent(itemRestored, order, 6)])
  t.match(await reopen(), { statusCode: 204 })
  t.equal(world.lots.takenBack.at(-1)?.sequence, sequence + 2, 'with the number that is left')
  t.strictSame(await takeBacks(world), { left: 0, undone: [sequence + 1] })
})

t.test('killed between any two lines, a unit is the order that is open or is free', async (t) => {
  const world = await createWorld(t)
  const reopen = ({ id, sellerId }: { id: string; sellerId: string }) =>
    callAs(world, sellerId, 'POST', `/api/v1/orders/${id}/reopening`)
  const undoneOf = (id: string) => world.lots.undone.filter(({ orderId }) => orderId === id).length
  // After the intent was committed, before bid was asked.
  const early = await unpaidOrder(world)
  const { sequence } = await world.order(early.id)
  const intent = { orderId: early.id, sequence: sequence + 1 }
  await world.db.transaction().execute((tx) => insertTakeBack(tx, intent))
  t.equal(await world.giveUp(), 1)
  t.equal(undoneOf(early.id), 1)
  // The call was on its way, and comes after its undo.
  const path = internalPaths.orderReopening(early.itemId, early.id)
  const late = await world.bid.request<{ code: string }>('PUT', path, {
    buyerId: early.buyerId,
    round: 1,
    unit: 1,
    sequence: sequence + 1,
  })
  t.match(late, { statusCode: 409, body: { code: 'lot.take_back_outdated' } })
  // After bid has answered.
  const cutOff = await unpaidOrder(world)
  world.lots.mode = 'lost'
  t.match(await reopen(cutOff), { statusCode: 503 })
  t.match(await reopen(cutOff), { statusCode: 503 }, 'one number, one intent')
  t.strictSame((await takeBacks(world)).left, 1)
  // While the worker gives it up: before bid was asked, and before its answer was recorded.
  await t.rejects(world.giveUp())
  t.equal(undoneOf(cutOff.id), 1)
  t.strictSame((await takeBacks(world)).left, 1)
  world.lots.mode = 'sold'
  t.match(
    await reopen(cutOff),
    { statusCode: 204 },
    'with the next number, before the former is over',
  )
  t.equal(await world.giveUp(), 1)
  t.equal(undoneOf(cutOff.id), 1, 'bid knows something newer')
  t.equal((await world.order(cutOff.id)).state, 'pending_payment')
  t.strictSame((await takeBacks(world)).left, 0)
})

t.test('an order that a former version reopened keeps its unit', async (t) => {
  const world = await createWorld(t)
  const { id, sellerId } = await unpaidOrder(world)
  const { sequence } = await world.order(id)
  t.match(await callAs(world, sellerId, 'POST', `/api/v1/orders/${id}/reopening`), {
    statusCode: 204,
  })
  // That version knows no intents: the one of a request that was cut off before is still there.
  const intent = { orderId: id, sequence: sequence + 1 }
  await world.db.transaction().execute((tx) => insertTakeBack(tx, intent))
  t.equal(await world.giveUp(), 0)
  t.strictSame(await takeBacks(world), { left: 0, undone: [] })
  t.match(await world.order(id), { state: 'pending_payment', sequence: sequence + 1 })
})

t.test('of a reopening and the end of its number exactly one counts', async (t) => {
  const world = await createWorld(t)
  const first = { reopened: 0, givenUp: 0 }
  for (let round = 0; round < 200; round += 1) {
    const order = await unpaidOrder(world)
    const { sequence } = await world.order(order.id)
    // The worker believes the request dead; it comes in between, in every place of the two statements that follow.
    let worker: Promise<number> | undefined
    world.lots.onTakenBack = async () => {
      worker = roundTrips(world, round % 12).then(() => world.giveUp())
      if (round % 3 === 0) await worker
      else if (round % 3 === 1) await roundTrips(world, (round % 7) * 2)
    }
    const url = `/api/v1/orders/${order.id}/reopening`
    const { statusCode } = await callAs(world, order.sellerId, 'POST', url)
    await worker
    world.lots.onTakenBack = undefined
    await world.giveUp()
    const undone = world.lots.undone.filter(({ orderId }) => orderId === order.id)
    if (statusCode === 204) {
      first.reopened += 1
      t.match(await world.order(order.id), { state: 'pending_payment', sequence: sequence + 1 })
      t.strictSame(undone, [], `round ${round}`)
    } else {
      first.givenUp += 1
      t.equal(statusCode, 503)
      t.match(await world.order(order.id), { state: 'cancelled', sequence: sequence + 1 })
      t.match(undone, [{ sequence: sequence + 1 }], `round ${round}`)
    }
  }
  t.strictSame((await takeBacks(world)).left, 0)
  t.ok(first.reopened > 0 && first.givenUp > 0, `each is first at times: ${JSON.stringify(first)}`)
})

t.test(
  'an order that comes back unpaid brings no second strike, and its buyer sees which',
  async (t) => {
    const world = await createWorld(t)
    const order = await unpaidOrder(world)
    const page = async (userId: string) =>
      (await callAs(world, userId, 'GET', `/api/v1/orders/${order.id}`)).body
    t.equal((await page(order.buyerId)).strike, 'counted')
    t.notOk((await page(order.sellerId)).strike)
    await callAs(world, order.sellerId, 'POST', `/api/v1/orders/${order.id}/reopening`)
    for (let times = 0; times < 2; times += 1) {
      await world.letTimePass(3 * DAY_MS)
      await world.runTimers()
    }
    t.strictSame(
      (await world.published('order.cancelled')).map(({ payload }) => payload.strike),
      [true, false],
    )
    await callAs(world, order.sellerId, 'POST', `/api/v1/orders/${order.id}/reopening`)
    const paymentId = randomUUID()
    await claimFor(world, paymentId, [{ orderId: order.id, total: '18.50' }], order.buyerId)
    await world.consume([paymentEvent(paymentSucceeded, paymentId, order)])
    t.equal((await page(order.buyerId)).strike, 'redeemed')
  },
)

t.test('what one side asked ends with what becomes of the order', async (t) => {
  const world = await createWorld(t)
  const order = await world.win()
  const url = `/api/v1/orders/${order.id}/cancellation-request`
  await callAs(world, order.buyerId, 'PUT', url)
  for (let times = 0; times < 2; times += 1) {
    await world.letTimePass(5 * DAY_MS)
    await world.runTimers()
  }
  t.equal((await world.order(order.id)).state, 'cancelled')
  await callAs(world, order.sellerId, 'POST', `/api/v1/orders/${order.id}/reopening`)
  t.strictSame(
    (await callAs(world, order.sellerId, 'PUT', url)).body,
    { isCancelled: false },
    'the buyer asked before, and wants it now',
  )
  const paymentId = randomUUID()
  await claimFor(world, paymentId, [{ orderId: order.id, total: '18.50' }], order.buyerId)
  await world.consume([paymentEvent(paymentSucceeded, paymentId, order)])
  const page = await callAs(world, order.buyerId, 'GET', `/api/v1/orders/${order.id}`)
  t.notOk(page.body.cancellationAskedBy, 'it is paid')
})

t.test('paying one of many strikes ends only what that strike added', async (t) => {
  const world = await createWorld(t)
  const buyerId = randomUUID()
  const orders: Awaited<ReturnType<typeof unpaidOrder>>[] = []
  for (let count = 0; count < 4; count += 1) orders.push(await unpaidOrder(world, buyerId))
  const untilOf = async (word: string) =>
    (await world.published(word)).map(({ payload }) => payload.suspendedUntil)
  const [, , third] = await untilOf('strike.recorded')
  t.ok(third)
  const [, , , last] = orders
  if (last === undefined) throw new Error('there are four orders')
  await callAs(world, last.sellerId, 'POST', `/api/v1/orders/${last.id}/reopening`)
  const paymentId = randomUUID()
  await claimFor(world, paymentId, [{ orderId: last.id, total: '18.50' }], buyerId)
  await world.consume([paymentEvent(paymentSucceeded, paymentId, last)])
  const [redemption] = await world.published('strike.redeemed')
  t.match(redemption?.payload, { count: 3, isLimitReached: true })
  // Ten days passed meanwhile, by moving what is stored.
  const ended = new Date(String(third)).getTime() - 10 * DAY_MS
  const shown = new Date(String(redemption?.payload.suspendedUntil)).getTime()
  t.equal(shown, ended, 'the third strike still suspends, until its own end')
})
