import { createEvent } from '@auction/common/contracts/event.ts'
import { orderCancelled } from '@auction/common/contracts/order.ts'
import { ownTrace } from '@auction/common/telemetry/tracing.ts'
import { consume } from '@auction/common/testing/consume.ts'
import t from 'tap'
import { onOrderCancelled } from '#src/app/payments/order-cancelled.ts'
import { createWorld } from '#test/helper.ts'
import { payOnPage } from '#test/infra/stripe/sandbox.ts'
import { begin, type PaymentBody, until } from './buyer.ts'

t.test('a cancelled order stops its payment, and no payment of the reopened order', async (t) => {
  const world = await createWorld(t)
  const buyer = world.person()
  const order = world.orders.add(buyer.id, {})
  const { orderId, itemId } = order
  const payload = {
    orderId,
    itemId,
    buyerId: buyer.id,
    sellerId: world.orders.sellerId,
    sequence: 2,
  }
  const context = { aggregateId: orderId, sequence: 2, trace: ownTrace('test') }
  const happened = { ...payload, round: 1, unit: 1, reason: 'unpaid', strike: true }
  const cancel = () =>
    consume(
      world.db,
      [createEvent(orderCancelled, context, happened)],
      [onOrderCancelled(world.advance)],
    )
  const first: PaymentBody = (await begin(world, buyer, [orderId])).json()
  await cancel()
  await until(world, buyer, first.id, 'cancelled')
  // Cancelled and reopened, and only now the event of the cancellation comes.
  order.sequence = 3
  const second: PaymentBody = (await begin(world, buyer, [orderId])).json()
  await cancel()
  await payOnPage(second.next.url ?? '')
  await until(world, buyer, second.id, 'captured')
})
