import type { ErrorBody, ServiceError } from '@auction/common/http/errors.ts'
import { IDEMPOTENCY_KEY_FORMAT, readIdempotencyKey } from '@auction/common/http/idempotency-key.ts'
import {
  Amount,
  answers,
  CurrencyCode,
  Instant,
  OneOf,
  STRICT,
  Uuid,
} from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { newId } from '@auction/common/ids.ts'
import { formatAmount } from '@auction/common/money.ts'
import type { Kysely } from 'kysely'
import type { Pool } from 'pg'
import { type Static, Type } from 'typebox'
import { type Decision, requestHash } from '#src/app/bid-command.ts'
import type { BidQueue } from '#src/app/bid-queue.ts'
import type { BidderLimits } from '#src/app/bidder-limits.ts'
import { alias, isoInstant } from '#src/app/lot-view.ts'
import type { AcceptedBid, RefusedBid } from '#src/domain/bid-record.ts'
import { bidErrors, REFUSALS } from '#src/errors.ts'
import { readHistory } from '#src/infra/postgres/bids.ts'
import { readLot } from '#src/infra/postgres/lots.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

const ItemParams = Type.Object({ itemId: Uuid })

export const BidHeaders = Type.Object({
  'idempotency-key': Type.Optional(Type.String({ description: IDEMPOTENCY_KEY_FORMAT })),
})

const BidBody = Type.Object(
  {
    maxAmount: Type.String({
      minLength: 1,
      maxLength: 32,
      description: 'The most you would pay: a decimal string such as "25.50".',
    }),
    currencyCode: Type.Optional(CurrencyCode),
    termsVersion: Type.Optional(Type.Integer({ minimum: 1, maximum: 2_147_483_647 })),
    confirmation: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
  },
  { ...STRICT, title: 'NewBid' },
)

const BidAnswerFields = {
  bidId: Uuid,
  itemId: Uuid,
  outcome: OneOf(['leading', 'outbid']),
  currentPrice: Amount,
  minNextBid: Type.Optional(Amount),
  bidCount: Type.Integer(),
  reserveMet: Type.Boolean(),
  endDate: Instant,
  extended: Type.Boolean(),
  sequence: Type.Integer(),
  serverTime: Instant,
}

const BidAnswer = Type.Object(BidAnswerFields, {
  title: 'BidAnswer',
  headers: {
    'idempotency-replayed': {
      type: 'string',
      description: 'true when this is the stored answer to an earlier bid with the same key',
    },
  },
})

const HistoryAnswer = Type.Object(
  {
    bids: Type.Array(
      Type.Object({
        bidId: Uuid,
        bidder: Type.String(),
        kind: OneOf(['manual', 'auto']),
        amount: Amount,
        sequence: Type.Integer(),
        bidAt: Instant,
      }),
    ),
    nextBefore: Type.Optional(Type.Integer()),
    serverTime: Instant,
  },
  { title: 'BidHistory' },
)

const HISTORY_LIMIT_MAX = 200

export interface BidRoutesOptions {
  pool: Pool
  db: Kysely<Database>
  queue: BidQueue
  /** None: bidders bid as fast as they like. */
  limits?: BidderLimits
  observe?: { tooFast(): void }
}

/** Placing a bid, and the history of a lot. */
export async function bidRoutes(app: App, options: BidRoutesOptions): Promise<void> {
  const { pool, db, queue, limits, observe } = options
  app.post(
    '/api/v1/lots/:itemId/bids',
    {
      config: { auth: 'bearer', access: 'any' },
      bodyLimit: 4 * 1024,
      schema: {
        tags: ['bids'],
        operationId: 'placeBid',
        summary: 'Bid by proxy up to a maximum that no one else sees',
        description: 'Send an Idempotency-Key: the same key and body always get the same answer.',
        params: ItemParams,
        headers: BidHeaders,
        body: BidBody,
        response: answers({ 201: BidAnswer }, [403, 409, 422]),
      },
    },
    async (request, reply) => {
      const { user, body, params } = request
      // A bid has arrived when its body has. Counted from its headers, a bidder could send those
      // in time, watch the final price, and choose the amount afterwards.
      const receivedAtMs = performance.now()
      if (limits !== undefined) refuseTooFast(limits, user.id, receivedAtMs, observe)
      const decision = await queue.submit({
        kind: 'bid',
        bidId: newId(),
        itemId: params.itemId,
        requestHash: requestHash({ ...body, itemId: params.itemId }),
        bidderId: user.id,
        maxAmount: body.maxAmount,
        currencyCode: body.currencyCode,
        termsVersion: body.termsVersion,
        confirmation: body.confirmation,
        idempotencyKey: idempotencyKey(request.headers['idempotency-key']),
        receivedAtMs,
        trace: request.trace,
      })
      if (decision.kind !== 'decided') throw undecided(decision.kind)
      const { record } = decision
      if (decision.isRepeat) reply.header('idempotency-replayed', 'true')
      if (record.outcome === 'refused') {
        limits?.refused(user.id, performance.now())
        // Refusals are everyday answers, most of them on a hot lot: no error, and no stack, is made.
        const { statusCode } = REFUSALS[record.refusalCode]
        return reply.code(statusCode).send(refusalAnswer(record, request.trace.traceId))
      }
      if ('amount' in record) throw new Error('a bid was answered with a purchase')
      reply.code(201)
      return bidAnswer(record, decision.currencyCode)
    },
  )

  app.get(
    '/api/v1/lots/:itemId/bids',
    {
      config: { auth: 'optional' },
      schema: {
        tags: ['bids'],
        operationId: 'listLotBids',
        summary: 'History of a lot, newest first, bidders by alias',
        params: ItemParams,
        querystring: Type.Object(
          {
            limit: Type.Integer({ minimum: 1, maximum: HISTORY_LIMIT_MAX, default: 50 }),
            before: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
          },
          STRICT,
        ),
        response: answers({ 200: HistoryAnswer }),
      },
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store')
      const { limit, before } = request.query
      const view = await readLot(pool, request.params.itemId)
      if (view === undefined) throw bidErrors.lotNotFound()
      const rows = await readHistory(db, request.params.itemId, before, limit)
      const last = rows.at(-1)
      return {
        bids: rows.map((row) => ({
          bidId: row.bidId,
          bidder: alias(row.bidderNumber),
          kind: row.kind === 'auto' ? 'auto' : 'manual',
          amount: formatAmount(row.amount, view.lot.currencyCode),
          sequence: row.sequence,
          bidAt: isoInstant(row.decidedAtMs),
        })),
        ...(rows.filter(({ kind }) => kind !== 'auto').length === limit && last !== undefined
          ? { nextBefore: last.sequence }
          : {}),
        serverTime: isoInstant(view.nowMs),
      }
    },
  )
}

/** Throws when a user bids and buys faster than may be. */
export function refuseTooFast(
  limits: BidderLimits,
  userId: string,
  receivedAtMs: number,
  observe?: { tooFast(): void },
): void {
  const waitMs = limits.admit(userId, receivedAtMs)
  if (waitMs <= 0) return
  observe?.tooFast()
  throw bidErrors.tooManyBids(retryAfterSeconds(waitMs))
}

const JITTER_SECONDS = 2

/** Not the same for all, or all who were sent away come back together. */
function retryAfterSeconds(waitMs: number): number {
  return Math.ceil(waitMs / 1_000 + Math.random() * JITTER_SECONDS)
}

export function idempotencyKey(header: string | string[] | undefined): string | null {
  if (header === undefined) return null
  const key = readIdempotencyKey(header)
  if (key !== undefined) return key
  throw bidErrors.invalidKey({ field: 'idempotency-key', reason: 'is malformed' })
}

export function undecided(kind: Exclude<Decision['kind'], 'decided'>): ServiceError {
  switch (kind) {
    case 'lot_not_found':
      return bidErrors.lotNotFound()
    case 'key_reused':
      return bidErrors.keyReused({ field: 'idempotency-key' })
    case 'waited_too_long':
      return bidErrors.waitedTooLong()
  }
}

function bidAnswer(record: AcceptedBid, currencyCode: string): Static<typeof BidAnswer> {
  return {
    bidId: record.bidId,
    itemId: record.itemId,
    outcome: record.outcome,
    currentPrice: formatAmount(record.price, currencyCode),
    ...(record.minNextBid === null
      ? {}
      : { minNextBid: formatAmount(record.minNextBid, currencyCode) }),
    bidCount: record.bidCount,
    reserveMet: record.reserveMet,
    endDate: isoInstant(record.endsAtMs),
    extended: record.extended,
    sequence: record.sequence,
    serverTime: isoInstant(record.recordedAtMs),
  }
}

export function refusalAnswer(
  { refusalCode, refusalDetails }: RefusedBid,
  traceId: string,
): ErrorBody {
  const { message } = REFUSALS[refusalCode]
  const body = { code: refusalCode, message, traceId }
  return refusalDetails === null ? body : { ...body, details: refusalDetails }
}
