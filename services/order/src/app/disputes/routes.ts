import type { Caller } from '@auction/common/http/auth.ts'
import { Amount, answers, STRICT } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { WrittenText } from '@auction/common/http/written-text.ts'
import { parseAmount } from '@auction/common/money.ts'
import { readClock } from '@auction/common/postgres/clock.ts'
import { outboxTransaction } from '@auction/common/rabbitmq/outbox.ts'
import type { Kysely, Transaction } from 'kysely'
import { Type } from 'typebox'
import { insistChanged, withOwnOrder } from '#src/app/orders/own-order.ts'
import { ORDER, ORDERS, OrderParams } from '#src/app/orders/paths.ts'
import { perform } from '#src/app/orders/perform.ts'
import { MODERATOR_ROLES, roleOf, visibleOrder } from '#src/app/orders/visible-order.ts'
import { type Act, REFUND_OUTCOMES, type RefundOutcome } from '#src/domain/change-order.ts'
import { hoursAfter } from '#src/domain/due-dates.ts'
import { leftOf, type Role } from '#src/domain/order.ts'
import type { OrderSettings } from '#src/domain/settings.ts'
import { readMessage, TEXTS } from '#src/domain/texts.ts'
import { orderErrors } from '#src/errors.ts'
import {
  countMessages,
  DISPUTE_REASONS,
  type Dispute,
  type DisputeReason,
  insertDispute,
  insertMessage,
  MESSAGES_MAX,
  OWN_MESSAGES_MAX,
  readDisputeOf,
  readMessages,
  readOpenDisputes,
  resolveDispute,
} from '#src/infra/postgres/disputes/disputes.ts'
import { lockOrder, type OrderRecord } from '#src/infra/postgres/orders/orders.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { readTimeLeft } from '#src/infra/postgres/timers/timers.ts'
import { DisputeAnswer, DisputeFields, disputeSummary, messageView } from './dispute-view.ts'

export interface DisputeOptions {
  db: Kysely<Database>
  settings: OrderSettings
}

const DISPUTE = `${ORDER}/dispute`
const tags = ['disputes']
const config = { auth: 'bearer', access: 'owner' } as const
const moderators = {
  auth: 'bearer',
  access: 'role',
  roles: MODERATOR_ROLES,
  forbidden: orderErrors.forbidden,
} as const
const DONE = { 204: Type.Null() }

const DisputeBody = Type.Object(
  {
    reason: Type.Unsafe<DisputeReason>({ type: 'string', enum: [...DISPUTE_REASONS] }),
    message: WrittenText(TEXTS.disputeMessage),
  },
  { ...STRICT, title: 'NewDispute' },
)
const MessageBody = Type.Object(
  { message: WrittenText(TEXTS.disputeMessage) },
  { ...STRICT, title: 'NewDisputeMessage' },
)
const ResolutionBody = Type.Object(
  {
    resolution: Type.Unsafe<'buyer' | 'seller'>({ type: 'string', enum: ['buyer', 'seller'] }),
    refundAmount: Type.Optional(Amount),
    message: WrittenText(TEXTS.disputeMessage),
  },
  { ...STRICT, title: 'DisputeDecision' },
)
const SettlementBody = Type.Object(
  {
    outcome: Type.Unsafe<RefundOutcome>({
      type: 'string',
      enum: [...REFUND_OUTCOMES],
      description: 'The buyer got it in another way, or the order goes on without it.',
    }),
    message: WrittenText(TEXTS.disputeMessage),
  },
  { ...STRICT, title: 'RefundSettlement' },
)
const OpenDisputes = Type.Object(
  {
    disputes: Type.Array(Type.Object(DisputeFields, { title: 'DisputeSummary' })),
    nextCursor: Type.Optional(Type.String()),
  },
  { title: 'OpenDisputes' },
)

// Milliseconds and an id: where the page before ended.
const CURSOR = '^[0-9]{1,14}\\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
const ListQuery = Type.Object(
  {
    limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
    cursor: Type.Optional(Type.String({ pattern: CURSOR })),
  },
  STRICT,
)

/** When buyer and seller do not agree (R-ORDER-10). */
export async function disputeRoutes(app: App, options: DisputeOptions): Promise<void> {
  openingRoutes(app, options)
  readingRoutes(app, options)
  resolvingRoutes(app, options)
  settlingRoute(app, options)
}

function openingRoutes(app: App, { db, settings }: DisputeOptions): void {
  app.post(
    DISPUTE,
    {
      config,
      schema: {
        tags,
        operationId: 'openDispute',
        summary:
          'As its buyer, once: it has not arrived, or is not what was sold; time stops meanwhile',
        params: OrderParams,
        body: DisputeBody,
        response: answers(DONE, [409, 422]),
      },
    },
    async ({ user, params: { id }, body: { reason, message }, trace }, reply) => {
      const content = readContent(message)
      await withOwnOrder(db, id, user, ['buyer'], async (tx, order, actor) => {
        if ((await readDisputeOf(tx, id)) !== undefined && order.state !== 'disputed')
          throw orderErrors.disputedBefore()
        const act = { kind: 'dispute', timeLeftSeconds: await readTimeLeft(tx, id) } as const
        const happened = { kind: 'disputed', by: user.id, reason } as const
        const details = { reason }
        insistChanged(
          order,
          await perform(tx, order, settings, { act, actor, trace, happened, details }),
        )
        const at = await readClock(tx)
        const answerBy = hoursAfter(at, settings.limits.disputeDays * 24)
        const opened = { orderId: id, openedBy: user.id, reason, openedAt: at, answerBy }
        const disputeId = await insertDispute(tx, opened)
        const written = { authorId: user.id, author: actor.role, content, at }
        await insertMessage(tx, { disputeId, ...written })
      })
      reply.code(204)
      return null
    },
  )
  app.post(
    `${DISPUTE}/messages`,
    {
      config,
      schema: {
        tags,
        operationId: 'writeDisputeMessage',
        summary: 'Write to the other side and the moderators',
        params: OrderParams,
        body: MessageBody,
        response: answers(DONE, [409, 422]),
      },
    },
    async ({ user, params: { id }, body: { message } }, reply) => {
      const content = readContent(message)
      await withOpenDispute(db, id, user, async (tx, { dispute, role }) => {
        const { all, own } = await countMessages(tx, dispute.id, user.id)
        if (own >= OWN_MESSAGES_MAX) throw orderErrors.tooManyOwnMessages()
        if (all >= MESSAGES_MAX) throw orderErrors.tooManyMessages()
        const at = await readClock(tx)
        const written = { authorId: user.id, author: role, content, at }
        await insertMessage(tx, { disputeId: dispute.id, ...written })
      })
      reply.code(204)
      return null
    },
  )
}

function readingRoutes(app: App, { db }: DisputeOptions): void {
  app.get(
    DISPUTE,
    {
      config,
      schema: {
        tags,
        operationId: 'getDispute',
        summary: 'The dispute of an order, with its messages',
        params: OrderParams,
        response: answers({ 200: DisputeAnswer }),
      },
    },
    async ({ user, params: { id } }, reply) => {
      const { order } = await visibleOrder(db, id, user)
      const dispute = await readDisputeOf(db, id)
      if (dispute === undefined) throw orderErrors.disputeNone()
      const messages = await readMessages(db, dispute.id)
      reply.header('cache-control', 'no-store')
      return {
        ...disputeSummary(dispute, order.currencyCode),
        messages: messages.map(messageView),
      }
    },
  )
  app.get(
    `${ORDERS}/disputes`,
    {
      config: moderators,
      schema: {
        tags,
        operationId: 'listOpenDisputes',
        summary: 'As a moderator: open disputes, those whose answer is due first',
        querystring: ListQuery,
        response: answers({ 200: OpenDisputes }),
      },
    },
    async ({ query: { limit, cursor } }, reply) => {
      const [ms = '', id = ''] = cursor?.split('.') ?? []
      const after = cursor === undefined ? undefined : { answerBy: new Date(Number(ms)), id }
      // One extra row shows whether there is a next page.
      const read = await readOpenDisputes(db, { after, limit: limit + 1 })
      const shown = read.slice(0, limit)
      const last = shown.at(-1)
      reply.header('cache-control', 'no-store')
      return {
        disputes: shown.map((dispute) => disputeSummary(dispute, undefined)),
        ...(last === undefined || read.length <= limit
          ? {}
          : { nextCursor: `${last.answerBy.getTime()}.${last.id}` }),
      }
    },
  )
}

function resolvingRoutes(app: App, { db, settings }: DisputeOptions): void {
  app.post(
    `${DISPUTE}/withdrawal`,
    {
      config,
      schema: {
        tags,
        operationId: 'withdrawDispute',
        summary: 'As its buyer: the dispute is over for good, and the order goes on',
        params: OrderParams,
        response: answers(DONE, [409]),
      },
    },
    async ({ user, params: { id }, trace }, reply) => {
      await withOpenDispute(db, id, user, async (tx, { order, dispute, role }) => {
        if (role !== 'buyer') throw orderErrors.disputeNotYours()
        const act = { kind: 'resolve', resolution: 'seller' } as const
        const happened = { kind: 'resolved', resolution: 'seller' } as const
        const actor = { role, id: user.id }
        insistChanged(order, await perform(tx, order, settings, { act, actor, trace, happened }))
        const at = await readClock(tx)
        const resolution = { resolution: 'withdrawn', refundAmount: null, by: user.id, at } as const
        await resolveDispute(tx, dispute.id, resolution)
      })
      reply.code(204)
      return null
    },
  )
  app.post(
    `${DISPUTE}/resolution`,
    {
      config: moderators,
      schema: {
        tags,
        operationId: 'resolveDispute',
        summary: 'As a moderator: decide, with what the buyer gets back',
        params: OrderParams,
        body: ResolutionBody,
        response: answers(DONE, [409, 422]),
      },
    },
    async ({ user, params: { id }, body, trace }, reply) => {
      const content = readContent(body.message)
      await withOpenDispute(db, id, user, async (tx, { order, dispute, role }) => {
        // One who bought or sold it does not decide about it.
        if (role !== 'moderator') throw orderErrors.forbidden()
        const at = await readClock(tx)
        const messages = await readMessages(tx, dispute.id)
        const isAnswered = messages.some(({ author }) => author === 'seller')
        if (!isAnswered && at < dispute.answerBy) throw orderErrors.disputeAnswerOpen()
        const refundAmount = readRefund(order, body)
        const happened = {
          kind: 'resolved',
          resolution: body.resolution,
          ...(refundAmount === null ? {} : { refundAmount }),
        } as const
        const act: Act =
          refundAmount === null
            ? { kind: 'resolve', resolution: 'seller' }
            : { kind: 'resolve', resolution: 'buyer', refund: refundAmount }
        const actor = { role, id: user.id }
        insistChanged(order, await perform(tx, order, settings, { act, actor, trace, happened }))
        const written = { authorId: user.id, author: role, content, at }
        await insertMessage(tx, { disputeId: dispute.id, ...written })
        const resolution = { resolution: body.resolution, refundAmount, by: user.id, at }
        await resolveDispute(tx, dispute.id, resolution)
      })
      reply.code(204)
      return null
    },
  )
}

/** The way out for an order whose refund payment cannot give. */
function settlingRoute(app: App, { db, settings }: DisputeOptions): void {
  app.post(
    `${ORDER}/refund-settlement`,
    {
      config: moderators,
      schema: {
        tags,
        operationId: 'settleRefund',
        summary: 'As a moderator: end the wait for a refund that cannot be given',
        params: OrderParams,
        body: SettlementBody,
        response: answers(DONE, [409, 422]),
      },
    },
    async ({ user, params: { id }, body, trace }, reply) => {
      const content = readContent(body.message)
      await outboxTransaction(db, async (tx) => {
        const order = await lockOrder(tx, id)
        if (order === undefined) throw orderErrors.notFound()
        const role = roleOf(order, user)
        // One who bought or sold it does not decide about it.
        if (role !== 'moderator') throw orderErrors.forbidden()
        if (order.state !== 'refund_pending') throw orderErrors.refundNotPending()
        const act = { kind: 'settle_refund', outcome: body.outcome } as const
        const actor = { role, id: user.id }
        const details = { outcome: body.outcome }
        const happened = { kind: 'refund_settled', ...details } as const
        const performance = { act, actor, trace, details, happened }
        insistChanged(order, await perform(tx, order, settings, performance))
        const dispute = await readDisputeOf(tx, id)
        if (dispute === undefined) throw new Error(`order ${id} waits for a refund of no dispute`)
        const at = await readClock(tx)
        const written = { authorId: user.id, author: role, content, at }
        await insertMessage(tx, { disputeId: dispute.id, ...written })
      })
      reply.code(204)
      return null
    },
  )
}

/** What the buyer gets back: all that is left unless the moderator says how much. */
function readRefund(
  order: OrderRecord,
  { resolution, refundAmount }: { resolution: 'buyer' | 'seller'; refundAmount?: string },
): bigint | null {
  if (resolution === 'seller') {
    if (refundAmount !== undefined) throw orderErrors.refundInvalid()
    return null
  }
  const left = leftOf(order)
  if (refundAmount === undefined) return left
  const parsed = parseAmount(refundAmount, order.currencyCode)
  if (!parsed.ok || parsed.minor > left) throw orderErrors.refundInvalid()
  return parsed.minor
}

function readContent(text: string): string {
  const read = readMessage(text)
  if (!read.ok) throw orderErrors.invalidMessage({ reason: read.reason })
  return read.text
}

interface OpenDispute {
  readonly order: OrderRecord
  readonly dispute: Dispute
  readonly role: Role
}

/** Runs work on the open dispute of an order, under the order's lock. */
function withOpenDispute(
  db: Kysely<Database>,
  orderId: string,
  user: Caller,
  work: (tx: Transaction<Database>, open: OpenDispute) => Promise<void>,
): Promise<void> {
  return outboxTransaction(db, async (tx) => {
    const order = await lockOrder(tx, orderId)
    const role = order === undefined ? undefined : roleOf(order, user)
    if (order === undefined || role === undefined) throw orderErrors.notFound()
    const dispute = await readDisputeOf(tx, orderId)
    if (dispute === undefined || dispute.resolution !== null) throw orderErrors.disputeNone()
    await work(tx, { order, dispute, role })
  })
}
