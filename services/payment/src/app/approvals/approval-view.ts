import { CurrencyCode, Instant, OneOf, Uuid } from '@auction/common/http/schemas.ts'
import { formatAmount } from '@auction/common/money.ts'
import { type Static, Type } from 'typebox'
import { KINDS } from '#src/domain/approval.ts'
import type { Approval } from '#src/infra/postgres/approvals/approvals.ts'

const STATES = ['open', 'executed', 'rejected', 'expired']

export const ApprovalAnswer = Type.Object(
  {
    id: Uuid,
    kind: OneOf(KINDS),
    subjectId: Type.Optional(
      Type.String({ description: 'What it is about: an order, a payout, a user or a category.' }),
    ),
    command: Type.Record(Type.String(), Type.Unknown(), {
      description: 'What is executed when it is approved; amounts are in minor units.',
    }),
    amount: Type.Optional(Type.String({ description: 'decimal string' })),
    currencyCode: Type.Optional(CurrencyCode),
    sellerId: Type.Optional(
      Type.String({ format: 'uuid', description: 'Whose payout it is about.' }),
    ),
    state: OneOf(STATES),
    askedBy: Uuid,
    askedAt: Instant,
    expiresAt: Instant,
    decidedBy: Type.Optional(Uuid),
    decidedAt: Type.Optional(Instant),
    resultId: Type.Optional(
      Type.String({ description: 'The refund, the rate or the payout that came of it.' }),
    ),
  },
  { title: 'Approval' },
)

/** The answer to a request that another operator has to approve first. */
export const ApprovalNeeded = Type.Object({ approval: ApprovalAnswer }, { title: 'ApprovalNeeded' })

export function approvalView(approval: Approval): Static<typeof ApprovalAnswer> {
  const { subjectId, amount, currencyCode, sellerId, decidedBy, decidedAt, resultId } = approval
  return {
    id: approval.id,
    kind: approval.kind,
    ...(subjectId === null ? {} : { subjectId }),
    command: approval.command,
    ...(amount === null || currencyCode === null
      ? {}
      : { amount: formatAmount(amount, currencyCode), currencyCode }),
    ...(sellerId === null ? {} : { sellerId }),
    state: approval.state === 'open' && approval.isOver ? 'expired' : approval.state,
    askedBy: approval.askedBy,
    askedAt: approval.askedAt.toISOString(),
    expiresAt: approval.expiresAt.toISOString(),
    ...(decidedBy === null ? {} : { decidedBy }),
    ...(decidedAt === null ? {} : { decidedAt: decidedAt.toISOString() }),
    ...(resultId === null ? {} : { resultId }),
  }
}
