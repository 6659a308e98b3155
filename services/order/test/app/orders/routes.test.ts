import { randomUUID } from 'node:crypto'
import t from 'tap'
import { callAs, createWorld, DAY_MS, paidOrder } from '#test/helper.ts'

t.test('buyers and sellers list their orders by state, with counts', async (t) => {
  const world = await createWorld(t)
  const [ann, sue] = [randomUUID(), randomUUID()]
  const orders = []
  for (let at = 0; at < 5; at += 1) orders.push(await world.win({ buyerId: ann, sellerId: sue }))
  await world.win()
  const ids = orders.map(({ id }) => id).reverse()

  const all = await callAs(world, ann, 'GET', '/api/v1/orders')
  t.equal(all.statusCode, 200)
  t.strictSame(
    all.body.orders.map(({ id }: { id: string }) => id),
    ids,
  )
  t.strictSame(all.body.counts, [{ state: 'pending_payment', count: 5 }])
  t.equal(all.body.orders[0].role, 'buyer')

  const first = await callAs(world, sue, 'GET', '/api/v1/orders?role=seller&limit=3')
  t.equal(first.body.orders[0].role, 'seller')
  const { nextCursor } = first.body
  const rest = await callAs(
    world,
    sue,
    'GET',
    `/api/v1/orders?role=seller&limit=3&cursor=${nextCursor}`,
  )
  t.strictSame(
    [...first.body.orders, ...rest.body.orders].map(({ id }: { id: string }) => id),
    ids,
  )
  t.notOk(rest.body.nextCursor)

  await world.letTimePass(4 * DAY_MS)
  await world.runTimers()
  const overdue = await callAs(world, ann, 'GET', '/api/v1/orders?state=overdue&limit=100')
  t.equal(overdue.body.orders.length, 5)
  t.strictSame(overdue.body.counts, [{ state: 'overdue', count: 5 }])
  t.strictSame((await callAs(world, ann, 'GET', '/api/v1/orders?role=seller')).body, {
    orders: [],
    counts: [],
  })
})

t.test(
  'an order is shown to its buyer, its seller and moderators, and exists for no other',
  async (t) => {
    const world = await createWorld(t)
    const order = await world.win()
    const url = `/api/v1/orders/${order.id}`
    const page = await callAs(world, order.buyerId, 'GET', url)
    t.equal(page.statusCode, 200)
    t.match(page.body, {
      id: order.id,
      role: 'buyer',
      state: 'pending_payment',
      total: '18.50',
      refundedTotal: '0.00',
      isBeingPaid: false,
      timeline: [{ sequence: 1, act: 'create', state: 'pending_payment', by: 'platform' }],
    })
    t.equal((await callAs(world, order.sellerId, 'GET', url)).body.role, 'seller')
    const claims = { roles: ['user', 'moderator'] }
    t.equal(
      (await callAs(world, randomUUID(), 'GET', url, undefined, claims)).body.role,
      'moderator',
    )
    const stranger = await callAs(world, randomUUID(), 'GET', url)
    t.match(stranger, { statusCode: 404, body: { code: 'order.not_found' } })
    const nothing = await callAs(world, order.buyerId, 'GET', `/api/v1/orders/${randomUUID()}`)
    t.match(nothing, { statusCode: 404, body: { code: 'order.not_found' } })
    t.equal((await world.app.inject(url)).statusCode, 401)
  },
)

t.test('an order that was paid names its payment', async (t) => {
  const world = await createWorld(t)
  const [unpaid, paid] = [await world.win(), await paidOrder(world)]
  const paymentOf = async ({ id, sellerId }: { id: string; sellerId: string }) =>
    (await callAs(world, sellerId, 'GET', `/api/v1/orders/${id}`)).body.paymentId
  t.equal(await paymentOf(unpaid), undefined)
  t.equal(await paymentOf(paid), paid.paymentId)
})
