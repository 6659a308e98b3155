import { type FullAtMs, type RateLimit, takeToken, waitForToken } from '#src/domain/bidder-limit.ts'

export interface BidderLimitsOptions {
  bids: RateLimit
  refusals: RateLimit
  /** Bidders that are remembered at once. */
  biddersMax?: number
}

export interface BidderLimits {
  /** Counts a bid; answers how long to wait instead when this bidder sends too many, otherwise 0. */
  admit(bidderId: string, nowMs: number): number
  /** Counts a refusal, also one that was only repeated. */
  refused(bidderId: string, nowMs: number): void
}

const BIDDERS_MAX = 50_000

/**
 * How fast one bidder may bid at this process, and how fast be refused. A bidder who is beyond it waits
 * alone: no lot is locked for such a bid, and it has no place in the queue.
 */
export function createBidderLimits(options: BidderLimitsOptions): BidderLimits {
  const { bids, refusals, biddersMax = BIDDERS_MAX } = options
  const buckets = new Map<string, { bids: FullAtMs; refusals: FullAtMs }>()

  const bucketsOf = (bidderId: string) => {
    const known = buckets.get(bidderId)
    if (known !== undefined) {
      // Last again, so that the first one is the one who was silent for longest.
      buckets.delete(bidderId)
      buckets.set(bidderId, known)
      return known
    }
    const full = { bids: 0, refusals: 0 }
    buckets.set(bidderId, full)
    const [longestSilent] = buckets.keys()
    if (buckets.size > biddersMax && longestSilent !== undefined) buckets.delete(longestSilent)
    return full
  }

  return {
    admit(bidderId, nowMs) {
      const own = bucketsOf(bidderId)
      const waitMs = Math.max(
        waitForToken(own.bids, nowMs, bids),
        waitForToken(own.refusals, nowMs, refusals),
      )
      if (waitMs === 0) own.bids = takeToken(own.bids, nowMs, bids)
      return waitMs
    },
    refused(bidderId, nowMs) {
      const own = bucketsOf(bidderId)
      own.refusals = takeToken(own.refusals, nowMs, refusals)
    },
  }
}
