import {
  createEvent,
  type EventContext,
  type OutboxEvent,
} from '@auction/common/contracts/event.ts'
import {
  orderCancelled,
  orderCompleted,
  orderCreated,
  orderDelivered,
  orderDisputed,
  orderOverdue,
  orderPaid,
  orderRefundSettled,
  orderReminder,
  orderReopened,
  orderResolved,
  orderShipped,
} from '@auction/common/contracts/order.ts'
import { formatAmount } from '@auction/common/money.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import { type Order, totalOf } from '#src/domain/order.ts'

/** What happened to an order, with what its event says besides the order itself. */
export type Happened =
  | { readonly kind: 'created' | 'paid' | 'overdue' | 'completed' | 'reopened' }
  | { readonly kind: 'reminder'; readonly n: number }
  | { readonly kind: 'shipped'; readonly carrier?: string; readonly trackingNumber?: string }
  | { readonly kind: 'delivered'; readonly by: 'buyer' | 'time' | 'collection' }
  | { readonly kind: 'cancelled'; readonly isStrike: boolean }
  | { readonly kind: 'disputed'; readonly by: string; readonly reason: string }
  | {
      readonly kind: 'resolved'
      readonly resolution: 'buyer' | 'seller'
      readonly refundAmount?: bigint
    }
  | { readonly kind: 'refund_settled'; readonly outcome: 'refunded' | 'resumed' }

/** The event of a change; `order` is the order after it. */
export function orderEvent(
  order: Order,
  happened: Happened,
  at: Date,
  { trace, causationId }: { trace: Trace; causationId?: string },
): OutboxEvent {
  const { id: orderId, itemId, buyerId, sellerId, round, unit, currencyCode, sequence } = order
  const context: EventContext = {
    aggregateId: orderId,
    sequence,
    trace,
    ...(causationId === undefined ? {} : { causationId }),
  }
  const parties = { orderId, itemId, buyerId, sellerId, sequence }
  const money = (minor: bigint) => formatAmount(minor, currencyCode)
  const total = money(totalOf(order))
  const dueAt = order.dueAt.toISOString()
  const cancelAt = order.cancelAt.toISOString()
  const when = at.toISOString()
  switch (happened.kind) {
    case 'created':
      return createEvent(orderCreated, context, {
        ...parties,
        amount: money(order.amount),
        premium: money(order.premium),
        total,
        currencyCode,
        dueAt,
        source: order.source,
      })
    case 'paid':
      return createEvent(orderPaid, context, {
        ...parties,
        paymentId: order.paidBy ?? '',
        total,
        currencyCode,
        at: when,
      })
    case 'overdue':
      return createEvent(orderOverdue, context, {
        ...parties,
        total,
        currencyCode,
        dueAt,
        cancelAt,
      })
    case 'completed':
      return createEvent(orderCompleted, context, {
        ...parties,
        amount: money(order.amount),
        currencyCode,
        at: when,
      })
    case 'reopened':
      return createEvent(orderReopened, context, {
        ...parties,
        round,
        unit,
        total,
        currencyCode,
        dueAt,
      })
    case 'reminder':
      return createEvent(orderReminder, context, {
        ...parties,
        total,
        currencyCode,
        dueAt,
        n: happened.n,
      })
    case 'shipped': {
      const { kind: _, ...parcel } = happened
      return createEvent(orderShipped, context, { ...parties, at: when, ...parcel })
    }
    case 'delivered':
      return createEvent(orderDelivered, context, { ...parties, at: when, by: happened.by })
    case 'cancelled':
      return createEvent(orderCancelled, context, {
        ...parties,
        round,
        unit,
        ...(order.purchaseId === null ? {} : { purchaseId: order.purchaseId }),
        ...(order.reservedUntil === null
          ? {}
          : { reservedUntil: order.reservedUntil.toISOString() }),
        reason: order.cancelReason ?? '',
        strike: happened.isStrike,
        total,
        currencyCode,
      })
    case 'disputed': {
      const { by, reason } = happened
      return createEvent(orderDisputed, context, { ...parties, by, reason })
    }
    case 'resolved': {
      const { resolution, refundAmount } = happened
      return createEvent(orderResolved, context, {
        ...parties,
        resolution,
        currencyCode,
        ...(refundAmount === undefined ? {} : { refundAmount: money(refundAmount) }),
      })
    }
    case 'refund_settled':
      return createEvent(orderRefundSettled, context, { ...parties, outcome: happened.outcome })
  }
}
