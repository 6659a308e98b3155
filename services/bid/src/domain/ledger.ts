/** An accepted bid. The ledger is append-only, and a lot is what its ledger adds up to. */
export interface BidEntry {
  /** `proxy` leads; `manual` was beaten at once. Neither shows whether a leader has a higher maximum. */
  readonly kind: 'manual' | 'proxy'
  /** A silent raise has that of the change before it. */
  readonly sequence: number
  /** The number of a silent raise among those of its lot; 0 for a bid that all may see. */
  readonly silentRaise: number
  readonly bidId: string
  readonly bidderId: string
  /** Stable per lot, the 3 in "bidder 3". */
  readonly bidderNumber: number
  readonly maxAmount: bigint
  readonly decidedAtMs: number
  /** The visible price after this entry. */
  readonly price: bigint
  readonly leaderId: string
  /** The new end of the lot if this bid extended it. */
  readonly extendedToMs: number | null
}

/** The counter-bid that an incumbent's maximum made: an output, shown in the history. */
export interface AutoEntry {
  readonly kind: 'auto'
  /** That of the bid it answers; it comes after it. */
  readonly sequence: number
  readonly triggerBidId: string
  readonly bidderId: string
  readonly decidedAtMs: number
  readonly price: bigint
}

/** A change of terms under running bids. Only the reserve may change, and only downwards. */
export interface TermsEntry {
  readonly kind: 'terms'
  readonly sequence: number
  readonly decidedAtMs: number
  readonly termsVersion: number
  readonly previousTermsVersion: number
  readonly reservePrice: bigint | null
  readonly previousReservePrice: bigint | null
  readonly price: bigint
}

/** An extension after an outage: an input like a bid, because no other entry says how long bids stood still. */
export interface OutageEntry {
  readonly kind: 'outage'
  readonly sequence: number
  readonly decidedAtMs: number
  /** Between these two instants no bid could be placed. */
  readonly outageFromMs: number
  readonly outageUntilMs: number
  readonly previousEndsAtMs: number
  readonly extendedToMs: number
}

/** A purchase: the lot is sold, or reserved until an instant. An input like a bid. */
export interface PurchaseEntry {
  readonly kind: 'buy_now'
  readonly sequence: number
  readonly decidedAtMs: number
  readonly purchaseId: string
  readonly buyerId: string
  /** The terms that it was made under. */
  readonly termsVersion: number
  readonly amount: bigint
  /** Null: the lot was sold at once. */
  readonly reservedUntilMs: number | null
}

/** `lapsed`: it was not paid in time. `cancelled`: its order ended before. */
export type ReleaseReason = 'lapsed' | 'cancelled'

/** The end of a reservation that was not paid. The lot goes on as if nothing had been. */
export interface ReleaseEntry {
  readonly kind: 'release'
  readonly sequence: number
  /** The last instant of a reservation that lapsed, whenever that was written down. */
  readonly decidedAtMs: number
  readonly purchaseId: string
  readonly termsVersion: number
  readonly reason: ReleaseReason
}

/** The payment that ended a reservation with a sale. It is no entry: with it the lot is over. */
export interface ReservationPayment {
  readonly purchaseId: string
  readonly decidedAtMs: number
}

export type LedgerEntry =
  | BidEntry
  | AutoEntry
  | TermsEntry
  | OutageEntry
  | PurchaseEntry
  | ReleaseEntry
