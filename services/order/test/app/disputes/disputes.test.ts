import { randomUUID } from 'node:crypto'
import t from 'tap'
import { readOrderCounts } from '#src/infra/postgres/metrics/order-counts.ts'
import {
  callAs,
  chargebackEvent,
  createWorld,
  DAY_MS,
  refundEvent,
  shippedOrder,
  type World,
} from '#test/helper.ts'

const MODERATOR = { roles: ['user', 'moderator'] }

/** An order that was shipped and has not arrived, as its buyer says. */
async function disputedOrder(world: World) {
  const order = await shippedOrder(world)
  const url = `/api/v1/orders/${order.id}`
  const opened = await callAs(world, order.buyerId, 'POST', `${url}/dispute`, {
    reason: 'not_arrived',
    message: 'Nothing came.',
  })
  return { ...order, url, opened, moderatorId: randomUUID() }
}

const decide = (
  world: World,
  { url, moderatorId }: { url: string; moderatorId: string },
  body: object,
) =>
  callAs(
    world,
    moderatorId,
    'POST',
    `${url}/dispute/resolution`,
    { message: 'Decided.', ...body },
    MODERATOR,
  )

t.test('while buyer and seller do not agree, time stops', async (t) => {
  const world = await createWorld(t)
  const order = await disputedOrder(world)
  t.equal(order.opened.statusCode, 204)
  await world.letTimePass(60 * DAY_MS)
  await world.runTimers()
  t.equal((await world.order(order.id)).state, 'disputed')
  t.match((await world.published('order.disputed'))[0]?.payload, {
    by: order.buyerId,
    reason: 'not_arrived',
  })
  t.equal(
    (await callAs(world, order.buyerId, 'POST', `${order.url}/dispute/withdrawal`)).statusCode,
    204,
  )
  t.equal((await world.order(order.id)).state, 'shipped')
  await world.letTimePass(14 * DAY_MS)
  await world.runTimers()
  t.equal((await world.order(order.id)).state, 'delivered', 'its days go on')
})

t.test('both sides and moderators write, others see nothing', async (t) => {
  const world = await createWorld(t)
  const order = await disputedOrder(world)
  const write = (userId: string, message: string, claims = {}) =>
    callAs(world, userId, 'POST', `${order.url}/dispute/messages`, { message }, claims)
  t.equal((await write(order.sellerId, 'It was sent.')).statusCode, 204)
  t.equal((await write(order.moderatorId, 'Please show the receipt.', MODERATOR)).statusCode, 204)
  t.equal((await write(randomUUID(), 'Hello?')).statusCode, 404)
  t.match(await write(order.buyerId, ' \u200b '), {
    statusCode: 422,
    body: { code: 'order.invalid_message' },
  })
  const { body } = await callAs(world, order.buyerId, 'GET', `${order.url}/dispute`)
  t.strictSame(
    body.messages.map(({ author, content }: Record<string, string>) => [author, content]),
    [
      ['buyer', 'Nothing came.'],
      ['seller', 'It was sent.'],
      ['moderator', 'Please show the receipt.'],
    ],
  )
  t.equal((await callAs(world, randomUUID(), 'GET', `${order.url}/dispute`)).statusCode, 404)
})

t.test('a moderator decides after an answer or its deadline, and the money follows', async (t) => {
  const world = await createWorld(t)
  const order = await disputedOrder(world)
  t.match(await decide(world, order, { resolution: 'buyer' }), {
    statusCode: 409,
    body: { code: 'order.dispute_answer_open' },
  })
  await world.letTimePass(5 * DAY_MS)
  for (const refundAmount of ['18.51', '0.00', '1.005'])
    t.match(await decide(world, order, { resolution: 'buyer', refundAmount }), {
      statusCode: 422,
      body: { code: 'order.refund_invalid' },
    })
  t.equal(
    (await decide(world, order, { resolution: 'buyer', refundAmount: '5.00' })).statusCode,
    204,
  )
  t.equal((await world.order(order.id)).state, 'refund_pending')
  t.match((await world.published('order.resolved'))[0]?.payload, {
    resolution: 'buyer',
    refundAmount: '5.00',
  })
  await world.consume([refundEvent(order, '5.00')])
  t.equal((await world.order(order.id)).state, 'shipped', 'a part given back lets the order go on')
  t.match(await decide(world, order, { resolution: 'seller' }), { statusCode: 404 })
})

t.test('all of the money given back ends the order', async (t) => {
  const world = await createWorld(t)
  const order = await disputedOrder(world)
  await callAs(world, order.sellerId, 'POST', `${order.url}/dispute/messages`, {
    message: 'Sorry.',
  })
  t.equal((await decide(world, order, { resolution: 'buyer' })).statusCode, 204)
  t.match((await world.published('order.resolved'))[0]?.payload, { refundAmount: '18.50' })
  await world.consume([refundEvent(order, '18.50')])
  t.equal((await world.order(order.id)).state, 'refunded')
})

t.test('only moderators decide, and none about the own order', async (t) => {
  const world = await createWorld(t)
  const order = await disputedOrder(world)
  await world.letTimePass(6 * DAY_MS)
  const body = { resolution: 'seller', message: 'Mine.' }
  const path = `${order.url}/dispute/resolution`
  for (const claims of [{}, MODERATOR])
    t.match(await callAs(world, order.sellerId, 'POST', path, body, claims), {
      statusCode: 403,
      body: { code: 'order.forbidden' },
    })
  t.equal((await decide(world, order, { resolution: 'seller' })).statusCode, 204)
  t.equal((await world.order(order.id)).state, 'shipped')
})

t.test('moderators list open disputes, those whose answer is due first', async (t) => {
  const world = await createWorld(t)
  const first = await disputedOrder(world)
  const second = await disputedOrder(world)
  const list = (query = '') =>
    callAs(world, first.moderatorId, 'GET', `/api/v1/orders/disputes${query}`, undefined, MODERATOR)
  t.equal((await callAs(world, first.buyerId, 'GET', '/api/v1/orders/disputes')).statusCode, 403)
  const page = await list('?limit=1')
  t.equal(page.body.disputes[0].orderId, first.id)
  const next = await list(`?limit=1&cursor=${page.body.nextCursor}`)
  t.equal(next.body.disputes[0].orderId, second.id)
  t.notOk(next.body.nextCursor)
})

t.test('an unpaid or completed order is not disputed', async (t) => {
  const world = await createWorld(t)
  const order = await world.win()
  const dispute = { reason: 'other', message: 'No.' }
  t.match(
    await callAs(world, order.buyerId, 'POST', `/api/v1/orders/${order.id}/dispute`, dispute),
    {
      statusCode: 409,
      body: { code: 'order.wrong_state' },
    },
  )
})

t.test('a dispute stops the time that is left, and there is one for an order', async (t) => {
  const world = await createWorld(t)
  const order = await shippedOrder(world)
  const url = `/api/v1/orders/${order.id}`
  await callAs(world, order.buyerId, 'POST', `${url}/receipt`)
  await world.letTimePass(5 * DAY_MS)
  const body = { reason: 'damaged', message: 'A scratch.' }
  const open = () => callAs(world, order.buyerId, 'POST', `${url}/dispute`, body)
  t.equal((await open()).statusCode, 204)
  await world.letTimePass(20 * DAY_MS)
  await callAs(world, order.buyerId, 'POST', `${url}/dispute/withdrawal`)
  t.match(await open(), { statusCode: 409, body: { code: 'order.disputed_before' } })
  const { actions } = (await callAs(world, order.buyerId, 'GET', url)).body
  t.notMatch(actions, ['dispute'])
  await world.letTimePass(1.9 * DAY_MS)
  await world.runTimers()
  t.equal((await world.order(order.id)).state, 'delivered', 'two of the seven days were left')
  await world.letTimePass(0.2 * DAY_MS)
  await world.runTimers()
  t.equal((await world.order(order.id)).state, 'completed')
})

t.test('a smaller refund does not end the wait for the one that was decided', async (t) => {
  const world = await createWorld(t)
  const order = await disputedOrder(world)
  await world.letTimePass(5 * DAY_MS)
  await world.consume([refundEvent(order, '1.00')])
  t.equal(
    (await decide(world, order, { resolution: 'buyer', refundAmount: '10.00' })).statusCode,
    204,
  )
  const page = async () => (await callAs(world, order.buyerId, 'GET', order.url)).body
  await world.consume([refundEvent(order, '3.00')])
  t.match(await page(), { state: 'refund_pending', refundedTotal: '3.00', refundTarget: '11.00' })
  await world.consume([refundEvent(order, '11.00')])
  t.match(await page(), { state: 'shipped', refundedTotal: '11.00' })
  t.notOk((await page()).refundTarget)
})

t.test('a moderator does not decide for the buyer what the bank has, or took', async (t) => {
  const world = await createWorld(t)
  for (const phase of ['opened', 'lost'] as const) {
    const order = await disputedOrder(world)
    await world.letTimePass(5 * DAY_MS)
    await world.consume([chargebackEvent(order, phase, '9.00')])
    t.match(await decide(world, order, { resolution: 'buyer' }), {
      statusCode: 409,
      body: { code: 'order.chargeback' },
    })
    t.equal((await world.order(order.id)).state, 'disputed', phase)
    t.equal((await decide(world, order, { resolution: 'seller' })).statusCode, 204)
  }
  const won = await disputedOrder(world)
  await world.letTimePass(5 * DAY_MS)
  await world.consume([chargebackEvent(won, 'opened'), chargebackEvent(won, 'won')])
  t.equal((await decide(world, won, { resolution: 'buyer' })).statusCode, 204)
})

t.test('money that was all given back meanwhile closes the dispute', async (t) => {
  const world = await createWorld(t)
  const byRefund = await disputedOrder(world)
  const byBank = await disputedOrder(world)
  await world.consume([refundEvent(byRefund, '18.50')])
  await world.consume([chargebackEvent(byBank, 'opened'), chargebackEvent(byBank, 'lost')])
  for (const order of [byRefund, byBank]) {
    t.equal((await world.order(order.id)).state, 'refunded')
    const { body } = await callAs(world, order.buyerId, 'GET', `${order.url}/dispute`)
    t.match(body, { resolution: 'refunded', resolvedAt: String })
    t.match(
      await callAs(world, order.buyerId, 'POST', `${order.url}/dispute/messages`, {
        message: 'Thanks.',
      }),
      { statusCode: 404, body: { code: 'order.no_dispute' } },
    )
  }
  const list = await callAs(
    world,
    randomUUID(),
    'GET',
    '/api/v1/orders/disputes',
    undefined,
    MODERATOR,
  )
  t.strictSame(list.body.disputes, [])
})

t.test('no side takes the word from the other by writing without end', async (t) => {
  const world = await createWorld(t)
  const order = await disputedOrder(world)
  const write = (userId: string, claims = {}) =>
    callAs(world, userId, 'POST', `${order.url}/dispute/messages`, { message: 'And…' }, claims)
  // The one with which it was opened counts.
  for (let written = 1; written < 30; written += 1)
    t.equal((await write(order.buyerId)).statusCode, 204)
  t.match(await write(order.buyerId), {
    statusCode: 409,
    body: { code: 'order.too_many_own_messages' },
  })
  t.equal((await write(order.sellerId)).statusCode, 204, 'the other side answers')
  t.equal((await decide(world, order, { resolution: 'seller' })).statusCode, 204)
})

t.test('a moderator ends the wait for a refund that payment cannot give', async (t) => {
  const world = await createWorld(t)
  const settle = (
    { url }: { url: string },
    userId: string,
    outcome: string,
    claims: Record<string, unknown> = MODERATOR,
  ) =>
    callAs(
      world,
      userId,
      'POST',
      `${url}/refund-settlement`,
      { outcome, message: 'The bank sent it back.' },
      claims,
    )
  for (const [outcome, state] of [
    ['refunded', 'refunded'],
    ['resumed', 'shipped'],
  ] as const) {
    const order = await disputedOrder(world)
    t.match(await settle(order, order.moderatorId, outcome), {
      statusCode: 409,
      body: { code: 'order.refund_not_pending' },
    })
    await world.letTimePass(5 * DAY_MS)
    await decide(world, order, { resolution: 'buyer' })
    for (const userId of [order.buyerId, order.sellerId])
      t.match(await settle(order, userId, outcome), {
        statusCode: 403,
        body: { code: 'order.forbidden' },
      })
    t.equal((await settle(order, order.moderatorId, outcome, {})).statusCode, 403)
    await world.letTimePass(2 * DAY_MS)
    const { refundAgeSeconds } = await readOrderCounts(world.db)
    t.ok(refundAgeSeconds >= (2 * DAY_MS) / 1_000, 'the wait is measured')
    t.equal((await settle(order, order.moderatorId, outcome)).statusCode, 204)
    t.equal((await world.order(order.id)).state, state)
    t.match((await world.published('order.refund.settled')).at(-1)?.payload, {
      orderId: order.id,
      outcome,
    })
    t.equal((await readOrderCounts(world.db)).refundAgeSeconds, 0)
    const { messages } = (await callAs(world, order.buyerId, 'GET', `${order.url}/dispute`)).body
    t.match(messages.at(-1), { author: 'moderator', content: 'The bank sent it back.' })
  }
})
