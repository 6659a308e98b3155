import { createEvent, type OutboxEvent } from '@auction/common/contracts/event.ts'
import {
  type paymentAuthorized,
  paymentChargeback,
  type paymentCreated,
  type paymentExpired,
  type paymentFailed,
  paymentRefunded,
  type paymentSucceeded,
} from '@auction/common/contracts/payment.ts'
import { formatAmount } from '@auction/common/money.ts'
import type { Payment, PaymentOrder } from '#src/infra/postgres/payments/payments.ts'

type AttemptContract =
  | typeof paymentCreated
  | typeof paymentAuthorized
  | typeof paymentSucceeded
  | typeof paymentFailed
  | typeof paymentExpired

const TRACEPARENT = /^00-([0-9a-f]{32})-/

/** An event of a payment belongs to the trace in which the buyer began to pay. */
function contextOf(payment: Payment, orderId: string, sequence: number) {
  const { traceparent, correlationId } = payment
  const traceId = TRACEPARENT.exec(traceparent)?.[1] ?? ''
  return { aggregateId: orderId, sequence, trace: { traceparent, traceId, correlationId } }
}

const partiesOf = ({ id, buyerId, sellerId }: Payment, orderId: string) => ({
  paymentId: id,
  orderId,
  buyerId,
  sellerId,
})

export const totalOf = ({ sellerGross, premium }: Pick<PaymentOrder, 'sellerGross' | 'premium'>) =>
  sellerGross + premium

/** One event for each order of a payment. */
export function attemptEvents(
  contract: AttemptContract,
  payment: Payment,
  { sequence, code, at }: { sequence: number; code?: string | undefined; at: Date },
): OutboxEvent[] {
  return payment.orders.map((order) =>
    createEvent(contract, contextOf(payment, order.orderId, sequence), {
      ...partiesOf(payment, order.orderId),
      amount: formatAmount(totalOf(order), payment.currencyCode),
      currencyCode: payment.currencyCode,
      provider: payment.provider,
      attempt: payment.attempt,
      ...(code === undefined ? {} : { code }),
      at: at.toISOString(),
      sequence,
    }),
  )
}

export function refundEvent(
  payment: Payment,
  refund: { id: string; orderId: string; amount: bigint },
  { refundedTotal, sequence, at }: { refundedTotal: bigint; sequence: number; at: Date },
): OutboxEvent {
  const { currencyCode } = payment
  return createEvent(paymentRefunded, contextOf(payment, refund.orderId, sequence), {
    ...partiesOf(payment, refund.orderId),
    refundId: refund.id,
    amount: formatAmount(refund.amount, currencyCode),
    refundedTotal: formatAmount(refundedTotal, currencyCode),
    currencyCode,
    at: at.toISOString(),
    sequence,
  })
}

export function chargebackEvent(
  payment: Payment,
  order: { orderId: string; amount: bigint },
  dispute: {
    phase: 'opened' | 'won' | 'lost'
    evidenceDueAt: Date | undefined
    sequence: number
    at: Date
  },
): OutboxEvent {
  const { phase, evidenceDueAt, sequence, at } = dispute
  return createEvent(paymentChargeback, contextOf(payment, order.orderId, sequence), {
    ...partiesOf(payment, order.orderId),
    amount: formatAmount(order.amount, payment.currencyCode),
    currencyCode: payment.currencyCode,
    phase,
    ...(evidenceDueAt === undefined ? {} : { evidenceDueAt: evidenceDueAt.toISOString() }),
    at: at.toISOString(),
    sequence,
  })
}
