import type { AmountProblem } from '@auction/common/money.ts'
import { type Acceptance, accept, type ValidBid } from './accept.ts'
import { highestTaken, isBuyNowOpen, type Lot, minNextBid } from './lot.ts'
import type { BidSettings } from './settings.ts'

export type BidderStanding = 'ok' | 'suspended' | 'not_verified' | 'blocked_by_seller'

/** The amount as the caller read it. A wrong one is refused in its turn, not before the others. */
export type BidAmount = bigint | { readonly invalid: AmountProblem }

/** A bid as it arrived. */
export interface Bid {
  readonly bidId: string
  readonly bidderId: string
  /** Absent for a user who has not bid on this lot before. */
  readonly bidderNumber?: number | undefined
  readonly bidderStanding?: BidderStanding | undefined
  readonly maxAmount: BidAmount
  readonly currencyCode?: string | undefined
  readonly termsVersion?: number | undefined
  /** The bidder has confirmed this unusually high maximum. */
  readonly confirmed: boolean
}

export type RefusalCode =
  | 'bid.user_suspended'
  | 'bid.not_verified'
  | 'bid.blocked_by_seller'
  | 'bid.own_item'
  | 'bid.not_started'
  | 'bid.ended'
  | 'bid.not_active'
  | 'item.reserved'
  | 'bid.currency_mismatch'
  | 'bid.amount_invalid'
  | 'bid.terms_changed'
  | 'bid.exceeds_buy_now'
  | 'bid.too_low'
  | 'bid.confirmation_required'

/** What the bidder needs to do better. Nothing in it depends on another bidder's maximum. */
export interface RefusalDetails {
  readonly startsAtMs?: number
  readonly endsAtMs?: number
  readonly currencyCode?: string
  readonly reason?: AmountProblem
  readonly termsVersion?: number
  readonly buyNowPrice?: bigint
  readonly minNextBid?: bigint
  /** The price that a bid to be confirmed was compared with; the confirmation is bound to it. */
  readonly price?: bigint
}

export interface Refusal {
  readonly outcome: 'refused'
  readonly code: RefusalCode
  readonly details: RefusalDetails
}

export type Verdict = Refusal | Acceptance

/**
 * Decides one bid. Pure: the caller supplies the clock and persists the verdict. Whether a bid
 * was in time is judged by the real instant; the recorded one never runs backwards in the ledger.
 */
export function judge(lot: Lot, bid: Bid, nowMs: number, settings: BidSettings): Verdict {
  const refusal =
    refusedForBidder(lot, bid) ??
    refusedForPhase(lot, nowMs) ??
    refusedForForm(lot, bid, settings) ??
    refusedForAmount(lot, bid, settings)
  if (refusal !== undefined) return refusal
  if (!hasValidAmount(bid)) throw new TypeError('An invalid amount passed the checks')
  // Whole milliseconds survive every store and clock, so a replay extends exactly as it was.
  const decidedAtMs = Math.max(Math.floor(nowMs), lot.lastDecidedAtMs ?? 0)
  return accept(lot, bid, decidedAtMs, settings)
}

function refusedForBidder(lot: Lot, bid: Bid): Refusal | undefined {
  switch (bid.bidderStanding) {
    case 'suspended':
      return refused('bid.user_suspended')
    case 'not_verified':
      return refused('bid.not_verified')
    case 'blocked_by_seller':
      return refused('bid.blocked_by_seller')
    default:
      return bid.bidderId === lot.sellerId ? refused('bid.own_item') : undefined
  }
}

/**
 * A cancelled lot is never "not started", or a client would wait for it. After the end time
 * everything is simply over; before it, a lot that was bought is no longer active.
 */
function refusedForPhase(lot: Lot, nowMs: number): Refusal | undefined {
  if (lot.phase === 'cancelled') return refused('bid.not_active')
  if (nowMs < lot.startsAtMs) return refused('bid.not_started', { startsAtMs: lot.startsAtMs })
  if (nowMs >= lot.endsAtMs) return refused('bid.ended', { endsAtMs: lot.endsAtMs })
  if (lot.phase === 'closed') return refused('bid.not_active')
  if (lot.phase === 'reserved') return refused('item.reserved')
  // The other types share lots and ledger, but their bids are made and judged in other ways.
  return lot.type === 'english' ? undefined : refused('bid.not_active')
}

function refusedForForm(lot: Lot, bid: Bid, settings: BidSettings): Refusal | undefined {
  if (bid.currencyCode !== undefined && bid.currencyCode !== lot.currencyCode) {
    return refused('bid.currency_mismatch', { currencyCode: lot.currencyCode })
  }
  const problem = amountProblem(bid.maxAmount, highestTaken(lot, settings))
  if (problem !== undefined) return refused('bid.amount_invalid', { reason: problem })
  if (bid.termsVersion !== undefined && bid.termsVersion !== lot.termsVersion) {
    return refused('bid.terms_changed', { termsVersion: lot.termsVersion })
  }
  return undefined
}

function amountProblem(amount: BidAmount, absoluteCap: bigint): AmountProblem | undefined {
  if (typeof amount !== 'bigint') return amount.invalid
  if (amount <= 0n) return 'not_positive'
  return amount > absoluteCap ? 'too_large' : undefined
}

function refusedForAmount(lot: Lot, bid: Bid, settings: BidSettings): Refusal | undefined {
  if (!hasValidAmount(bid)) return undefined
  const { maxAmount } = bid
  const { buyNowPrice } = lot
  if (buyNowPrice !== null && maxAmount >= buyNowPrice && isBuyNowOpen(lot, settings)) {
    return refused('bid.exceeds_buy_now', { buyNowPrice })
  }
  const minimum = minNextBid(lot, settings, bid.bidderId)
  if (maxAmount < minimum) {
    const isTaken = minimum <= highestTaken(lot, settings)
    return refused('bid.too_low', isTaken ? { minNextBid: minimum } : NO_DETAILS)
  }
  // The minimum itself is what was announced: however large the step is, no one meant less.
  if (bid.confirmed || maxAmount === minimum) return undefined
  const rules = settings.rulesFor(lot.currencyCode)
  const price = lot.currentPrice ?? lot.startPrice
  if (maxAmount < rules.confirmationThreshold) return undefined
  if (maxAmount <= rules.confirmationFactor * price) return undefined
  return refused('bid.confirmation_required', { price })
}

function hasValidAmount(bid: Bid): bid is Bid & ValidBid {
  return typeof bid.maxAmount === 'bigint'
}

const NO_DETAILS: RefusalDetails = Object.freeze({})

function refused(code: RefusalCode, details: RefusalDetails = NO_DETAILS): Refusal {
  return { outcome: 'refused', code, details }
}
