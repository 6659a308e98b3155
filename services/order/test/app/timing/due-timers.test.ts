import { randomUUID } from 'node:crypto'
import { paymentFailed } from '@auction/common/contracts/payment.ts'
import { createDatabase } from '@auction/common/postgres/database.ts'
import t from 'tap'
import type { Database } from '#src/infra/postgres/schema.ts'
import { claimFor, createWorld, DAY_MS, HOUR_MS, paymentEvent, type World } from '#test/helper.ts'

const keys = async (world: World) =>
  (await world.published()).map(({ key, payload }) =>
    payload.n === undefined ? key : `${key} ${payload.n}`,
  )

t.test('a buyer is reminded after 24, 48 and 72 hours, is overdue and is cancelled', async (t) => {
  const world = await createWorld(t)
  const order = await world.win()
  const states: string[] = []
  for (let hour = 0; hour < 150; hour += 6) {
    await world.runTimers()
    const { state } = await world.order(order.id)
    if (states.at(-1) !== state) states.push(state)
    await world.letTimePass(6 * HOUR_MS)
  }
  t.strictSame(states, ['pending_payment', 'overdue', 'cancelled'])
  t.strictSame(await keys(world), [
    'order.created.v1',
    'order.reminder.v1 1',
    'order.reminder.v1 2',
    'order.reminder.v1 3',
    'order.overdue.v1',
    'order.cancelled.v1',
    'order.strike.recorded.v1',
  ])
  const sequences = (await world.published())
    .filter(({ payload }) => payload.orderId === order.id && payload.count === undefined)
    .map(({ sequence }) => sequence)
  t.strictSame(sequences, [1, 2, 3, 4, 5, 6], 'each change has the next number')
  const { rows } = await world.database.pool.query('select kind from timers')
  t.strictSame(rows, [{ kind: 'erase_address' }], 'nothing else is left to do')
})

t.test('after an outage of two days only the latest reminder is sent', async (t) => {
  const world = await createWorld(t)
  await world.win()
  await world.letTimePass(50 * HOUR_MS)
  await world.runTimers()
  await world.runTimers()
  t.strictSame(await keys(world), ['order.created.v1', 'order.reminder.v1 2'])
  await world.letTimePass(25 * HOUR_MS)
  await world.runTimers()
  t.equal((await keys(world)).at(-1), 'order.reminder.v1 3')
})

t.test('after an outage of five days the buyer is overdue and not reminded', async (t) => {
  const world = await createWorld(t)
  const order = await world.win()
  await world.letTimePass(5 * DAY_MS)
  await world.runTimers()
  t.equal((await world.order(order.id)).state, 'overdue')
  t.strictSame(await keys(world), ['order.created.v1', 'order.overdue.v1'])
})

t.test('time does nothing to an order that a payment has claimed', async (t) => {
  const world = await createWorld(t)
  const order = await world.win()
  const payment = randomUUID()
  await claimFor(world, payment, [{ orderId: order.id, total: '18.50' }], order.buyerId)
  await world.letTimePass(4 * DAY_MS)
  await world.runTimers()
  t.equal((await world.order(order.id)).state, 'pending_payment')
  await world.consume([paymentEvent(paymentFailed, payment, order)])
  await world.letTimePass(2 * 60_000)
  await world.runTimers()
  t.equal((await world.order(order.id)).state, 'overdue')
})

t.test('several workers that run the same timers do each thing once', async (t) => {
  const world = await createWorld(t)
  const orders = []
  for (let at = 0; at < 60; at += 1) orders.push(await world.win())
  const workers = Array.from({ length: 4 }, () =>
    createDatabase<Database>(world.database.createPool(1)),
  )
  await world.letTimePass(4 * DAY_MS)
  await Promise.all(workers.map((db) => world.runTimers(db)))
  await world.runTimers()
  t.equal((await world.published('order.overdue')).length, 60)
  await world.letTimePass(2 * DAY_MS)
  await Promise.all(workers.map((db) => world.runTimers(db)))
  await world.runTimers()
  t.equal((await world.published('order.cancelled')).length, 60)
  t.equal((await world.published('order.strike.recorded')).length, 60)
})

t.test('the third strike in twelve months asks for a suspension', async (t) => {
  const world = await createWorld(t)
  const buyerId = randomUUID()
  const strike = async () => {
    await world.win({ buyerId })
    await world.letTimePass(5 * DAY_MS)
    await world.runTimers()
    await world.letTimePass(2 * DAY_MS)
    await world.runTimers()
  }
  for (let times = 0; times < 2; times += 1) await strike()
  // The first two are forgotten after a year.
  await world.letTimePass(365 * DAY_MS)
  for (let times = 0; times < 3; times += 1) await strike()
  const recorded = await world.published('order.strike.recorded')
  t.strictSame(
    recorded.map(({ payload, sequence }) => [sequence, payload.count, payload.isLimitReached]),
    [
      [1, 1, false],
      [2, 2, false],
      [3, 1, false],
      [4, 2, false],
      [5, 3, true],
    ],
  )
  t.ok(recorded.at(-1)?.payload.suspendedUntil)
})
