import { createDatabase } from '@auction/common/postgres/database.ts'
import t from 'tap'
import { parsePremiums } from '#src/domain/premium.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import {
  acceptedEvent,
  createWorld,
  DAY_MS,
  HOUR_MS,
  newWin,
  SETTINGS,
  wonEvent,
} from '#test/helper.ts'

t.test('a lot that was sold makes an order that is due 96 hours after the win', async (t) => {
  const world = await createWorld(t)
  const order = await world.win()
  t.equal(order.state, 'pending_payment')
  t.equal(order.dueAt.getTime(), order.wonAt.getTime() + 4 * DAY_MS)
  t.equal(order.cancelAt.getTime(), order.wonAt.getTime() + 6 * DAY_MS)
  const { itemId, buyerId, sellerId } = order
  t.strictSame(await world.published(), [
    {
      key: 'order.created.v1',
      sequence: 1,
      payload: {
        orderId: order.id,
        itemId,
        buyerId,
        sellerId,
        sequence: 1,
        amount: '18.50',
        premium: '0.00',
        total: '18.50',
        currencyCode: 'USD',
        dueAt: order.dueAt.toISOString(),
        source: 'won',
      },
    },
  ])
})

t.test('the premium of the operator comes on top of the price', async (t) => {
  const premiums = parsePremiums('{"USD":[["0",2000]]}', 'P')
  const world = await createWorld(t, { ...SETTINGS, premiums })
  await world.win()
  const [created] = await world.published()
  t.match(created?.payload, { amount: '18.50', premium: '3.70', total: '22.20' })
})

t.test('bid.won that comes 8 times at once, 200 times, makes one order each time', async (t) => {
  const world = await createWorld(t)
  const workers = Array.from({ length: 8 }, () =>
    createDatabase<Database>(world.database.createPool(1)),
  )
  for (let round = 0; round < 200; round += 1) {
    // Several wins a batch, in other orders in each worker.
    const events = [wonEvent(newWin()), wonEvent(newWin())]
    await Promise.all(
      workers.map((db, index) =>
        world.consume(index % 2 === 0 ? events : [...events].reverse(), db),
      ),
    )
  }
  const { rows } = await world.database.pool.query(
    `select count(*)::int as orders, count(distinct item_id)::int as items,
       (select count(*)::int from order_changes) as changes, (select count(*)::int from timers) as timers
     from orders`,
  )
  t.strictSame(rows, [{ orders: 400, items: 400, changes: 400, timers: 800 }])
  t.equal((await world.published('order.created')).length, 400)
})

t.test(
  'an offer that was accepted makes one order at its price, however often it comes',
  async (t) => {
    const world = await createWorld(t)
    const win = newWin({ finalAmount: '45.00' })
    const event = acceptedEvent(win)
    await world.consume([event, event])
    await world.consume([event])
    const created = await world.published('order.created')
    t.match(created, [{ payload: { itemId: win.itemId, total: '45.00', source: 'offer' } }])
    t.equal(created.length, 1)
    // The buyer of the order that was cancelled before is another one.
    await world.win({ itemId: win.itemId, sellerId: win.sellerId })
    t.equal((await world.published('order.created')).length, 2)
  },
)

t.test('the same message in one batch twice makes one order', async (t) => {
  const world = await createWorld(t)
  const event = wonEvent(newWin())
  await world.consume([event, event])
  t.equal((await world.published()).length, 1)
})

t.test('bid.won that comes after the order was cancelled changes nothing', async (t) => {
  const world = await createWorld(t)
  const win = newWin()
  const order = await world.win(win)
  await world.letTimePass(4 * DAY_MS)
  await world.runTimers()
  await world.letTimePass(2 * DAY_MS)
  await world.runTimers()
  await world.consume([wonEvent(win)])
  t.match(await world.order(order.id), { state: 'cancelled' })
})

t.test('a buyer whose win was published late has a day at least', async (t) => {
  const world = await createWorld(t)
  const order = await world.win({ wonAt: new Date(Date.now() - 10 * DAY_MS) })
  const leftMs = order.dueAt.getTime() - Date.now()
  t.ok(leftMs > 23.9 * HOUR_MS && leftMs <= 24 * HOUR_MS, `${leftMs} ms are left`)
})
