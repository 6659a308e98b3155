import { Amount, CurrencyCode, Instant, OneOf, Uuid } from '@auction/common/http/schemas.ts'
import { formatAmount } from '@auction/common/money.ts'
import { type Static, Type } from 'typebox'
import type { Payment } from '#src/infra/postgres/payments/payments.ts'
import { totalOf } from './payment-events.ts'

export const PaymentAnswer = Type.Object(
  {
    id: Uuid,
    state: OneOf([
      'created',
      'open',
      'processing',
      'authorised',
      'claimed',
      'captured',
      'failed',
      'expired',
      'cancelled',
      'mismatch',
    ]),
    code: Type.Optional(
      Type.String({ description: 'Why it is over, or what the last card answered.' }),
    ),
    provider: Type.String(),
    currencyCode: CurrencyCode,
    amount: Amount,
    refundedAmount: Amount,
    orders: Type.Array(
      Type.Object({ orderId: Uuid, itemId: Uuid, amount: Amount, refundedAmount: Amount }),
    ),
    next: Type.Object({
      kind: OneOf(['redirect', 'none']),
      url: Type.Optional(Type.String({ description: 'Where the buyer pays.' })),
    }),
    expiresAt: Instant,
    createdAt: Instant,
    capturedAt: Type.Optional(Instant),
    sequence: Type.Integer(),
  },
  { title: 'Payment' },
)

export function paymentView(payment: Payment): Static<typeof PaymentAnswer> {
  const { currencyCode, nextUrl, code, capturedAt } = payment
  const money = (amount: bigint) => formatAmount(amount, currencyCode)
  return {
    id: payment.id,
    state: payment.state,
    ...(code === null ? {} : { code }),
    provider: payment.provider,
    currencyCode,
    amount: money(payment.amount),
    refundedAmount: money(payment.refundedAmount),
    orders: payment.orders.map((order) => ({
      orderId: order.orderId,
      itemId: order.itemId,
      amount: money(totalOf(order)),
      refundedAmount: money(order.refundedAmount),
    })),
    next: nextUrl === null ? { kind: 'none' } : { kind: 'redirect', url: nextUrl },
    expiresAt: payment.expiresAt.toISOString(),
    createdAt: payment.createdAt.toISOString(),
    ...(capturedAt === null ? {} : { capturedAt: capturedAt.toISOString() }),
    sequence: payment.sequence,
  }
}
