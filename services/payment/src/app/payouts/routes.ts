import {
  answers,
  CurrencyCode,
  Instant,
  OneOf,
  STRICT,
  Uuid,
} from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { WrittenText } from '@auction/common/http/written-text.ts'
import { formatAmount } from '@auction/common/money.ts'
import { outboxTransaction } from '@auction/common/rabbitmq/outbox.ts'
import type { Kysely } from 'kysely'
import { Type } from 'typebox'
import { ADMINISTRATORS } from '#src/app/administrators.ts'
import { ApprovalNeeded, approvalView } from '#src/app/approvals/approval-view.ts'
import { ask, findAsked } from '#src/app/approvals/ask.ts'
import { OptionalKeyHeaders, readOptionalKey } from '#src/app/approvals/request-key.ts'
import { requireFreshProof } from '#src/app/fresh-proof.ts'
import { type ApprovalRules, needsApproval } from '#src/domain/approval.ts'
import { MANUAL } from '#src/domain/payout.ts'
import { readPayoutReference, TEXTS } from '#src/domain/texts.ts'
import { payoutErrors } from '#src/errors.ts'
import { deleteManualAccount, putPayoutAccount } from '#src/infra/postgres/payouts/accounts.ts'
import { readPayouts } from '#src/infra/postgres/payouts/payouts.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { endByHand, lockForOutcome, type Outcome, type OutcomeCommand } from './end-by-hand.ts'
import type { PayoutMetrics } from './payout-metrics.ts'
import { wakePayments } from './send-payouts.ts'

const PAYOUTS = '/api/v1/billing/payouts'
const tags = ['payouts']

const Payout = Type.Object(
  {
    id: Uuid,
    amount: Type.String({ description: 'decimal string' }),
    currencyCode: CurrencyCode,
    state: OneOf(['planned', 'sending', 'done', 'failed', 'unknown', 'returned']),
    reversedAmount: Type.String({ description: 'What came back of it, or is asked back.' }),
    code: Type.Optional(Type.String({ description: 'Why it failed.' })),
    createdAt: Instant,
    changedAt: Instant,
  },
  { title: 'Payout' },
)

const PayoutList = Type.Object(
  { payouts: Type.Array(Payout), nextCursor: Type.Optional(Uuid) },
  { title: 'PayoutList' },
)

export interface PayoutRouteOptions {
  db: Kysely<Database>
  metrics: PayoutMetrics
  /** From which amount on another administrator has to approve how a payout ended. */
  approvals: ApprovalRules
}

/** The payouts of the caller, and what administrators do by hand. */
export async function payoutRoutes(
  app: App,
  { db, metrics, approvals }: PayoutRouteOptions,
): Promise<void> {
  listRoute(app, db)
  outcomeRoute(app, { db, metrics, approvals })
  accountRoute(app, db)
  deleteAccountRoute(app, db)
}

function listRoute(app: App, db: Kysely<Database>): void {
  app.get(
    PAYOUTS,
    {
      config: { auth: 'bearer', access: 'own' },
      schema: {
        tags,
        operationId: 'listPayouts',
        summary: 'Your payouts, the latest first',
        querystring: Type.Object(
          {
            limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
            cursor: Type.Optional(Uuid),
          },
          STRICT,
        ),
        response: answers({ 200: PayoutList }),
      },
    },
    async ({ user, query: { limit, cursor } }, reply) => {
      // One extra row shows whether there is a next page.
      const read = await readPayouts(db, user.id, cursor, limit + 1)
      const shown = read.slice(0, limit)
      const last = shown.at(-1)
      reply.header('cache-control', 'no-store')
      return {
        payouts: shown.map(({ amount, reversedAmount, code, createdAt, changedAt, ...payout }) => ({
          ...payout,
          amount: formatAmount(amount, payout.currencyCode),
          reversedAmount: formatAmount(reversedAmount, payout.currencyCode),
          ...(code === null ? {} : { code }),
          createdAt: createdAt.toISOString(),
          changedAt: changedAt.toISOString(),
        })),
        ...(last === undefined || read.length <= limit ? {} : { nextCursor: last.id }),
      }
    },
  )
}

function outcomeRoute(app: App, { db, metrics, approvals }: PayoutRouteOptions): void {
  app.post(
    `${PAYOUTS}/:id/outcome`,
    {
      config: ADMINISTRATORS,
      schema: {
        tags,
        operationId: 'recordPayoutOutcome',
        summary: 'Say how a payout by hand ended (administrators)',
        description:
          'A payout by a provider can be ended too while it is planned and not sent, as failed only: the money is payable again.',
        params: Type.Object({ id: Uuid }),
        body: Type.Union(
          [
            Type.Object(
              {
                outcome: Type.Literal('done'),
                reference: WrittenText(TEXTS.payoutReference),
              },
              STRICT,
            ),
            Type.Object(
              {
                outcome: Type.Literal('failed'),
                code: Type.String({ pattern: '^[a-z][a-z0-9_]{0,99}$' }),
              },
              STRICT,
            ),
          ],
          { title: 'PayoutOutcome' },
        ),
        headers: OptionalKeyHeaders,
        response: answers({ 202: ApprovalNeeded, 204: Type.Null() }, [403, 404, 409, 422]),
      },
    },
    async ({ user, headers, params: { id }, body }, reply) => {
      requireFreshProof(user)
      const command: OutcomeCommand = { payoutId: id, ...readOutcome(body) }
      const asked = { command, askedBy: user.id, idempotencyKey: readOptionalKey(headers) }
      const request = { kind: 'payout_outcome', subjectId: id, ...asked } as const
      const { approval, ended } = await outboxTransaction(db, async (tx) => {
        // It may be approved by now, and the payout at its end.
        const known = await findAsked(tx, request)
        if (known !== undefined) return { approval: known }
        const payout = await lockForOutcome(tx, command)
        if (payout.sellerId === user.id) throw payoutErrors.own()
        if (!needsApproval(approvals, payout)) return { ended: await endByHand(tx, command) }
        return { approval: await ask(tx, approvals, { ...request, money: payout }) }
      })
      if (approval !== undefined) {
        reply.code(202)
        return { approval: approvalView(approval) }
      }
      metrics.payout(body.outcome)
      await wakePayments(db, ended.payments)
      reply.code(204)
      return null
    },
  )
}

function readOutcome(outcome: Outcome): Outcome {
  if (outcome.outcome !== 'done') return outcome
  const read = readPayoutReference(outcome.reference)
  if (read.ok) return { ...outcome, reference: read.text }
  throw payoutErrors.invalidReference({ field: 'reference', reason: read.reason })
}

function accountRoute(app: App, db: Kysely<Database>): void {
  app.put(
    '/api/v1/billing/payout-accounts/:userId',
    {
      config: ADMINISTRATORS,
      schema: {
        tags,
        operationId: 'putManualPayoutAccount',
        summary: 'Pay a seller out by hand from now on (administrators)',
        description: 'Not for the account of the administrator who asks.',
        params: Type.Object({ userId: Uuid }),
        body: Type.Object(
          {
            reference: Type.String({
              minLength: 1,
              maxLength: 200,
              pattern: '^[A-Za-z0-9._:-]+$',
              description: 'Names the bank account in your own books; no account number.',
            }),
          },
          { ...STRICT, title: 'ManualPayoutAccount' },
        ),
        response: answers({ 204: Type.Null() }, [403]),
      },
    },
    async ({ user, params: { userId }, body: { reference } }, reply) => {
      requireFreshProof(user)
      if (userId === user.id) throw payoutErrors.own()
      const account = { sellerId: userId, provider: MANUAL, reference, state: 'enabled' } as const
      await db.transaction().execute((tx) => putPayoutAccount(tx, account))
      reply.code(204)
      return null
    },
  )
}

function deleteAccountRoute(app: App, db: Kysely<Database>): void {
  app.delete(
    '/api/v1/billing/payout-accounts/:userId',
    {
      config: ADMINISTRATORS,
      schema: {
        tags,
        operationId: 'deleteManualPayoutAccount',
        summary: 'Pay a seller out by hand no longer (administrators)',
        params: Type.Object({ userId: Uuid }),
        response: answers({ 204: Type.Null() }, [403, 404]),
      },
    },
    async ({ user, params: { userId } }, reply) => {
      requireFreshProof(user)
      if (userId === user.id) throw payoutErrors.own()
      const isDeleted = await db
        .transaction()
        .execute((tx) => deleteManualAccount(tx, userId, MANUAL))
      if (!isDeleted) throw payoutErrors.noAccount()
      reply.code(204)
      return null
    },
  )
}
