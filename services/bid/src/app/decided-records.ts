import type { Acceptance } from '#src/domain/accept.ts'
import type {
  AcceptedBid,
  CounterBid,
  RecordedPurchase,
  RefusedBid,
} from '#src/domain/bid-record.ts'
import type { PurchaseAcceptance } from '#src/domain/judge.ts'
import type { BidCommand, LotCommand, PurchaseCommand } from './bid-command.ts'

type Refused = Pick<RefusedBid, 'maxAmount' | 'refusalCode' | 'refusalDetails' | 'decidedAtMs'>

/** The row of a bid that was judged and refused. */
export function refusedRecord(
  command: LotCommand,
  refused: Refused,
  recordedAtMs: number,
): RefusedBid {
  return {
    bidId: command.bidId,
    itemId: command.itemId,
    bidderId: command.bidderId,
    outcome: 'refused',
    maxAmount: refused.maxAmount,
    refusalCode: refused.refusalCode,
    refusalDetails: refused.refusalDetails,
    idempotencyKey: command.idempotencyKey,
    requestHash: command.requestHash,
    decidedAtMs: refused.decidedAtMs,
    recordedAtMs,
  }
}

/** The row of a purchase. */
export function purchaseRecord(
  command: PurchaseCommand,
  { lot, entry, outcome }: PurchaseAcceptance,
  recordedAtMs: number,
): RecordedPurchase {
  return {
    bidId: command.bidId,
    itemId: command.itemId,
    bidderId: command.bidderId,
    outcome,
    round: lot.round,
    termsVersion: entry.termsVersion,
    amount: entry.amount,
    reservedUntilMs: entry.reservedUntilMs,
    endsAtMs: lot.endsAtMs,
    sequence: entry.sequence,
    idempotencyKey: command.idempotencyKey,
    requestHash: command.requestHash,
    decidedAtMs: entry.decidedAtMs,
    recordedAtMs,
  }
}

/** The row of an accepted bid, with the state of the lot right after it. */
export function acceptedRecord(
  command: BidCommand,
  verdict: Acceptance,
  minNextBid: bigint | null,
  recordedAtMs: number,
): AcceptedBid {
  const { lot, ledger } = verdict
  const [entry] = ledger
  if (entry === undefined || !('bidId' in entry)) {
    throw new Error('an accepted bid must come first in its own ledger entries')
  }
  return {
    bidId: command.bidId,
    itemId: command.itemId,
    bidderId: command.bidderId,
    kind: verdict.kind,
    outcome: verdict.outcome,
    maxAmount: entry.maxAmount,
    price: entry.price,
    minNextBid,
    bidCount: lot.bidCount,
    reserveMet: lot.reserveMet,
    endsAtMs: lot.endsAtMs,
    extended: verdict.extended,
    sequence: lot.sequence,
    silentRaise: entry.silentRaise,
    idempotencyKey: command.idempotencyKey,
    requestHash: command.requestHash,
    decidedAtMs: entry.decidedAtMs,
    recordedAtMs,
  }
}

/** The incumbent's automatic counter-bid, as a row of its own that names the bid it answers. */
export function counterBids(verdict: Acceptance, trigger: AcceptedBid): CounterBid[] {
  return verdict.ledger.flatMap((entry) =>
    entry.kind === 'auto'
      ? [
          {
            ...trigger,
            bidId: counterBidId(trigger.bidId),
            bidderId: entry.bidderId,
            kind: 'auto' as const,
            outcome: 'leading' as const,
            maxAmount: entry.price,
            triggerBidId: entry.triggerBidId,
            idempotencyKey: null,
            requestHash: null,
          },
        ]
      : [],
  )
}

/**
 * The id of a counter-bid follows from the bid it answers: version 8 in the place of 7, which no
 * other id of ours has, so it is unique without another random number.
 */
function counterBidId(triggerBidId: string): string {
  return `${triggerBidId.slice(0, 14)}8${triggerBidId.slice(15)}`
}
