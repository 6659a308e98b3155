import type { AmountProblem } from '@auction/common/money.ts'
import { type Acceptance, accept, type ValidBid } from './accept.ts'
import type { ReleaseEntry } from './ledger.ts'
import { highestTaken, isBuyNowOpen, type Lot, minNextBid } from './lot.ts'
import { type Bought, buy, lapse } from './purchase.ts'
import type { BidSettings } from './settings.ts'

export type BidderStanding = 'ok' | 'suspended' | 'not_verified' | 'blocked_by_seller'

/** The amount as the caller read it. A wrong one is refused in its turn, not before the others. */
export type BidAmount = bigint | { readonly invalid: AmountProblem }

/** Money that a card holds of a bidder for a lot. */
export interface HeldDeposit {
  readonly amount: bigint
  /** That instant is outside already; null: without an end that is known. */
  readonly heldUntilMs: number | null
}

interface Depositor {
  /** What is held of this bidder for the lot; absent for a lot that wants no deposit. */
  readonly deposits?: readonly HeldDeposit[] | undefined
}

/** A bid as it arrived. */
export interface Bid extends Depositor {
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
  | 'bid.deposit_required'
  | 'bid.currency_mismatch'
  | 'bid.amount_invalid'
  | 'bid.terms_changed'
  | 'bid.exceeds_buy_now'
  | 'bid.buy_now_unavailable'
  | 'bid.reserved_too_often'
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
  readonly reservedUntilMs?: number
  readonly deposit?: bigint
  /** The price that a bid to be confirmed was compared with; the confirmation is bound to it. */
  readonly price?: bigint
}

export interface Refusal {
  readonly outcome: 'refused'
  readonly code: RefusalCode
  readonly details: RefusalDetails
}

/** An accepted bid, and the reservation that ended before it without being written down. */
export type Accepted = Acceptance & { readonly released: ReleaseEntry | null }

export type Verdict = Refusal | Accepted

/**
 * Decides one bid. Pure: the caller supplies the clock and persists the verdict. Whether a bid
 * was in time is judged by the real instant; the recorded one never runs backwards in the ledger.
 */
export function judge(stored: Lot, bid: Bid, nowMs: number, settings: BidSettings): Verdict {
  const { lot, entry: released } = lapse(stored, nowMs)
  const refusal =
    refusedForBidder(lot, bid) ??
    refusedForPhase(lot, nowMs, recordedInstant(lot, nowMs)) ??
    refusedForDeposit(lot, bid, nowMs) ??
    refusedForForm(lot, bid, settings) ??
    refusedForAmount(lot, bid, settings)
  if (refusal !== undefined) return refusal
  if (!hasValidAmount(bid)) throw new TypeError('An invalid amount passed the checks')
  return { ...accept(lot, bid, recordedInstant(lot, nowMs), settings), released }
}

/** Whole milliseconds survive every store and clock, so a replay extends exactly as it was. */
const recordedInstant = (lot: Lot, nowMs: number) =>
  Math.max(Math.floor(nowMs), lot.lastDecidedAtMs ?? 0)

/** A purchase as it arrived. */
export interface Purchase extends Depositor {
  readonly purchaseId: string
  readonly buyerId: string
  readonly buyerStanding?: BidderStanding | undefined
  /** The price that the buyer saw. */
  readonly price?: BidAmount | undefined
  readonly termsVersion?: number | undefined
  /** How often this buyer has let a reservation of this lot lapse, or has ended one. */
  readonly lapsedReservations?: number | undefined
}

export interface PurchaseAcceptance extends Bought {
  readonly outcome: 'bought_now' | 'reserved'
  readonly released: ReleaseEntry | null
}

/** So often a buyer may let a reservation of a lot lapse. */
export const LAPSED_RESERVATIONS_MAX = 2

/** Decides one purchase, as a bid is decided: the same checks in the same order, and last whether it is on offer. */
export function judgePurchase(
  stored: Lot,
  purchase: Purchase,
  nowMs: number,
  settings: BidSettings,
): Refusal | PurchaseAcceptance {
  const { lot, entry: released } = lapse(stored, nowMs)
  const bidder = { bidderId: purchase.buyerId, bidderStanding: purchase.buyerStanding }
  const refusal =
    refusedForBidder(lot, bidder) ??
    refusedForPhase(lot, nowMs, recordedInstant(lot, nowMs)) ??
    refusedForDeposit(lot, purchase, nowMs) ??
    refusedForOffer(lot, purchase, settings)
  if (refusal !== undefined) return refusal
  const bought = buy(lot, purchase, recordedInstant(lot, nowMs))
  const outcome = bought.entry.reservedUntilMs === null ? 'bought_now' : 'reserved'
  return { outcome, ...bought, released }
}

function refusedForOffer(
  lot: Lot,
  { price, termsVersion, lapsedReservations = 0 }: Purchase,
  settings: BidSettings,
): Refusal | undefined {
  if (price !== undefined && typeof price !== 'bigint') {
    return refused('bid.amount_invalid', { reason: price.invalid })
  }
  if (termsVersion !== undefined && termsVersion !== lot.termsVersion) {
    return refused('bid.terms_changed', { termsVersion: lot.termsVersion })
  }
  if (!isBuyNowOpen(lot, settings) || lot.buyNowPrice === null) {
    return refused('bid.buy_now_unavailable')
  }
  if (price !== undefined && price !== lot.buyNowPrice) {
    return refused('bid.terms_changed', { buyNowPrice: lot.buyNowPrice })
  }
  const isReserving = lot.buyNowMode === 'reserved'
  if (isReserving && lapsedReservations >= LAPSED_RESERVATIONS_MAX)
    return refused('bid.reserved_too_often')
  return undefined
}

function refusedForBidder(
  lot: Lot,
  bid: Pick<Bid, 'bidderId' | 'bidderStanding'>,
): Refusal | undefined {
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
 * everything is simply over; before it, a lot that was bought is no longer active. A lot whose end passed while it was
 * reserved takes nothing that came before the end: it would be recorded after it.
 */
function refusedForPhase(lot: Lot, nowMs: number, recordedAtMs: number): Refusal | undefined {
  if (lot.phase === 'cancelled') return refused('bid.not_active')
  if (nowMs < lot.startsAtMs) return refused('bid.not_started', { startsAtMs: lot.startsAtMs })
  if (recordedAtMs >= lot.endsAtMs) return refused('bid.ended', { endsAtMs: lot.endsAtMs })
  if (lot.phase === 'closed') return refused('bid.not_active')
  if (lot.phase === 'reserved') {
    const { reservedUntilMs } = lot
    return refused('item.reserved', reservedUntilMs === null ? NO_DETAILS : { reservedUntilMs })
  }
  // The other types share lots and ledger, but their bids are made and judged in other ways.
  return lot.type === 'english' ? undefined : refused('bid.not_active')
}

/** One deposit has to cover it: two smaller ones were held for other terms. An end of a hold is judged by the real instant. */
function refusedForDeposit(
  { deposit }: Lot,
  { deposits = [] }: Depositor,
  nowMs: number,
): Refusal | undefined {
  if (deposit === null) return undefined
  const isCovered = deposits.some(
    ({ amount, heldUntilMs }) => amount >= deposit && (heldUntilMs === null || nowMs < heldUntilMs),
  )
  return isCovered ? undefined : refused('bid.deposit_required', { deposit })
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
