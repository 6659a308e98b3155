import {
  ClaimRequest,
  claimPath,
  PAYABLES_PATH,
  Payables,
  PayablesRequest,
} from '@auction/common/contracts/payables.ts'
import { answers, Uuid } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { formatAmount } from '@auction/common/money.ts'
import type { Kysely } from 'kysely'
import { Type } from 'typebox'
import { isUnpaid, totalOf } from '#src/domain/order.ts'
import { orderErrors } from '#src/errors.ts'
import { readOrders } from '#src/infra/postgres/orders/orders.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { type ClaimDependencies, claimForPayment } from './claims.ts'

const params = Type.Object({ paymentId: Uuid })
const NO_CONTENT = { 204: Type.Null() }

/** What payment asks before money moves; for service tokens only. */
export async function payablesRoutes(app: App, dependencies: ClaimDependencies): Promise<void> {
  const { db } = dependencies
  app.post(
    PAYABLES_PATH,
    {
      config: { auth: 'service' },
      schema: { body: PayablesRequest, response: answers({ 200: Payables }, [404, 409, 422]) },
    },
    async ({ body }) => readPayables(db, body.orderIds, body.buyerId),
  )
  app.put(
    claimPath(':paymentId'),
    {
      config: { auth: 'service' },
      schema: {
        params,
        body: ClaimRequest,
        response: answers(NO_CONTENT, [404, 409, 422]),
      },
    },
    async ({ params: { paymentId }, body, trace }, reply) => {
      await claimForPayment(dependencies, paymentId, body, trace)
      reply.code(204)
      return null
    },
  )
}

async function readPayables(db: Kysely<Database>, orderIds: readonly string[], buyerId: string) {
  const orders = await readOrders(db, orderIds)
  const missing = orderIds.find(
    (id) => !orders.some((order) => order.id === id && order.buyerId === buyerId),
  )
  const [first] = orders
  if (missing !== undefined || first === undefined)
    throw orderErrors.notFound({ orderId: missing ?? '' })
  for (const order of orders) {
    if (isUnpaid(order) && order.claimedBy === null) continue
    throw orderErrors.notPayable({
      orderId: order.id,
      state: order.state,
      isBeingPaid: order.claimedBy !== null,
    })
  }
  const { sellerId, currencyCode } = first
  if (orders.some((order) => order.sellerId !== sellerId)) throw orderErrors.differentSellers()
  if (orders.some((order) => order.currencyCode !== currencyCode))
    throw orderErrors.differentCurrencies()
  const money = (minor: bigint) => formatAmount(minor, currencyCode)
  return {
    currencyCode,
    sellerId,
    total: money(orders.reduce((sum, order) => sum + totalOf(order), 0n)),
    orders: orders.map((order) => ({
      orderId: order.id,
      itemId: order.itemId,
      sequence: order.sequence,
      ...(order.itemName ? { itemName: order.itemName } : {}),
      ...(order.categoryIds === null ? {} : { categoryIds: [...order.categoryIds] }),
      amount: money(order.amount),
      premium: money(order.premium),
      deliveryFee: money(order.deliveryFee),
      total: money(totalOf(order)),
    })),
  }
}
