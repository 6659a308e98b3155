import { Amount, CurrencyCode, Instant, OneOf, Uuid } from '@auction/common/http/schemas.ts'
import { formatAmount } from '@auction/common/money.ts'
import { type Static, Type } from 'typebox'
import { isReturning } from '#src/domain/deposit.ts'
import type { Deposit } from '#src/infra/postgres/deposits/deposits.ts'

export const DepositAnswer = Type.Object(
  {
    id: Uuid,
    itemId: Uuid,
    state: OneOf([
      'requested',
      'held',
      'released',
      'captured',
      'returned',
      'expired',
      'failed',
      'mismatch',
    ]),
    code: Type.Optional(
      Type.String({ description: 'Why it is over, or what the last card answered.' }),
    ),
    provider: Type.String(),
    currencyCode: CurrencyCode,
    amount: Amount,
    next: Type.Object({
      kind: OneOf(['redirect', 'none']),
      url: Type.Optional(Type.String({ description: 'Where the card is given.' })),
    }),
    heldUntil: Type.Optional(
      Type.String({
        format: 'date-time',
        description: 'The bank lets go then. Have it held again to bid after that.',
      }),
    ),
    isEnding: Type.Boolean({ description: 'It is being released, taken or given back.' }),
    orderId: Type.Optional(Type.String({ description: 'The order that was not paid in time.' })),
    expiresAt: Instant,
    createdAt: Instant,
    sequence: Type.Integer(),
  },
  { title: 'Deposit' },
)

export function depositView(deposit: Deposit): Static<typeof DepositAnswer> {
  const { state, code, nextUrl, holdEndsAt, orderId } = deposit
  const isLive = state === 'requested' || state === 'held'
  return {
    id: deposit.id,
    itemId: deposit.itemId,
    state,
    ...(code === null ? {} : { code }),
    provider: deposit.provider,
    currencyCode: deposit.currencyCode,
    amount: formatAmount(deposit.amount, deposit.currencyCode),
    next: nextUrl === null ? { kind: 'none' } : { kind: 'redirect', url: nextUrl },
    ...(state === 'held' && holdEndsAt !== null ? { heldUntil: holdEndsAt.toISOString() } : {}),
    isEnding: (isLive && deposit.wish !== null) || isReturning(deposit),
    ...((state === 'captured' || state === 'returned') && orderId !== null ? { orderId } : {}),
    expiresAt: deposit.expiresAt.toISOString(),
    createdAt: deposit.createdAt.toISOString(),
    sequence: deposit.sequence,
  }
}
