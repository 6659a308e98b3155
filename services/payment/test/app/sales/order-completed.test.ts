import { randomUUID } from 'node:crypto'
import { orderCompleted } from '@auction/common/contracts/order.ts'
import { ownTrace } from '@auction/common/telemetry/tracing.ts'
import t from 'tap'
import { onOrderCompleted } from '#src/app/sales/order-completed.ts'
import { postCapture, readSale } from '#src/app/sales/sale-ledger.ts'
import { createWorld } from '#test/helper.ts'

t.test(
  'an order that is completed makes its money payable once, however often it is reported',
  async (t) => {
    const world = await createWorld(t)
    const sale = {
      paymentId: randomUUID(),
      orderId: randomUUID(),
      itemId: randomUUID(),
      sellerId: randomUUID(),
      buyerId: randomUUID(),
      provider: 'stripe',
      currencyCode: 'EUR',
      sellerGross: 5_000n,
      premium: 0n,
      categoryIds: [],
    }
    await world.db.transaction().execute((tx) => postCapture(tx, sale, undefined))
    const payload = {
      orderId: sale.orderId,
      itemId: sale.itemId,
      sellerId: sale.sellerId,
      buyerId: sale.buyerId,
      amount: '50.00',
      currencyCode: 'EUR',
      at: '2026-07-01T12:00:00.000Z',
      sequence: 7,
    }
    t.equal(orderCompleted.checkWritten(payload), undefined)
    const { handle } = onOrderCompleted()
    const deliver = () =>
      world.db.transaction().execute((tx) =>
        handle(tx, {
          id: randomUUID(),
          event: orderCompleted.event,
          version: orderCompleted.version,
          timestamp: payload.at,
          source: 'order',
          traceId: randomUUID(),
          correlationId: randomUUID(),
          payload,
          trace: ownTrace('test'),
        }),
      )
    await Promise.all([deliver(), deliver(), deliver()])
    await deliver()
    t.match(await world.db.transaction().execute((tx) => readSale(tx, sale)), {
      pending: 0n,
      payable: 5_000n,
      releases: 1,
    })
    const { rows } = await world.database.pool.query('select completed_at from sales')
    t.same(rows, [{ completed_at: new Date(payload.at) }])
  },
)
