import type { BidEntry, LedgerEntry } from './ledger.ts'
import type { BestBid } from './offer.ts'

const isBid = (entry: LedgerEntry): entry is BidEntry =>
  entry.kind === 'manual' || entry.kind === 'proxy'

/**
 * Each bidder's own highest bid of a ledger, in line: the highest first, of equal ones the one that was set earlier, as when bids
 * are judged (R-BID-4). A bid that does not stand any more is in no ledger that is given here.
 */
export function bestBidsOf(ledger: readonly LedgerEntry[]): BestBid[] {
  const highest = new Map<string, BidEntry>()
  for (const entry of ledger) {
    if (!isBid(entry)) continue
    const known = highest.get(entry.bidderId)
    if (known === undefined || entry.maxAmount > known.maxAmount) highest.set(entry.bidderId, entry)
  }
  return [...highest.values()]
    .sort((a, b) => {
      if (a.maxAmount !== b.maxAmount) return a.maxAmount > b.maxAmount ? -1 : 1
      return a.sequence - b.sequence || a.silentRaise - b.silentRaise
    })
    .map(({ bidderId, bidderNumber, bidId, maxAmount }) => ({
      bidderId,
      bidderNumber,
      bidId,
      amount: maxAmount,
    }))
}
