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
import { type Static, Type } from 'typebox'
import { purchaseHash, purchaseKey } from '#src/app/bid-command.ts'
import type { BidQueue } from '#src/app/bid-queue.ts'
import type { BidderLimits } from '#src/app/bidder-limits.ts'
import { isoInstant } from '#src/app/lot-view.ts'
import type { RecordedPurchase } from '#src/domain/bid-record.ts'
import { REFUSALS } from '#src/errors.ts'
import { BidHeaders, idempotencyKey, refusalAnswer, refuseTooFast, undecided } from './bids.ts'

const PurchaseBody = Type.Object(
  {
    price: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 32,
        description: 'The price that you saw. At another one you do not buy.',
      }),
    ),
    termsVersion: Type.Optional(Type.Integer({ minimum: 1, maximum: 2_147_483_647 })),
  },
  { ...STRICT, title: 'NewPurchase' },
)

const PurchaseAnswer = Type.Object(
  {
    purchaseId: Uuid,
    itemId: Uuid,
    /** `bought_now`: the lot is yours. `reserved`: it is, if you pay until `reservedUntil`. */
    outcome: OneOf(['bought_now', 'reserved']),
    finalAmount: Amount,
    currencyCode: CurrencyCode,
    reservedUntil: Type.Optional(Instant),
    sequence: Type.Integer(),
    serverTime: Instant,
  },
  {
    title: 'PurchaseAnswer',
    headers: {
      'idempotency-replayed': {
        type: 'string',
        description: 'true when this is the stored answer to an earlier purchase with the same key',
      },
    },
  },
)

export interface PurchaseRoutesOptions {
  queue: BidQueue
  limits: BidderLimits
  observe: { tooFast(): void }
}

/** Buying a lot at once (R-BID-22). */
export async function purchaseRoutes(app: App, options: PurchaseRoutesOptions): Promise<void> {
  const { queue, limits, observe } = options
  app.post(
    '/api/v1/lots/:itemId/buy-now',
    {
      config: { auth: 'bearer', access: 'any' },
      bodyLimit: 4 * 1024,
      schema: {
        tags: ['purchases'],
        operationId: 'buyNow',
        summary: 'Buy a lot at once, at its buy-now price',
        description:
          'Depending on the lot it is yours at once, or reserved for you until it is paid. ' +
          'Send an Idempotency-Key: the same key and body always get the same answer.',
        params: Type.Object({ itemId: Uuid }),
        headers: BidHeaders,
        body: PurchaseBody,
        response: answers({ 201: PurchaseAnswer }, [403, 409, 422]),
      },
    },
    async (request, reply) => {
      const { user, body, params } = request
      const receivedAtMs = performance.now()
      refuseTooFast(limits, user.id, receivedAtMs, observe)
      const decision = await queue.submit({
        kind: 'buy_now',
        bidId: newId(),
        itemId: params.itemId,
        requestHash: purchaseHash({ ...body, itemId: params.itemId }),
        bidderId: user.id,
        price: body.price,
        termsVersion: body.termsVersion,
        idempotencyKey: purchaseKey(idempotencyKey(request.headers['idempotency-key'])),
        receivedAtMs,
        trace: request.trace,
      })
      if (decision.kind !== 'decided') throw undecided(decision.kind)
      const { record } = decision
      if (decision.isRepeat) reply.header('idempotency-replayed', 'true')
      if (record.outcome === 'refused') {
        limits.refused(user.id, performance.now())
        const { statusCode } = REFUSALS[record.refusalCode]
        return reply.code(statusCode).send(refusalAnswer(record, request.trace.traceId))
      }
      if (!('amount' in record)) throw new Error('a purchase was answered with a bid')
      reply.code(201)
      return purchaseAnswer(record, decision.currencyCode)
    },
  )
}

function purchaseAnswer(
  record: RecordedPurchase,
  currencyCode: string,
): Static<typeof PurchaseAnswer> {
  return {
    purchaseId: record.bidId,
    itemId: record.itemId,
    outcome: record.outcome,
    finalAmount: formatAmount(record.amount, currencyCode),
    currencyCode,
    ...(record.reservedUntilMs === null
      ? {}
      : { reservedUntil: isoInstant(record.reservedUntilMs) }),
    sequence: record.sequence,
    serverTime: isoInstant(record.recordedAtMs),
  }
}
