import { greater, MAX_MINOR_UNITS } from '@auction/common/money.ts'
import { type IncrementTable, increment } from './increments.ts'
import type { BidSettings } from './settings.ts'

export type AuctionType = 'english' | 'sealed_first' | 'sealed_second' | 'dutch' | 'reverse'
export type LotPhase = 'open' | 'reserved' | 'closed' | 'cancelled'
export type ExtensionMode = 'from_end' | 'from_bid'
/** What a purchase does: it ends the lot, or holds it for the buyer until it is paid or released (R-BID-22). */
export type BuyNowMode = 'immediate' | 'reserved'
export type LotOutcome = 'sold' | 'bought_now' | 'no_bids' | 'reserve_not_met' | 'cancelled'

/** What a seller put up for auction. Amounts are minor units, instants epoch milliseconds. */
export interface LotTerms {
  readonly itemId: string
  readonly sellerId: string
  readonly type: AuctionType
  readonly currencyCode: string
  readonly termsVersion: number
  /** Counts how often this item has been under the hammer. */
  readonly round: number
  readonly startPrice: bigint
  /** The seller's fixed step; without one the table of the currency holds. */
  readonly bidIncrement: bigint | null
  readonly reservePrice: bigint | null
  readonly buyNowPrice: bigint | null
  readonly buyNowMode: BuyNowMode
  /** For how long a purchase reserves the lot; 0 in the mode `immediate`. */
  readonly buyNowReservationMs: number
  /** Who bids or buys has so much held by a card for this lot (R-DEPOSIT-1); null: nothing. */
  readonly deposit: bigint | null
  readonly startsAtMs: number
  readonly endsAtMs: number
  readonly extensionThresholdMs: number
  readonly extensionDurationMs: number
  readonly extensionMode: ExtensionMode
  /** All extensions together never move the end further than this. */
  readonly maxTotalExtensionMs: number
  /** How many extensions there may be; 0 is no limit. */
  readonly maxExtensions: number
}

/** An item under the hammer: its terms and where the bidding stands. Never changed in place. */
export interface Lot extends Omit<LotTerms, 'maxTotalExtensionMs'> {
  readonly phase: LotPhase
  readonly originalEndsAtMs: number
  readonly hardEndsAtMs: number
  /** How often bids have moved the end. */
  readonly extensionCount: number
  /** When the end was moved because of an outage; this happens once (R-CLOSE-13). */
  readonly outageExtendedAtMs: number | null
  /** By so much the end and the hard end lie later because of it. */
  readonly outageExtensionMs: number
  readonly currentPrice: bigint | null
  readonly leaderId: string | null
  /** The leader's hidden maximum. It never leaves the bid service. */
  readonly leaderMax: bigint | null
  /** The bid that set that maximum. */
  readonly leaderBidId: string | null
  /** The bids that all may see: silent raises are counted apart. */
  readonly bidCount: number
  readonly bidderCount: number
  /** How often a leader raised the own maximum and moved nothing that others see (R-BID-6). */
  readonly silentRaises: number
  /** True without a reserve: there is nothing left to meet. */
  readonly reserveMet: boolean
  /** False once bids have used it up; see isBuyNowOpen. */
  readonly buyNowAvailable: boolean
  /** The purchase that holds the lot, that bought it, or that was the last one to hold it. */
  readonly purchaseId: string | null
  /** Who has to pay, and until when, while the lot is reserved. That instant is outside already. */
  readonly reservedFor: string | null
  readonly reservedUntilMs: number | null
  readonly lastDecidedAtMs: number | null
  /** One more for every committed change of this lot that others may see. */
  readonly sequence: number
  readonly outcome: LotOutcome | null
  readonly finalAmount: bigint | null
  readonly winnerId: string | null
}

/** What an outage did to a lot. */
export type OutageMark = Pick<Lot, 'outageExtendedAtMs' | 'outageExtensionMs'>

const NO_OUTAGE: OutageMark = { outageExtendedAtMs: null, outageExtensionMs: 0 }

/** A lot without bids. */
export function openLot(terms: LotTerms, sequence = 0, outage: OutageMark = NO_OUTAGE): Lot {
  const { maxTotalExtensionMs, ...kept } = terms
  const { outageExtendedAtMs, outageExtensionMs } = outage
  const endsAtMs = terms.endsAtMs + outageExtensionMs
  return {
    ...kept,
    endsAtMs,
    phase: 'open',
    originalEndsAtMs: terms.endsAtMs,
    hardEndsAtMs: endsAtMs + maxTotalExtensionMs,
    extensionCount: 0,
    outageExtendedAtMs,
    outageExtensionMs,
    currentPrice: null,
    leaderId: null,
    leaderMax: null,
    leaderBidId: null,
    bidCount: 0,
    bidderCount: 0,
    silentRaises: 0,
    reserveMet: terms.reservePrice === null,
    buyNowAvailable: terms.buyNowPrice !== null,
    purchaseId: null,
    reservedFor: null,
    reservedUntilMs: null,
    lastDecidedAtMs: outageExtendedAtMs,
    sequence,
    outcome: null,
    finalAmount: null,
    winnerId: null,
  }
}

/**
 * The phase at an instant. `pending` and `closing` are not stored: time alone leads into them, and
 * no process has to run for that.
 */
export function effectivePhase(lot: Lot, nowMs: number): LotPhase | 'pending' | 'closing' {
  if (lot.phase !== 'open' && !isLapsed(lot, nowMs)) return lot.phase
  if (nowMs < lot.startsAtMs) return 'pending'
  return nowMs < lot.endsAtMs ? 'open' : 'closing'
}

/** Whether a reservation is over. The instant counts, whenever the timer runs that writes it down (R-BID-23). */
export function isLapsed(lot: Lot, nowMs: number): boolean {
  if (lot.phase !== 'reserved' || lot.reservedUntilMs === null) return false
  return nowMs >= lot.reservedUntilMs
}

/** How often the end of a lot has moved, by bids and because of an outage. */
export function timesExtended(lot: Lot): number {
  return lot.extensionCount + (lot.outageExtendedAtMs === null ? 0 : 1)
}

/** The seller's fixed step, or else the table of the currency. */
export function incrementRule(lot: Lot, settings: BidSettings): IncrementTable | bigint {
  return lot.bidIncrement ?? settings.rulesFor(lot.currencyCode).table
}

/**
 * The highest bid that is taken. It stops slips of the keyboard; a lot that starts above it would take no bid
 * at all, so there it does not hold.
 */
export function highestTaken(lot: Lot, settings: BidSettings): bigint {
  const { absoluteCap } = settings.rulesFor(lot.currencyCode)
  return lot.startPrice > absoluteCap ? MAX_MINOR_UNITS : absoluteCap
}

/** The minimum that all may see; undefined when no higher bid is taken. What is announced is accepted. */
export function announcedMinimum(lot: Lot, settings: BidSettings): bigint | undefined {
  const minimum = minNextBid(lot, settings)
  return minimum > highestTaken(lot, settings) ? undefined : minimum
}

/**
 * Whether the lot can be bought at once, and a maximum that reaches the price is refused. Where a step leads to that price or over it, each
 * bid would be too low or too high, so bidding goes on and the buy-now price is gone (R-BID-8).
 */
export function isBuyNowOpen(lot: Lot, settings: BidSettings): boolean {
  if (!lot.buyNowAvailable || lot.buyNowPrice === null) return false
  return minNextBid(lot, settings) < lot.buyNowPrice
}

/**
 * The lowest bid that would be accepted. For the leader it depends on his own maximum, which he
 * knows; for all others on the visible price alone, so that it reveals nothing about it.
 */
export function minNextBid(lot: Lot, settings: BidSettings, bidderId?: string): bigint {
  if (lot.currentPrice === null) return lot.startPrice
  const next = lot.currentPrice + increment(incrementRule(lot, settings), lot.currentPrice)
  if (bidderId === undefined || bidderId !== lot.leaderId || lot.leaderMax === null) return next
  return greater(next, lot.leaderMax + 1n)
}
