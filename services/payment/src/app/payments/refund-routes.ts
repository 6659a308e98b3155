import type { Caller } from '@auction/common/http/auth.ts'
import { readIdempotencyKey } from '@auction/common/http/idempotency-key.ts'
import { Amount, answers, Instant, OneOf, STRICT, Uuid } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { WrittenText } from '@auction/common/http/written-text.ts'
import { formatAmount, parseAmount } from '@auction/common/money.ts'
import type { Kysely } from 'kysely'
import { type Static, Type } from 'typebox'
import { ApprovalNeeded, approvalView } from '#src/app/approvals/approval-view.ts'
import { requireFreshProof } from '#src/app/fresh-proof.ts'
import type { ApprovalRules } from '#src/domain/approval.ts'
import { readRefundReason, TEXTS } from '#src/domain/texts.ts'
import { paymentErrors } from '#src/errors.ts'
import { type Dispute, readDisputes } from '#src/infra/postgres/payments/disputes.ts'
import { type Payment, readPayment } from '#src/infra/postgres/payments/payments.ts'
import { type Refund, readRefunds } from '#src/infra/postgres/payments/refunds.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { askForRefund, type RefundDependencies } from './decide-refund.ts'
import { KeyHeaders } from './payment-routes.ts'

const params = Type.Object({ id: Uuid })

const RefundBody = Type.Object(
  {
    orderId: Uuid,
    amount: Amount,
    reason: WrittenText(TEXTS.refundReason),
  },
  { ...STRICT, title: 'NewRefund' },
)

const RefundAnswer = Type.Object(
  {
    id: Uuid,
    paymentId: Uuid,
    orderId: Uuid,
    amount: Amount,
    reason: Type.String(),
    state: OneOf(['pending', 'done', 'failed']),
    code: Type.Optional(Type.String()),
    createdAt: Instant,
    doneAt: Type.Optional(Instant),
  },
  { title: 'Refund' },
)

const RefundList = Type.Object({ refunds: Type.Array(RefundAnswer) }, { title: 'RefundList' })

const DisputeAnswer = Type.Object(
  {
    state: OneOf(['inquiry', 'open', 'won', 'lost', 'closed']),
    amount: Amount,
    evidenceDueAt: Type.Optional(Instant),
    openedAt: Instant,
    closedAt: Type.Optional(Instant),
  },
  { title: 'PaymentDispute' },
)

const DisputeList = Type.Object(
  { disputes: Type.Array(DisputeAnswer) },
  { title: 'PaymentDisputeList' },
)

const MODERATORS = ['moderator', 'admin']

export interface RefundRouteOptions extends RefundDependencies {
  approvals: ApprovalRules
}

/** Giving money back, by the seller or a moderator. */
export async function refundRoutes(app: App, options: RefundRouteOptions): Promise<void> {
  const { db } = options
  app.post(
    '/api/v1/payments/:id/refunds',
    {
      config: { auth: 'bearer', access: 'any' },
      schema: {
        tags: ['refunds'],
        operationId: 'refundPayment',
        summary: 'Give a buyer money of an order back',
        description:
          'For the seller and for moderators, with a fresh proof of identity and an Idempotency-Key. What a moderator gives above the limit of the platform waits for another one: 202. No moderator gives back what the moderator paid.',
        params,
        headers: KeyHeaders,
        body: RefundBody,
        response: answers({ 201: RefundAnswer, 202: ApprovalNeeded }, [403, 404, 409, 422]),
      },
    },
    async ({ user, headers, params: { id }, body }, reply) => {
      const payment = await visiblePayment(db, user, id)
      // A moderator who sold it acts as any seller; one who bought it would pay the own account.
      if (user.id === payment.buyerId) throw paymentErrors.ownPurchase()
      requireFreshProof(user)
      const idempotencyKey = readIdempotencyKey(headers['idempotency-key'])
      if (idempotencyKey === undefined) throw paymentErrors.idempotencyKeyMissing()
      const amount = parseAmount(body.amount, payment.currencyCode)
      if (!amount.ok) throw paymentErrors.amount({ reason: amount.reason })
      const reason = readRefundReason(body.reason)
      if (!reason.ok) throw paymentErrors.invalidReason({ field: 'reason', reason: reason.reason })
      const asked = await askForRefund(options, {
        paymentId: id,
        orderId: body.orderId,
        amount: amount.minor,
        reason: reason.text,
        requestedBy: user.id,
        idempotencyKey,
        // Others decide about the seller's money: then it may become a debt.
        isOfSeller: user.id === payment.sellerId,
      })
      reply.header('cache-control', 'no-store')
      if (asked.approval !== undefined) {
        reply.code(202)
        return { approval: approvalView(asked.approval) }
      }
      reply.code(201)
      return refundView(payment, asked.refund)
    },
  )
  app.get(
    '/api/v1/payments/:id/refunds',
    {
      config: { auth: 'bearer', access: 'any' },
      schema: {
        tags: ['refunds'],
        operationId: 'listRefunds',
        summary: 'What was given back of a payment',
        description: 'For its buyer, its seller and moderators.',
        params,
        response: answers({ 200: RefundList }, [404]),
      },
    },
    async ({ user, params: { id } }, reply) => {
      const payment = await visiblePayment(db, user, id, true)
      reply.header('cache-control', 'no-store')
      const refunds = await readRefunds(db, id)
      return { refunds: refunds.map((refund) => refundView(payment, refund)) }
    },
  )
  app.get(
    '/api/v1/payments/:id/disputes',
    {
      config: { auth: 'bearer', access: 'any' },
      schema: {
        tags: ['refunds'],
        operationId: 'listPaymentDisputes',
        summary: "What the buyer's bank asks, holds or took of a payment",
        description:
          'For its buyer, its seller and moderators. An inquiry only asks: it moves no money and ends as closed, or becomes a dispute.',
        params,
        response: answers({ 200: DisputeList }, [404]),
      },
    },
    async ({ user, params: { id } }, reply) => {
      const payment = await visiblePayment(db, user, id, true)
      reply.header('cache-control', 'no-store')
      const disputes = await readDisputes(db, id)
      return { disputes: disputes.map((dispute) => disputeView(payment, dispute)) }
    },
  )
}

async function visiblePayment(
  db: Kysely<Database>,
  user: Caller,
  id: string,
  isForBuyer = false,
): Promise<Payment> {
  const payment = await readPayment(db, id)
  const isAllowed =
    payment !== undefined &&
    (payment.sellerId === user.id ||
      user.roles.some((role) => MODERATORS.includes(role)) ||
      (isForBuyer && payment.buyerId === user.id))
  if (!isAllowed) throw paymentErrors.notFound()
  return payment
}

function refundView({ currencyCode }: Payment, refund: Refund): Static<typeof RefundAnswer> {
  const { code, doneAt } = refund
  return {
    id: refund.id,
    paymentId: refund.paymentId,
    orderId: refund.orderId,
    amount: formatAmount(refund.amount, currencyCode),
    reason: refund.reason,
    state: refund.state,
    ...(code === null ? {} : { code }),
    createdAt: refund.createdAt.toISOString(),
    ...(doneAt === null ? {} : { doneAt: doneAt.toISOString() }),
  }
}

function disputeView(
  { currencyCode }: Payment,
  { state, amount, evidenceDueAt, openedAt, closedAt }: Dispute,
): Static<typeof DisputeAnswer> {
  return {
    state,
    amount: formatAmount(amount, currencyCode),
    ...(evidenceDueAt === null ? {} : { evidenceDueAt: evidenceDueAt.toISOString() }),
    openedAt: openedAt.toISOString(),
    ...(closedAt === null ? {} : { closedAt: closedAt.toISOString() }),
  }
}
