import { Amount, CurrencyCode, Instant, OneOf, Uuid } from '@auction/common/http/schemas.ts'
import { formatAmount } from '@auction/common/money.ts'
import { Type } from 'typebox'
import { CARRIER_CODES, trackingUrl } from '#src/domain/carriers.ts'
import { CANCEL_REASONS, ORDER_SOURCES, ORDER_STATES, totalOf } from '#src/domain/order.ts'
import { ORDER_ACTIONS } from '#src/domain/possible-actions.ts'
import type { Shipment } from '#src/infra/postgres/delivery/shipments.ts'
import type { RecordedChange } from '#src/infra/postgres/orders/changes.ts'
import type { OrderRecord, Side } from '#src/infra/postgres/orders/orders.ts'

const optional = Type.Optional

export const OrderFields = {
  id: Uuid,
  itemId: Uuid,
  itemName: optional(Type.String({ description: 'Absent for the first moments of an order.' })),
  round: Type.Integer({ minimum: 1 }),
  unit: Type.Integer({ minimum: 1 }),
  role: OneOf(['buyer', 'seller', 'moderator']),
  buyerId: Uuid,
  sellerId: Uuid,
  state: OneOf(ORDER_STATES),
  cancelReason: optional(OneOf(CANCEL_REASONS)),
  source: OneOf(ORDER_SOURCES),
  currencyCode: CurrencyCode,
  amount: Amount,
  premium: Amount,
  deliveryFee: Amount,
  total: Amount,
  refundedTotal: Amount,
  refundTarget: optional({
    ...Amount,
    description: 'So much in all is to be given back before the order goes on.',
  }),
  chargeback: optional({
    ...OneOf(['opened', 'won', 'lost']),
    description: 'The bank of the buyer took the money back, or has decided about that.',
  }),
  wonAt: Instant,
  dueAt: Instant,
  reservedUntil: optional(
    Type.String({
      format: 'date-time',
      description: 'The item is free again if it is not paid by then.',
    }),
  ),
  cancelAt: Instant,
  paidAt: optional(Instant),
  isBeingPaid: Type.Boolean({ description: 'A payment is being captured.' }),
  createdAt: Instant,
  changedAt: Instant,
  sequence: Type.Integer({ minimum: 1 }),
}

export const OrderSummary = Type.Object(OrderFields, { title: 'OrderSummary' })

export const OrderPage = Type.Object(
  {
    ...OrderFields,
    delivery: optional(OneOf(['shipping', 'collection'])),
    address: optional(
      Type.Object(
        {
          name: Type.String(),
          line1: Type.String(),
          line2: Type.String(),
          postalCode: Type.String(),
          city: Type.String(),
          region: Type.String(),
          country: Type.String(),
        },
        { description: 'For its buyer, and for its seller after it was paid.' },
      ),
    ),
    paymentId: optional({
      ...Uuid,
      description: 'The payment that paid it; its refunds are there.',
    }),
    shipments: Type.Array(
      Type.Object({
        carrier: OneOf(CARRIER_CODES),
        trackingNumber: optional(Type.String()),
        trackingUrl: optional(Type.String()),
        shippedAt: Instant,
      }),
    ),
    cancellationAskedBy: optional(OneOf(['buyer', 'seller'])),
    strike: optional({
      ...OneOf(['counted', 'redeemed']),
      description: 'For its buyer: it was not paid in time, or was paid after all.',
    }),
    actions: Type.Array(OneOf(ORDER_ACTIONS), { description: 'What the caller may do now.' }),
    timeline: Type.Array(
      Type.Object({
        sequence: Type.Integer({ minimum: 1 }),
        act: Type.String(),
        state: OneOf(ORDER_STATES),
        by: OneOf(['buyer', 'seller', 'moderator', 'platform']),
        at: Instant,
      }),
    ),
    serverTime: Instant,
  },
  { title: 'Order' },
)

/** An order as one of its people sees it. */
export function orderSummary(order: OrderRecord, role: Side | 'moderator') {
  const money = (minor: bigint) => formatAmount(minor, order.currencyCode)
  return {
    id: order.id,
    itemId: order.itemId,
    ...(order.itemName ? { itemName: order.itemName } : {}),
    round: order.round,
    unit: order.unit,
    role,
    buyerId: order.buyerId,
    sellerId: order.sellerId,
    state: order.state,
    ...(order.cancelReason === null ? {} : { cancelReason: order.cancelReason }),
    source: order.source,
    currencyCode: order.currencyCode,
    amount: money(order.amount),
    premium: money(order.premium),
    deliveryFee: money(order.deliveryFee),
    total: money(totalOf(order)),
    refundedTotal: money(order.refundedTotal),
    ...(order.refundTarget === null ? {} : { refundTarget: money(order.refundTarget) }),
    ...(order.chargeback === null ? {} : { chargeback: order.chargeback }),
    wonAt: order.wonAt.toISOString(),
    dueAt: order.dueAt.toISOString(),
    ...(order.reservedUntil === null ? {} : { reservedUntil: order.reservedUntil.toISOString() }),
    cancelAt: order.cancelAt.toISOString(),
    ...(order.paidAt === null ? {} : { paidAt: order.paidAt.toISOString() }),
    isBeingPaid: order.claimedBy !== null,
    createdAt: order.createdAt.toISOString(),
    changedAt: order.changedAt.toISOString(),
    sequence: order.sequence,
  }
}

export const timelineEntry = ({ sequence, act, state, actor, at }: RecordedChange) => ({
  sequence,
  act,
  state,
  by: actor,
  at: at.toISOString(),
})

export function shipmentView({ carrier, trackingNumber, shippedAt }: Shipment) {
  const url = trackingUrl(carrier, trackingNumber)
  return {
    carrier,
    ...(trackingNumber === '' ? {} : { trackingNumber }),
    ...(url === undefined ? {} : { trackingUrl: url }),
    shippedAt: shippedAt.toISOString(),
  }
}
