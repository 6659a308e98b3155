import { type Static, Type } from 'typebox'
import { Amount, CurrencyCode, STRICT, Uuid } from '../http/schemas.ts'

export const PAYABLE_ORDERS_MAX = 20

/** POST to order, for service tokens only: what a buyer owes for orders that are paid together. */
export const PAYABLES_PATH = '/internal/v1/payables'

export const PayablesRequest = Type.Object(
  {
    orderIds: Type.Array(Uuid, {
      minItems: 1,
      maxItems: PAYABLE_ORDERS_MAX,
      uniqueItems: true,
    }),
    buyerId: Uuid,
  },
  STRICT,
)
export type PayablesRequest = Static<typeof PayablesRequest>

/**
 * 404 order.not_found; 409 order.not_payable with the state in its details; 422 order.different_sellers or
 * order.different_currencies.
 */
export const Payables = Type.Object({
  currencyCode: CurrencyCode,
  sellerId: Uuid,
  total: Amount,
  orders: Type.Array(
    Type.Object({
      orderId: Uuid,
      itemId: Uuid,
      itemName: Type.Optional(Type.String()),
      /** Of the order as it is now: its events that come later and have a smaller one are older. */
      sequence: Type.Optional(Type.Integer({ minimum: 1 })),
      /** Of its item, as ItemSummaries has them; absent until auction was asked. */
      categoryIds: Type.Optional(Type.Array(Uuid)),
      amount: Amount,
      premium: Amount,
      deliveryFee: Amount,
      total: Amount,
    }),
  ),
})
export type Payables = Static<typeof Payables>

/**
 * PUT to order: a payment takes orders for itself before money moves, all of them or none. 204, and again
 * 204 however often it is asked. 404 order.not_found, 409 order.not_payable, order.claimed_by_another or
 * order.payment_ended, 422 order.amount_mismatch. The event that a payment failed or expired lets its orders go, and
 * no claim of it that comes later takes them.
 */
export const claimPath = (paymentId: string) => `/internal/v1/payments/${paymentId}/claim`

export const ClaimRequest = Type.Object(
  {
    orders: Type.Array(Type.Object({ orderId: Uuid, total: Amount }, STRICT), {
      minItems: 1,
      maxItems: PAYABLE_ORDERS_MAX,
    }),
    currencyCode: CurrencyCode,
    buyerId: Uuid,
  },
  STRICT,
)
export type ClaimRequest = Static<typeof ClaimRequest>
