import { randomUUID } from 'node:crypto'
import { ITEM_SUMMARIES_MAX } from '@auction/common/contracts/item-summaries.ts'
import { createInternalClient } from '@auction/common/http/internal-client.ts'
import { startAuction } from '@auction/common/testing/item-summaries.ts'
import t from 'tap'
import { nameNewOrders } from '#src/app/naming/name-items.ts'
import { describeOrders } from '#src/infra/postgres/items/item-names.ts'
import {
  callAs,
  callAsService,
  createWorld,
  type OrderRow,
  untilBlocked,
  type Win,
} from '#test/helper.ts'

async function setUp(t: Parameters<typeof createWorld>[0]) {
  const world = await createWorld(t)
  const auction = await startAuction(t, world.identity)
  const client = createInternalClient({
    service: 'order',
    target: 'auction',
    baseUrl: auction.url,
    secret: world.identity.internalSecret,
    timeoutMs: 60_000,
  })
  const put = ({ itemId, sellerId }: Win, categoryIds: string[]) =>
    auction.items.set(itemId, {
      id: itemId,
      sellerId,
      name: 'A lamp',
      currencyCode: 'USD',
      sequence: 3,
      categoryIds,
    })
  /** As payment learns them. */
  const categoriesOf = async ({ id, buyerId }: OrderRow & Win) => {
    const request = { orderIds: [id], buyerId }
    const { body } = await callAsService(world, 'POST', '/internal/v1/payables', request)
    return (body.orders as { categoryIds?: string[] }[])[0]?.categoryIds
  }
  return { world, auction, put, categoriesOf, name: () => nameNewOrders(world.db, client) }
}

t.test('an order has the categories of its own sale, and keeps them', async (t) => {
  const { world, auction, put, categoriesOf, name } = await setUp(t)
  const [lamps, gifts] = [[randomUUID()], [randomUUID()]]
  const first = await world.win()
  // Offered to the next in line a day later, and neither was described until then.
  const { itemId, sellerId } = first
  const wonAt = new Date(first.wonAt.getTime() + 86_400_000)
  const second = await world.win({ itemId, sellerId, round: 2, wonAt })
  put(first, gifts)
  await name()
  t.same([await categoriesOf(first), await categoriesOf(second)], [undefined, gifts])
  put(first, lamps)
  await name()
  t.same([await categoriesOf(first), await categoriesOf(second)], [lamps, gifts])
  const instants = [wonAt, first.wonAt].map((at) => [at.toISOString()])
  t.strictSame(auction.soldAt, instants, 'each is asked for as it was then')
  put(first, [randomUUID()])
  await name()
  t.same([await categoriesOf(first), await categoriesOf(second)], [lamps, gifts])
})

t.test('a version of auction before this names items, and categories wait', async (t) => {
  const { world, auction, put, categoriesOf, name } = await setUp(t)
  const order = await world.win()
  const [later, sold] = [[randomUUID()], [randomUUID()]]
  put(order, later)
  auction.mode = 'before'
  await name()
  const { body } = await callAs(world, order.buyerId, 'GET', `/api/v1/orders/${order.id}`)
  t.equal(body.itemName, 'A lamp')
  t.equal(await categoriesOf(order), undefined, 'those of now may not be those of the sale')
  auction.mode = 'up'
  put(order, sold)
  await name()
  t.same(await categoriesOf(order), sold)
})

t.test('orders without a name are named by it, however many wait for categories', async (t) => {
  const { world, auction, put, name } = await setUp(t)
  auction.mode = 'before'
  // The first one is behind as many as are asked for at once.
  const first = await world.win()
  put(first, [])
  for (let count = 0; count < ITEM_SUMMARIES_MAX; count += 1) put(await world.win(), [])
  await name()
  await name()
  const { rows } = await world.database.pool.query('select item_name from orders where id = $1', [
    first.id,
  ])
  t.strictSame(rows, [{ item_name: 'A lamp' }])
})

t.test('auction that refuses something else is not taken for the version before', async (t) => {
  const { world, auction, put, categoriesOf, name } = await setUp(t)
  const order = await world.win()
  put(order, [])
  auction.mode = 'refusing'
  await t.rejects(name(), { code: 'service.unavailable' })
  t.equal(auction.asked.length, 1, 'it is not asked by the old words')
  auction.mode = 'up'
  await name()
  t.same(await categoriesOf(order), [])
})

t.test('orders get the names of their items from auction, also after it was down', async (t) => {
  const { world, auction, categoriesOf, name } = await setUp(t)
  const order = await world.win()
  const unknown = await world.win()
  const { itemId, sellerId } = order
  auction.items.set(itemId, {
    id: itemId,
    sellerId,
    name: 'A lamp',
    currencyCode: 'USD',
    sequence: 3,
    categoryIds: [randomUUID(), randomUUID()],
  })
  const nameOf = async ({ id, buyerId }: typeof order) =>
    (await callAs(world, buyerId, 'GET', `/api/v1/orders/${id}`)).body.itemName

  auction.mode = 'down'
  await t.rejects(name(), { code: 'service.unavailable' })
  t.equal(await nameOf(order), undefined, 'the order is there without a name')
  auction.mode = 'up'
  await name()
  t.equal(await nameOf(order), 'A lamp')
  t.equal(await nameOf(unknown), undefined)
  const calls = auction.asked.length
  await name()
  t.equal(auction.asked.length, calls, 'what auction does not know is not asked again')
  const categoryIds = auction.items.get(itemId)?.categoryIds
  t.same(await categoriesOf(order), categoryIds, 'payment learns its categories')
  t.same(await categoriesOf(unknown), [])

  // An order that a version before this named.
  await world.database.pool.query('update orders set category_ids = null where id = $1', [order.id])
  t.equal(await categoriesOf(order), undefined)
  auction.items.set(itemId, {
    id: itemId,
    sellerId,
    name: 'A lamp',
    currencyCode: 'USD',
    sequence: 4,
  })
  await name()
  t.equal(await categoriesOf(order), undefined, 'a version of auction before this does not say')
  auction.items.set(itemId, {
    id: itemId,
    sellerId,
    name: 'Another name',
    currencyCode: 'USD',
    sequence: 5,
    categoryIds: [],
  })
  await name()
  t.same(await categoriesOf(order), [])
  t.equal(await nameOf(order), 'A lamp', 'the name stays')
})

t.test('names are stored while the orders are claimed, and neither waits for ever', async (t) => {
  const world = await createWorld(t)
  const people = { buyerId: randomUUID(), sellerId: randomUUID() }
  const [one, two] = [await world.win(people), await world.win(people)]
  const { pool } = world.database
  // The row of the first order is now behind that of the second, and a scan of both is the cheapest.
  await pool.query('update orders set reminders_sent = 1 where id = $1', [one.id])
  await pool.query('analyze orders')
  const client = await pool.connect()
  await client.query('begin')
  const lock = (id: string) =>
    client.query('select from orders where id = $1 for no key update', [id])
  await lock(one.id)
  const named = describeOrders(
    world.db,
    [two, one].map(({ id, itemId }) => ({ id, itemId, name: 'A lamp', categoryIds: [] })),
  )
  await untilBlocked(world)
  await lock(two.id)
  await client.query('commit')
  client.release()
  await named
  const { rows } = await pool.query('select distinct item_name from orders')
  t.strictSame(rows, [{ item_name: 'A lamp' }])
})
