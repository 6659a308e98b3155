import { randomUUID } from 'node:crypto'
import t from 'tap'
import { callAs, callAsService, createWorld } from '#test/helper.ts'

t.test('an order that is not over is an obligation of its buyer and its seller', async (t) => {
  const world = await createWorld(t)
  const order = await world.win()
  const owed = async (userId: string) =>
    (await callAsService(world, 'GET', `/internal/v1/users/${userId}/obligations`)).body.obligations
  for (const userId of [order.buyerId, order.sellerId])
    t.strictSame(await owed(userId), [{ kind: 'ordering', count: 1 }])
  t.strictSame(await owed(randomUUID()), [])
  await callAs(world, order.sellerId, 'POST', `/api/v1/orders/${order.id}/cancellation`)
  t.strictSame(await owed(order.buyerId), [])
})
