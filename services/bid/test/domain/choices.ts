import { increment } from '#src/domain/increments.ts'
import { incrementRule, type Lot, minNextBid } from '#src/domain/lot.ts'
import { SETTINGS } from './auction.ts'
import type { BidAction } from './random-auctions.ts'

/** The instant of a bid. It moves the hand of the clock, unless the bid is an older one. */
export function instantOf(action: BidAction, lot: Lot, clock: { nowMs: number }): number {
  switch (action.instant) {
    case 'at the end':
      return lot.endsAtMs
    case 'earlier':
      // Another process may hold a request longer; its bid is then older than the last one.
      return Math.max(lot.startsAtMs - 1, clock.nowMs - action.waitMs)
    case 'next':
      clock.nowMs = Math.min(clock.nowMs + action.waitMs, lot.endsAtMs - 1)
      return clock.nowMs
    case 'near the end':
      clock.nowMs = Math.max(clock.nowMs, lot.endsAtMs - 1 - action.waitMs * 12)
      return clock.nowMs
    case 'last moment':
      clock.nowMs = lot.endsAtMs - 1
      return clock.nowMs
  }
}

/** The amount of a bid, made from what the auction has come to. */
export function amountOf(action: BidAction, lot: Lot, bidderId: string): bigint {
  const minimum = minNextBid(lot, SETTINGS)
  const own = minNextBid(lot, SETTINGS, bidderId)
  const tie = lot.leaderMax ?? minimum
  const { absoluteCap } = SETTINGS.rulesFor(lot.currencyCode)
  const step = increment(incrementRule(lot, SETTINGS), minimum)
  const more = BigInt(action.more)
  switch (action.amount) {
    case 'minimum':
      return minimum
    case 'below minimum':
      return minimum - 1n
    case 'little more':
      return minimum + ((step * more) / 1_000_000n) * 3n
    case 'much more':
      return minimum + (minimum * more) / 200_000n
    case 'own minimum':
      return own
    case 'own minimum less one':
      return own - 1n
    case 'tie':
      return tie
    case 'under the tie':
      return tie - 1n
    case 'over the tie':
      return tie + 1n
    case 'reserve':
      return lot.reservePrice ?? minimum
    case 'under the reserve':
      return (lot.reservePrice ?? minimum) - 1n
    case 'buy now':
      return lot.buyNowPrice ?? minimum
    case 'under buy now':
      return (lot.buyNowPrice ?? minimum) - 1n
    case 'at the cap':
      return absoluteCap
    case 'over the cap':
      return absoluteCap + 1n
  }
}
