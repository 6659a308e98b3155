import type { RefusalCode } from './judge.ts'

/** What every decision has. */
interface Recorded {
  /** Of the bid or the purchase. */
  readonly bidId: string
  readonly itemId: string
  readonly bidderId: string
  /** Null for what came without a key, and for counter-bids, which no one asked for. */
  readonly idempotencyKey: string | null
  readonly requestHash: string | null
  readonly decidedAtMs: number
  readonly recordedAtMs: number
}

/** The lot right after an accepted bid. */
interface LotAfter {
  readonly price: bigint
  /** Null when no higher bid is taken. */
  readonly minNextBid: bigint | null
  readonly bidCount: number
  readonly reserveMet: boolean
  readonly endsAtMs: number
  readonly extended: boolean
  readonly sequence: number
  /** The number of a silent raise among those of its lot; 0 for a bid that all may see. */
  readonly silentRaise: number
}

export interface AcceptedBid extends Recorded, LotAfter {
  readonly outcome: 'leading' | 'outbid'
  readonly kind: 'manual' | 'proxy'
  readonly maxAmount: bigint
}

/** Not in the ledger. With a key it is stored, as the answer to the same request. */
export interface RefusedBid extends Recorded {
  readonly outcome: 'refused'
  /** Null when the amount was none, or not above zero. */
  readonly maxAmount: bigint | null
  readonly refusalCode: RefusalCode
  readonly refusalDetails: Readonly<Record<string, unknown>> | null
}

/** The incumbent's automatic counter-bid, a row of its own that names the bid it answers. */
export interface CounterBid extends Recorded, LotAfter {
  readonly outcome: 'leading'
  readonly kind: 'auto'
  readonly maxAmount: bigint
  readonly triggerBidId: string
}

/** A purchase at the buy-now price, as it is stored. Its bidder is the buyer. */
export interface RecordedPurchase extends Recorded {
  readonly outcome: 'bought_now' | 'reserved'
  readonly round: number
  readonly termsVersion: number
  readonly amount: bigint
  readonly reservedUntilMs: number | null
  readonly endsAtMs: number
  readonly sequence: number
}

/** The answer to a bid, as it is stored and given again. */
export type DecidedBid = AcceptedBid | RefusedBid

/** The answer to a request. */
export type DecidedRequest = DecidedBid | RecordedPurchase

/** One row of the ledger. */
export type BidRecord = AcceptedBid | CounterBid
