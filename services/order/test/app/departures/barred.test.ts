import { randomUUID } from 'node:crypto'
import { itemRemoved, itemRestored } from '@auction/common/contracts/auction.ts'
import { createEvent } from '@auction/common/contracts/event.ts'
import { userReinstated, userSuspended } from '@auction/common/contracts/identity.ts'
import { paymentFailed } from '@auction/common/contracts/payment.ts'
import { ownTrace } from '@auction/common/telemetry/tracing.ts'
import t from 'tap'
import {
  callAs,
  claimFor,
  createWorld,
  DAY_MS,
  newWin,
  paidOrder,
  paymentEvent,
  untilBlocked,
  wonEvent,
} from '#test/helper.ts'

const restored = (id: string, sellerId: string, sequence: number) =>
  createEvent(
    itemRestored,
    { aggregateId: id, sequence, trace: ownTrace('test') },
    { id, sellerId, reason: 'sold' },
  )

const removed = (id: string, sellerId: string, sequence = 5) =>
  createEvent(
    itemRemoved,
    { aggregateId: id, sequence, trace: ownTrace('test') },
    { id, sellerId, reason: 'stolen' },
  )

const standing = (
  contract: typeof userSuspended | typeof userReinstated,
  userId: string,
  sequence: number,
) =>
  createEvent(
    contract as typeof userReinstated,
    { aggregateId: userId, sequence, trace: ownTrace('test') },
    { userId, reason: 'as a test' },
  )

t.test('an item that is removed takes its unpaid order with it, without a strike', async (t) => {
  const world = await createWorld(t)
  const order = await world.win()
  const paid = await paidOrder(world)
  await world.consume([removed(order.itemId, order.sellerId), removed(paid.itemId, paid.sellerId)])
  t.equal(await world.cancelBarred(), 1)
  t.equal(await world.cancelBarred(), 0)
  t.equal((await world.order(order.id)).state, 'cancelled')
  t.equal((await world.order(paid.id)).state, 'paid', 'what is paid is the parties’ affair')
  t.match((await world.published('order.cancelled'))[0]?.payload, {
    currencyCode: 'USD',
    total: /^[0-9]+\.[0-9]{2}$/,
    reason: 'removed',
    strike: false,
  })
})

t.test('an order that is made after its item was removed is cancelled as well', async (t) => {
  const world = await createWorld(t)
  const win = newWin()
  await world.consume([removed(win.itemId, win.sellerId)])
  await world.consume([wonEvent(win)])
  t.equal(await world.cancelBarred(), 1)
})

t.test(
  'orders of a suspended buyer are cancelled, whatever order the events come in',
  async (t) => {
    const world = await createWorld(t)
    const buyerId = randomUUID()
    await world.win({ buyerId })
    await world.consume([standing(userReinstated, buyerId, 8)])
    await world.consume([standing(userSuspended, buyerId, 7)])
    t.equal(await world.cancelBarred(), 0, 'the reinstatement is newer')
    await world.consume([standing(userSuspended, buyerId, 9)])
    t.equal(await world.cancelBarred(), 1)
    t.match((await world.published('order.cancelled'))[0]?.payload, {
      reason: 'suspended',
      strike: false,
    })
  },
)

t.test(
  'an order that a payment has claimed goes on; once it is let go it is cancelled',
  async (t) => {
    const world = await createWorld(t)
    const order = await world.win()
    const paymentId = randomUUID()
    await claimFor(world, paymentId, [{ orderId: order.id, total: '18.50' }], order.buyerId)
    await world.consume([removed(order.itemId, order.sellerId)])
    t.equal(await world.cancelBarred(), 0)
    await world.consume([paymentEvent(paymentFailed, paymentId, order)])
    t.equal(await world.cancelBarred(), 1)
  },
)

t.test('an item that comes back bars nothing any more, whatever event came first', async (t) => {
  const world = await createWorld(t)
  const { itemId, sellerId } = newWin()
  await world.consume([restored(itemId, sellerId, 6)])
  await world.consume([removed(itemId, sellerId, 5)])
  const order = await world.win({ itemId, sellerId })
  t.equal(await world.cancelBarred(), 0, 'it was removed before it came back')
  await world.consume([removed(itemId, sellerId, 7)])
  t.equal(await world.cancelBarred(), 1)
  t.equal((await world.order(order.id)).state, 'cancelled')
})

t.test('nothing is reopened for a buyer who may not buy, or of an item that is gone', async (t) => {
  const world = await createWorld(t)
  const order = await world.win()
  for (let times = 0; times < 2; times += 1) {
    await world.letTimePass(5 * DAY_MS)
    await world.runTimers()
  }
  const reopen = () => callAs(world, order.sellerId, 'POST', `/api/v1/orders/${order.id}/reopening`)
  await world.consume([standing(userSuspended, order.buyerId, 3)])
  t.match(await reopen(), { statusCode: 409, body: { code: 'order.buyer_barred' } })
  await world.consume([removed(order.itemId, order.sellerId, 5)])
  t.match(await reopen(), { statusCode: 409, body: { code: 'order.item_removed' } })
  await world.consume([restored(order.itemId, order.sellerId, 6)])
  await world.consume([standing(userReinstated, order.buyerId, 4)])
  t.equal((await reopen()).statusCode, 204)
  t.equal(await world.cancelBarred(), 0)
})

t.test('an order whose cancellation fails holds up no other', async (t) => {
  const world = await createWorld(t)
  const buyerId = randomUUID()
  const broken = await world.win({ buyerId })
  const sound = await world.win({ buyerId })
  await world.database.pool.query(`
    create function refuse_change() returns trigger language plpgsql as $$
    begin raise exception 'broken'; end $$;
    create trigger refuse before update on orders for each row
      when (old.id = '${broken.id}') execute function refuse_change()`)
  await world.consume([standing(userSuspended, buyerId, 9)])
  t.equal(await world.cancelBarred(), 1)
  t.equal((await world.order(sound.id)).state, 'cancelled')
  t.equal((await world.order(broken.id)).state, 'pending_payment')
})

t.test('a buyer who is back when the sweep comes to the order keeps it', async (t) => {
  const world = await createWorld(t)
  const order = await world.win()
  await world.consume([standing(userSuspended, order.buyerId, 3)])
  // The sweep finds the order and waits for its lock; meanwhile the buyer is reinstated.
  const client = await world.database.pool.connect()
  await client.query('begin')
  await client.query('select from orders where id = $1 for update', [order.id])
  const sweep = world.cancelBarred()
  await untilBlocked(world)
  await client.query(`update standings set standing = 'ok', sequence = 4`)
  await client.query('commit')
  client.release()
  t.equal(await sweep, 0)
  t.equal((await world.order(order.id)).state, 'pending_payment')
})
