import { randomUUID } from 'node:crypto'
import { createDatabase } from '@auction/common/postgres/database.ts'
import t from 'tap'
import type { Database } from '#src/infra/postgres/schema.ts'
import { callAs, claimFor, createWorld, DAY_MS, type World } from '#test/helper.ts'

const ROUNDS = 200

/** An order that is overdue. */
async function overdueOrder(world: World) {
  const order = await world.win()
  const { pool } = world.database
  await pool.query(
    `update orders set won_at = won_at - interval '4 days', due_at = due_at - interval '4 days',
       cancel_at = cancel_at - interval '4 days' where id = $1`,
    [order.id],
  )
  await pool.query(`update timers set due_at = due_at - interval '4 days' where order_id = $1`, [
    order.id,
  ])
  await world.runTimers()
  const { state } = await world.order(order.id)
  if (state !== 'overdue') throw new Error(`the order is ${state}`)
  return order
}

t.test('a claim against the cancellation by time: one of the two, in both orders', async (t) => {
  const world = await createWorld(t)
  const worker = createDatabase<Database>(world.database.createPool(2))
  const won = { claim: 0, time: 0 }
  for (let round = 0; round < ROUNDS; round += 1) {
    const order = await overdueOrder(world)
    // The cancel timer is due now; who comes first is left to the two of them, with a head start in turn.
    await world.database.pool.query(
      `update timers set due_at = clock_timestamp() - interval '1 second' where order_id = $1`,
      [order.id],
    )
    const claim = () =>
      claimFor(world, randomUUID(), [{ orderId: order.id, total: '18.50' }], order.buyerId)
    const time = () => world.runTimers(worker)
    const [claimed] =
      round % 2 === 0
        ? await Promise.all([claim(), time()])
        : await Promise.all([time(), claim()]).then(([, one]) => [one])
    // A timer that found the order locked comes again.
    await world.runTimers(worker)
    const { state, claimedBy } = await world.order(order.id)
    if (claimed?.statusCode === 204) {
      won.claim += 1
      t.match({ state, claimedBy }, { state: 'overdue', claimedBy: String }, `round ${round}`)
    } else {
      won.time += 1
      t.match(claimed?.body, { code: 'order.not_payable', details: { state: 'cancelled' } })
      t.strictSame({ state, claimedBy }, { state: 'cancelled', claimedBy: null }, `round ${round}`)
    }
  }
  t.equal((await world.published('order.cancelled')).length, won.time)
  t.equal((await world.published('order.strike.recorded')).length, won.time)
  t.comment(won)
})

t.test('the claim and the cancellation by time, each committed first', async (t) => {
  const world = await createWorld(t)
  const first = await overdueOrder(world)
  const claimed = await claimFor(
    world,
    randomUUID(),
    [{ orderId: first.id, total: '18.50' }],
    first.buyerId,
  )
  t.equal(claimed.statusCode, 204)
  await world.letTimePass(3 * DAY_MS)
  await world.runTimers()
  t.equal((await world.order(first.id)).state, 'overdue', 'the claim came first')

  const second = await overdueOrder(world)
  await world.letTimePass(3 * DAY_MS)
  await world.runTimers()
  t.equal((await world.order(second.id)).state, 'cancelled')
  const late = await claimFor(
    world,
    randomUUID(),
    [{ orderId: second.id, total: '18.50' }],
    second.buyerId,
  )
  t.match(late, { statusCode: 409, body: { code: 'order.not_payable' } }, 'time came first')
})

t.test('two payments that claim the same two orders: one gets both', async (t) => {
  const world = await createWorld(t)
  const people = { buyerId: randomUUID(), sellerId: randomUUID() }
  for (let round = 0; round < ROUNDS; round += 1) {
    const [one, two] = [await world.win(people), await world.win(people)]
    const orders = [one, two].map(({ id }) => ({ orderId: id, total: '18.50' }))
    const [left, right] = [randomUUID(), randomUUID()]
    const answers = await Promise.all([
      claimFor(world, left, orders, people.buyerId),
      claimFor(world, right, [...orders].reverse(), people.buyerId),
    ])
    t.strictSame(answers.map(({ statusCode }) => statusCode).sort(), [204, 409], `round ${round}`)
    const winner = answers[0]?.statusCode === 204 ? left : right
    for (const { id } of [one, two]) t.equal((await world.order(id)).claimedBy, winner)
  }
})

t.test('a claim against a cancellation by agreement: one of the two', async (t) => {
  const world = await createWorld(t)
  const won = { claim: 0, agreement: 0 }
  for (let round = 0; round < ROUNDS; round += 1) {
    const order = await world.win()
    const path = `/api/v1/orders/${order.id}/cancellation-request`
    await callAs(world, order.sellerId, 'PUT', path)
    const claim = () =>
      claimFor(world, randomUUID(), [{ orderId: order.id, total: '18.50' }], order.buyerId)
    const agree = () => callAs(world, order.buyerId, 'PUT', path)
    const [claimed, agreed] =
      round % 2 === 0
        ? await Promise.all([claim(), agree()])
        : await Promise.all([agree(), claim()]).then(([one, other]) => [other, one] as const)
    const { state, claimedBy } = await world.order(order.id)
    if (claimed.statusCode === 204) {
      won.claim += 1
      t.match(agreed, { statusCode: 409, body: { code: 'order.being_paid' } }, `round ${round}`)
      t.match({ state, claimedBy }, { state: 'pending_payment', claimedBy: String })
    } else {
      won.agreement += 1
      t.strictSame(agreed.body, { isCancelled: true }, `round ${round}`)
      t.match(claimed, { statusCode: 409, body: { code: 'order.not_payable' } })
      t.strictSame({ state, claimedBy }, { state: 'cancelled', claimedBy: null })
    }
  }
  t.equal((await world.published('order.strike')).length, 0, 'an agreement is no strike')
  t.comment(won)
})
