import { greater, lesser } from '@auction/common/money.ts'
import { extend } from './extension.ts'
import { increment } from './increments.ts'
import type { BidEntry, LedgerEntry } from './ledger.ts'
import { incrementRule, type Lot } from './lot.ts'
import type { BidSettings } from './settings.ts'

/** What the proxy rules need to know of a bid. */
export interface ValidBid {
  readonly bidId: string
  readonly bidderId: string
  /** Absent for a user who has not bid on this lot before. */
  readonly bidderNumber?: number | undefined
  readonly maxAmount: bigint
}

/** An accepted bid: the next state of the lot, its ledger rows, and what there is to announce. */
export interface Acceptance {
  readonly outcome: 'leading' | 'outbid'
  readonly kind: 'manual' | 'proxy'
  readonly lot: Lot
  readonly ledger: readonly LedgerEntry[]
  readonly extended: boolean
  readonly atHardEnd: boolean
  readonly priceChanged: boolean
  readonly leaderChanged: boolean
  /** False when nothing visible moved: a leader raised his own maximum. */
  readonly isPublic: boolean
  readonly reserveJustMet: boolean
  /** The former leader, if this bid took the lead from him. */
  readonly outbidUserId: string | null
}

/**
 * Applies a bid that has passed every check. The replay of a ledger comes through here too, with
 * the recorded instants, so whatever is decided here depends on nothing but the arguments.
 */
export function accept(
  lot: Lot,
  bid: ValidBid,
  decidedAtMs: number,
  settings: BidSettings,
): Acceptance {
  const isRival = lot.leaderMax !== null && bid.bidderId !== lot.leaderId
  const leads = !isRival || bid.maxAmount > (lot.leaderMax ?? 0n)
  const leaderMax = leads ? bid.maxAmount : (lot.leaderMax ?? bid.maxAmount)
  const leaderId = leads ? bid.bidderId : (lot.leaderId ?? bid.bidderId)
  const currentPrice = withReserve(
    isRival ? contestedPrice(lot, bid.maxAmount, settings) : (lot.currentPrice ?? lot.startPrice),
    leaderMax,
    lot.reservePrice,
  )
  const priceChanged = currentPrice !== lot.currentPrice
  const leaderChanged = leaderId !== lot.leaderId
  // A leader who raises his own maximum shows nothing and extends nothing, unless the reserve lifts
  // the price: then the others see a new price and get the time to answer it.
  const isPublic = priceChanged || leaderChanged
  const extension = isPublic ? extend(lot, decidedAtMs) : undefined
  const extended = extension?.extended ?? false
  const reserveMet = meetsReserve(leaderMax, lot.reservePrice)
  const next: Lot = {
    ...lot,
    endsAtMs: extension?.endsAtMs ?? lot.endsAtMs,
    extensionCount: lot.extensionCount + (extended ? 1 : 0),
    currentPrice,
    leaderId,
    leaderMax,
    leaderBidId: leads ? bid.bidId : lot.leaderBidId,
    // What others may see does not count a silent raise, or its gaps would show it (R-BID-6).
    bidCount: lot.bidCount + (isPublic ? 1 : 0),
    bidderCount: lot.bidderCount + (bid.bidderNumber === undefined ? 1 : 0),
    silentRaises: lot.silentRaises + (isPublic ? 0 : 1),
    reserveMet,
    buyNowAvailable: lot.buyNowAvailable && !reserveMet,
    lastDecidedAtMs: decidedAtMs,
    sequence: lot.sequence + (isPublic ? 1 : 0),
  }
  return {
    outcome: leads ? 'leading' : 'outbid',
    kind: leads ? 'proxy' : 'manual',
    lot: next,
    ledger: entries(next, bid, { leads, isPublic, extended }, decidedAtMs),
    extended,
    atHardEnd: extension?.atHardEnd ?? false,
    priceChanged,
    leaderChanged,
    isPublic,
    reserveJustMet: reserveMet && !lot.reserveMet,
    outbidUserId: leaderChanged ? lot.leaderId : null,
  }
}

/** Under a reserve the leader's maximum is called up to it, for below it nothing is sold. */
function withReserve(price: bigint, leaderMax: bigint, reserve: bigint | null): bigint {
  if (reserve === null) return price
  return greater(price, lesser(leaderMax, reserve))
}

/** A maximum equal to the reserve meets it; without a reserve there is nothing to meet. */
export function meetsReserve(leaderMax: bigint, reserve: bigint | null): boolean {
  return reserve === null || leaderMax >= reserve
}

/**
 * The visible price after a rival's bid: one step over the lower of the two maxima, but never
 * over the higher one and never below the price that stood. A tie costs the full maximum.
 */
function contestedPrice(lot: Lot, maxAmount: bigint, settings: BidSettings): bigint {
  const incumbent = lot.leaderMax ?? 0n
  const lower = lesser(maxAmount, incumbent)
  const step = lower + increment(incrementRule(lot, settings), lower)
  const price = lesser(step, greater(maxAmount, incumbent))
  return greater(price, lot.currentPrice ?? lot.startPrice)
}

function entries(
  next: Lot,
  bid: ValidBid,
  { leads, isPublic, extended }: { leads: boolean; isPublic: boolean; extended: boolean },
  decidedAtMs: number,
): readonly LedgerEntry[] {
  const price = next.currentPrice ?? next.startPrice
  const leaderId = next.leaderId ?? bid.bidderId
  const entry: BidEntry = {
    kind: leads ? 'proxy' : 'manual',
    sequence: next.sequence,
    silentRaise: isPublic ? 0 : next.silentRaises,
    bidId: bid.bidId,
    bidderId: bid.bidderId,
    bidderNumber: bid.bidderNumber ?? next.bidderCount,
    maxAmount: bid.maxAmount,
    decidedAtMs,
    price,
    leaderId,
    extendedToMs: extended ? next.endsAtMs : null,
  }
  if (leads) return [entry]
  const { sequence } = next
  const { bidId } = bid
  return [
    entry,
    { kind: 'auto', sequence, triggerBidId: bidId, bidderId: leaderId, decidedAtMs, price },
  ]
}
