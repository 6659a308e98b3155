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

/** Paths of the internal API, in one place for both sides. */
export const internalPaths = {
  /** On bid. */
  lotTerms: (itemId: string) => `/internal/v1/lots/${itemId}/terms`,
  lotCancellation: (itemId: string) => `/internal/v1/lots/${itemId}/cancellation`,
  /** On auction: answers ApplyTermsRequest of a published item, 404 otherwise. */
  itemTerms: (itemId: string) => `/internal/v1/items/${itemId}/terms`,
}
