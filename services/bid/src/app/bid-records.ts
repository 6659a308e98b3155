import type { Acceptance } from '#src/domain/accept.ts'
import type { BidRecord } from '#src/infra/postgres/bid-batch.ts'
import type { BidCommand } from './bid-command.ts'

/** The row of a bid that was judged and refused. */
export function refusedRecord(
  command: BidCommand,
  nowMs: number,
  decidedAtMs: number,
  maxAmount: bigint | null,
  refusalCode: string,
  refusalDetails: Record<string, unknown> | null,
): BidRecord {
  return {
    ...EMPTY,
    bidId: command.bidId,
    itemId: command.itemId,
    bidderId: command.bidderId,
    kind: 'manual',
    outcome: 'refused',
    maxAmount,
    refusalCode,
    refusalDetails,
    decidedAtMs,
    recordedAtMs: nowMs,
  }
}

const EMPTY = {
  price: null,
  minNextBid: null,
  bidCount: null,
  reserveMet: null,
  endsAtMs: null,
  extended: null,
  sequence: null,
  triggerBidId: null,
  refusalCode: null,
  refusalDetails: null,
  idempotencyKey: null,
  requestHash: null,
} satisfies Partial<BidRecord>

/** The row of an accepted bid, with the state of the lot right after it. */
export function acceptedRecord(
  command: BidCommand,
  verdict: Acceptance,
  minNext: bigint,
  nowMs: number,
): BidRecord {
  const { lot, ledger } = verdict
  const [entry] = ledger
  if (entry === undefined || entry.kind === 'auto' || entry.kind === 'terms') {
    throw new Error('an accepted bid must come first in its own ledger entries')
  }
  return {
    ...EMPTY,
    bidId: command.bidId,
    itemId: command.itemId,
    bidderId: command.bidderId,
    kind: verdict.kind,
    outcome: verdict.outcome,
    maxAmount: entry.maxAmount,
    price: entry.price,
    minNextBid: minNext,
    bidCount: lot.bidCount,
    reserveMet: lot.reserveMet,
    endsAtMs: lot.endsAtMs,
    extended: verdict.extended,
    sequence: lot.sequence,
    decidedAtMs: entry.decidedAtMs,
    recordedAtMs: nowMs,
  }
}

/** The incumbent's automatic counter-bid, as a row of its own that names what provoked it. */
export function autoRecords(verdict: Acceptance, trigger: BidRecord): BidRecord[] {
  return verdict.ledger.flatMap((entry) =>
    entry.kind === 'auto'
      ? [
          {
            ...trigger,
            bidId: autoBidId(trigger.bidId),
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
function autoBidId(triggerBidId: string): string {
  return `${triggerBidId.slice(0, 14)}8${triggerBidId.slice(15)}`
}
