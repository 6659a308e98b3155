import { defineError, ServiceError } from '@auction/common/http/errors.ts'
import type { RefusalCode } from '#src/domain/judge.ts'
import type { OfferRefusal } from '#src/domain/offer.ts'

// Bids that are turned away together must not all come back together.
const RETRY_SOON = { retryAfterSeconds: 1, retryAfterSpreadSeconds: 2 }

/** Every error this service answers with, apart from the refusals of a bid below. */
export const bidErrors = {
  unauthenticated: defineError('bid.unauthenticated', 'Log in to do this.', 401),
  lotNotFound: defineError('lot.not_found', 'There is no lot with this id.', 404),
  blockOwnAccount: defineError('block.own_account', 'You cannot block yourself.', 422),
  blockNotYourLot: defineError('block.not_your_lot', 'Only its seller can do this.', 403),
  blockBidderNotFound: defineError('block.bidder_not_found', 'There is no such bidder.', 404),
  blockTooMany: defineError('block.too_many', 'You block as many bidders as can be blocked.', 409),
  keyReused: defineError(
    'bid.idempotency_key_reused',
    'This Idempotency-Key was used for another request.',
    422,
  ),
  invalidKey: defineError(
    'request.invalid_headers',
    'Idempotency-Key must be 1 to 128 letters, digits or any of . _ : -',
    400,
  ),
  queueFull: defineError(
    'bid.queue_full',
    'Too many bids at once. Nothing was recorded; try again.',
    503,
    RETRY_SOON,
  ),
  tooManyBids: (retryAfterSeconds: number) =>
    new ServiceError(
      'bid.too_many_bids',
      'You send bids too fast. Nothing was recorded; try again.',
      429,
      undefined,
      retryAfterSeconds,
    ),
  waitedTooLong: defineError(
    'bid.waited_too_long',
    'The bid waited too long to be decided. Nothing was recorded; try again.',
    503,
    RETRY_SOON,
  ),
  lotHasBids: defineError('lot.has_bids', 'These terms cannot change once there are bids.', 409),
  lotStaleTerms: defineError('lot.stale_terms', 'Newer terms have been applied already.', 409),
  lotNotActive: defineError('lot.not_active', 'The lot is closed.', 409),
  paymentLate: defineError(
    'payment.late',
    'The reservation is over. The item is not sold to this buyer.',
    409,
  ),
  notRelistable: defineError(
    'item.not_relistable',
    'This item runs, is sold or has been put up for auction again.',
    409,
  ),
  unitTaken: defineError(
    'lot.unit_taken',
    'The item is offered or sold to another bidder, or up for auction again.',
    409,
  ),
  takeBackOutdated: defineError(
    'lot.take_back_outdated',
    'Something newer is known of this order.',
    409,
  ),
  offerNotYourLot: defineError('offer.not_your_lot', 'Only its seller can do this.', 403),
  offerAmountInvalid: defineError('offer.amount_invalid', 'This is not a valid amount.', 422),
  offerKeyReused: defineError(
    'offer.idempotency_key_reused',
    'This Idempotency-Key was used for another request.',
    422,
  ),
  lotInvalidTerms: defineError('lot.invalid_terms', 'The terms are not valid.', 422),
}

/** Status and text of every refusal, in the order in which they are checked (R-BID-1). */
export const REFUSALS = {
  'bid.user_suspended': { statusCode: 403, message: 'Your account may not bid at present.' },
  'bid.not_verified': { statusCode: 403, message: 'Verify your account before you bid.' },
  'bid.blocked_by_seller': { statusCode: 403, message: 'The seller does not take your bids.' },
  'bid.own_item': { statusCode: 403, message: 'You cannot bid on your own item.' },
  'bid.not_started': { statusCode: 409, message: 'Bidding has not started yet.' },
  'bid.ended': { statusCode: 409, message: 'Bidding is over.' },
  'bid.not_active': { statusCode: 409, message: 'This lot does not take bids.' },
  'item.reserved': { statusCode: 409, message: 'This item is being bought right now.' },
  'bid.deposit_required': {
    statusCode: 403,
    message: 'This lot takes bids only with a deposit. Have it held by your card first.',
  },
  'bid.currency_mismatch': { statusCode: 422, message: 'The lot is sold in another currency.' },
  'bid.amount_invalid': { statusCode: 422, message: 'maxAmount is not a valid amount.' },
  'bid.terms_changed': { statusCode: 409, message: 'The terms changed. Read them again.' },
  'bid.exceeds_buy_now': {
    statusCode: 422,
    message: 'Your maximum reaches the buy-now price. Buy it now instead.',
  },
  'bid.buy_now_unavailable': {
    statusCode: 409,
    message: 'This item cannot be bought at once, or not any more. You may bid.',
  },
  'bid.reserved_too_often': {
    statusCode: 409,
    message: 'You have reserved this item before and did not pay. You may bid.',
  },
  'bid.too_low': { statusCode: 422, message: 'The bid is below the minimum next bid.' },
  'bid.confirmation_required': {
    statusCode: 409,
    message: 'Your maximum is far above the price. Confirm that it is meant.',
  },
} as const satisfies Record<RefusalCode, { statusCode: number; message: string }>

/** Why an offer is not made or not answered, in the order in which it is checked (R-OFFER-1). */
export const OFFER_REFUSALS = {
  'offer.not_found': defineError('offer.not_found', 'There is no offer with this id.', 404),
  'offer.not_open': defineError('offer.not_open', 'This offer is over.', 409),
  'offer.not_allowed': defineError(
    'offer.not_allowed',
    'This lot gives no occasion for such an offer.',
    409,
  ),
  'offer.too_late': defineError('offer.too_late', 'The time for such offers is over.', 409),
  'offer.invalid_duration': defineError(
    'offer.invalid_duration',
    'An offer is open for 1, 3, 5 or 7 days.',
    422,
  ),
  'offer.no_such_unit': defineError('offer.no_such_unit', 'The lot has no such unit.', 422),
  'offer.already_open': defineError('offer.already_open', 'The item is offered already.', 409),
  'offer.order_not_cancelled': defineError(
    'offer.order_not_cancelled',
    'The item is sold. It can be offered again when that order was cancelled.',
    409,
  ),
  'offer.not_eligible': defineError(
    'offer.not_eligible',
    'The item cannot be offered to this bidder.',
    409,
  ),
  'offer.nobody_left': defineError(
    'offer.nobody_left',
    'There is no bidder left to offer the item to.',
    409,
  ),
} as const satisfies Record<OfferRefusal, ReturnType<typeof defineError>>
