import { Amount, Instant, OneOf, Uuid } from '@auction/common/http/schemas.ts'
import { formatAmount } from '@auction/common/money.ts'
import { Type } from 'typebox'
import {
  DISPUTE_REASONS,
  type Dispute,
  type DisputeMessage,
} from '#src/infra/postgres/disputes/disputes.ts'

export const DisputeFields = {
  id: Uuid,
  orderId: Uuid,
  openedBy: Uuid,
  reason: OneOf(DISPUTE_REASONS),
  openedAt: Instant,
  answerBy: Type.Unsafe<string>({
    ...Instant,
    description: 'Then a moderator may decide without an answer.',
  }),
  resolution: Type.Optional(OneOf(['buyer', 'seller', 'withdrawn', 'refunded'])),
  refundAmount: Type.Optional(Amount),
  resolvedAt: Type.Optional(Instant),
}

export const DisputeAnswer = Type.Object(
  {
    ...DisputeFields,
    messages: Type.Array(
      Type.Object({
        author: OneOf(['buyer', 'seller', 'moderator']),
        content: Type.String(),
        writtenAt: Instant,
      }),
    ),
  },
  { title: 'Dispute' },
)

export const disputeSummary = (dispute: Dispute, currencyCode: string | undefined) => ({
  id: dispute.id,
  orderId: dispute.orderId,
  openedBy: dispute.openedBy,
  reason: dispute.reason,
  openedAt: dispute.openedAt.toISOString(),
  answerBy: dispute.answerBy.toISOString(),
  ...(dispute.resolution === null ? {} : { resolution: dispute.resolution }),
  ...(dispute.refundAmount === null || currencyCode === undefined
    ? {}
    : { refundAmount: formatAmount(dispute.refundAmount, currencyCode) }),
  ...(dispute.resolvedAt === null ? {} : { resolvedAt: dispute.resolvedAt.toISOString() }),
})

export const messageView = ({ author, content, writtenAt }: DisputeMessage) => ({
  author,
  content,
  writtenAt: writtenAt.toISOString(),
})
