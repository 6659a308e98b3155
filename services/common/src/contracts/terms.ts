import { type Static, Type } from 'typebox'
import { Amount, CurrencyCode, Instant, STRICT, Uuid } from '../http/schemas.ts'

/**
 * The terms of one lot, as auction hands them to bid over the internal API. This is the only
 * place where a reserve leaves the auction service; events carry `hasReserve` instead.
 */
export const ApplyTermsRequest = Type.Object(
  {
    itemId: Uuid,
    sellerId: Uuid,
    type: Type.Union([
      Type.Literal('english'),
      Type.Literal('sealed_first'),
      Type.Literal('sealed_second'),
      Type.Literal('dutch'),
      Type.Literal('reverse'),
    ]),
    round: Type.Integer({ minimum: 1 }),
    termsVersion: Type.Integer({ minimum: 1 }),
    currencyCode: CurrencyCode,
    startPrice: Amount,
    bidIncrement: Type.Optional(Amount),
    reservePrice: Type.Optional(Amount),
    buyoutPrice: Type.Optional(Amount),
    /** Absent: a purchase ends the lot at once. */
    buyoutMode: Type.Optional(Type.Union([Type.Literal('immediate'), Type.Literal('reserved')])),
    /** For how long a purchase reserves the lot, with the mode `reserved`. */
    buyoutReservationMinutes: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_440 })),
    /** Who bids or buys has so much held by a card before; absent: nothing. */
    deposit: Type.Optional(Amount),
    startDate: Instant,
    endDate: Instant,
    extensionThresholdMinutes: Type.Integer({ minimum: 0, maximum: 1_440 }),
    extensionDurationMinutes: Type.Integer({ minimum: 0, maximum: 1_440 }),
    extensionMode: Type.Union([Type.Literal('from_end'), Type.Literal('from_bid')]),
    /** Total time that all extensions together may add. */
    maxExtensionMinutes: Type.Integer({ minimum: 0, maximum: 10_080 }),
    /** 0 = no limit on the number of extensions. */
    maxExtensions: Type.Integer({ minimum: 0, maximum: 10_000 }),
    /**
     * The edit behind this version (a new title, say) is allowed only while there is no bid, although
     * the terms themselves may not show it: with bids, bid refuses it with lot.has_bids.
     */
    requiresNoBids: Type.Optional(Type.Boolean()),
  },
  STRICT,
)
export type ApplyTermsRequest = Static<typeof ApplyTermsRequest>

/**
 * PUT /internal/v1/lots/:itemId/terms on bid, judged under the lot's lock. 200 with the outcome;
 * 409 `lot.has_bids | lot.stale_terms | lot.not_active` when the change is refused.
 * The same termsVersion again answers `unchanged`, so a retry is safe.
 */
export const ApplyTermsAnswer = Type.Object({
  outcome: Type.Union([
    Type.Literal('created'),
    Type.Literal('replaced'),
    Type.Literal('unchanged'),
  ]),
  termsVersion: Type.Integer(),
  sequence: Type.Integer(),
})
export type ApplyTermsAnswer = Static<typeof ApplyTermsAnswer>

/** The terms, and whether it is the seller who asks: then bids may stand against it. */
export const LotCancellation = Type.Object(
  { ...ApplyTermsRequest.properties, bySeller: Type.Optional(Type.Boolean()) },
  STRICT,
)
export type LotCancellation = Static<typeof LotCancellation>

/**
 * PUT /internal/v1/lots/:itemId/cancellation on bid, with the terms: a lot that bid does not know
 * is made and cancelled at once, so that terms on their way cannot open it later. 200 however often
 * it is asked; 409 `lot.not_active` when the lot was over before, `lot.has_bids` when its seller is
 * bound to it.
 */
export const CancelLotAnswer = Type.Object({
  outcome: Type.Union([Type.Literal('cancelled'), Type.Literal('unchanged')]),
})
export type CancelLotAnswer = Static<typeof CancelLotAnswer>

/**
 * PUT /internal/v1/lots/:itemId/purchases/:purchaseId/payment on bid, before the money of a reservation is taken: the
 * lot is sold. 200 however often it is asked; 409 `payment.late` when the reservation is over.
 */
export const PayReservationAnswer = Type.Object({
  outcome: Type.Union([Type.Literal('bought_now'), Type.Literal('unchanged')]),
})
export type PayReservationAnswer = Static<typeof PayReservationAnswer>

/** How an item goes into a new round: as an item of its own, whose id auction has chosen. */
export const RelistLotRequest = Type.Object(
  { newItemId: Uuid, isAutomatic: Type.Boolean() },
  STRICT,
)
export type RelistLotRequest = Static<typeof RelistLotRequest>

/**
 * PUT /internal/v1/lots/:itemId/relisting on bid, before auction makes the new item: what is offered of the old round is
 * withdrawn. 200 however often it is asked for the same new item; `later`: an automatic one has to wait. 409
 * `item.not_relistable` when the lot runs, is sold or has been relisted.
 */
export const RelistLotAnswer = Type.Object({
  outcome: Type.Union([Type.Literal('relisted'), Type.Literal('later')]),
  /** With `later`: before then the answer is the same; absent where that depends on others. */
  notBefore: Type.Optional(Instant),
})
export type RelistLotAnswer = Static<typeof RelistLotAnswer>

/** GET /internal/v1/lots/:itemId/deposit on bid: what a lot wants held, and where it is. 404 `lot.not_found`. */
export const LotDeposit = Type.Object({
  itemId: Uuid,
  sellerId: Uuid,
  currencyCode: CurrencyCode,
  /** Absent: nothing. */
  deposit: Type.Optional(Amount),
  phase: Type.Union([
    Type.Literal('pending'),
    Type.Literal('open'),
    Type.Literal('reserved'),
    Type.Literal('closing'),
    Type.Literal('closed'),
    Type.Literal('cancelled'),
  ]),
  endDate: Instant,
  winnerId: Type.Optional(Uuid),
})
export type LotDeposit = Static<typeof LotDeposit>

/** An order that was cancelled, and the number that its reopening will have. */
export const TakeBackRequest = Type.Object(
  {
    buyerId: Uuid,
    round: Type.Integer({ minimum: 1 }),
    unit: Type.Integer({ minimum: 1 }),
    sequence: Type.Integer({ minimum: 1 }),
  },
  STRICT,
)
export type TakeBackRequest = Static<typeof TakeBackRequest>

/**
 * PUT /internal/v1/lots/:itemId/orders/:orderId/reopening on bid, before order reopens it. 200 however often it is asked;
 * 409 `lot.unit_taken` when the unit is offered or sold to another, `lot.take_back_outdated` when this number of the order
 * was given up or something newer of it is known.
 */
export const TakeBackAnswer = Type.Object({ outcome: Type.Literal('taken_back') })
export type TakeBackAnswer = Static<typeof TakeBackAnswer>

/**
 * PUT /internal/v1/lots/:itemId/orders/:orderId/reopening/undo on bid, with what was asked: the order is not reopened with this
 * number, so its unit is free again. 200 however often it is asked, be it before that which it undoes; 409
 * `lot.take_back_outdated` when something newer of the order is known.
 */
export const UndoTakeBackAnswer = Type.Object({
  outcome: Type.Union([Type.Literal('undone'), Type.Literal('unchanged')]),
})
export type UndoTakeBackAnswer = Static<typeof UndoTakeBackAnswer>

/** Paths of the internal API, in one place for both sides. */
export const internalPaths = {
  /** On bid. */
  lotTerms: (itemId: string) => `/internal/v1/lots/${itemId}/terms`,
  lotCancellation: (itemId: string) => `/internal/v1/lots/${itemId}/cancellation`,
  purchasePayment: (itemId: string, purchaseId: string) =>
    `/internal/v1/lots/${itemId}/purchases/${purchaseId}/payment`,
  lotDeposit: (itemId: string) => `/internal/v1/lots/${itemId}/deposit`,
  lotRelisting: (itemId: string) => `/internal/v1/lots/${itemId}/relisting`,
  orderReopening: (itemId: string, orderId: string) =>
    `/internal/v1/lots/${itemId}/orders/${orderId}/reopening`,
  undoneReopening: (itemId: string, orderId: string) =>
    `/internal/v1/lots/${itemId}/orders/${orderId}/reopening/undo`,
  /** On auction: answers ApplyTermsRequest of a published item, 404 otherwise. */
  itemTerms: (itemId: string) => `/internal/v1/items/${itemId}/terms`,
}
