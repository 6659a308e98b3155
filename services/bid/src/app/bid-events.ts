import {
  bidBuyNow,
  bidClosed,
  bidExtended,
  bidLost,
  bidOutbid,
  bidPlaced,
  bidReleased,
  bidReserveMet,
  bidWon,
} from '@auction/common/contracts/bid.ts'
import {
  createEvent,
  type EventContext,
  type OutboxEvent,
} from '@auction/common/contracts/event.ts'
import { formatAmount } from '@auction/common/money.ts'
import { type OutboxRow, outboxRow, writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import { ownTrace, type Trace } from '@auction/common/telemetry/tracing.ts'
import type { Transaction } from 'kysely'
import type { Acceptance } from '#src/domain/accept.ts'
import type { AcceptedBid } from '#src/domain/bid-record.ts'
import type { PurchaseAcceptance } from '#src/domain/judge.ts'
import type { OutageEntry, ReleaseEntry } from '#src/domain/ledger.ts'
import {
  announcedMinimum,
  effectivePhase,
  isBuyNowOpen,
  type Lot,
  timesExtended,
} from '#src/domain/lot.ts'
import { release } from '#src/domain/purchase.ts'
import type { BidSettings } from '#src/domain/settings.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import type { BidCommand } from './bid-command.ts'
import { alias, isoInstant } from './lot-view.ts'

/** The events of the bid service, always written in the transaction of what they report. */
export interface BidEvents {
  /** An accepted bid: the new price, who lost the lead, a reserve that is met now. */
  ofBid(
    command: BidCommand,
    verdict: Acceptance,
    record: AcceptedBid,
    isBuyNowOpen: boolean,
  ): OutboxEvent[]
  ofReserveMet(lot: Lot, trace: Trace): OutboxEvent[]
  /** A lot that was extended after an outage. */
  ofOutage(lot: Lot, entry: OutageEntry): OutboxEvent
  /** A lot that was bought or reserved. `bidders` are all who bid. */
  ofPurchase(verdict: PurchaseAcceptance, bidders: string[], trace: Trace): OutboxEvent[]
  /** A reservation that ended unpaid; `reserved` is the lot before. */
  ofRelease(reserved: Lot, entry: ReleaseEntry, settings: BidSettings, trace?: Trace): OutboxEvent
  /**
   * A closed lot. `bidders` are all who bid, the winner included; `isBySeller`: the seller
   * cancelled it; `trace` is that of the request that closed it.
   */
  ofClosing(
    lot: Lot,
    bidders: string[],
    closedAtMs: number,
    options?: { isBySeller?: boolean; trace?: Trace },
  ): OutboxEvent[]
  outboxRow(events: OutboxEvent[]): OutboxRow | null
  write(tx: Transaction<Database>, events: OutboxEvent[]): Promise<void>
}

const LOSERS_PER_EVENT = 500

export function createBidEvents(options: { legacyAlias: boolean }): BidEvents {
  const contextOf = (lot: Lot, trace: Trace): EventContext => ({
    aggregateId: lot.itemId,
    sequence: lot.sequence,
    trace,
    legacyAlias: options.legacyAlias,
  })
  return {
    ofBid(command, verdict, record, isBuyNowOpen) {
      // A leader who raises his own maximum moves nothing visible, so there is no event.
      if (!verdict.isPublic) return []
      const context = contextOf(verdict.lot, command.trace)
      const events = [placed(context, verdict, record, isBuyNowOpen)]
      if (verdict.outbidUserId !== null)
        events.push(outbid(context, verdict, record, verdict.outbidUserId))
      if (verdict.reserveJustMet && verdict.lot.reservePrice !== null) {
        events.push(reserveMet(context, verdict.lot))
      }
      return events
    },
    ofReserveMet: (lot, trace) => [reserveMet(contextOf(lot, trace), lot)],
    ofOutage: (lot, entry) => extended(contextOf(lot, ownTrace('lot extension')), lot, entry),
    ofPurchase({ lot, entry }, bidders, trace) {
      const context = contextOf(lot, trace)
      const money = formatAmount(entry.amount, lot.currencyCode)
      const { reservedUntilMs, decidedAtMs } = entry
      const bought = createEvent(bidBuyNow, context, {
        itemId: lot.itemId,
        purchaseId: entry.purchaseId,
        buyerId: entry.buyerId,
        sellerId: lot.sellerId,
        amount: money,
        currencyCode: lot.currencyCode,
        round: lot.round,
        mode: reservedUntilMs === null ? 'immediate' : 'reserved',
        ...(reservedUntilMs === null ? {} : { reservedUntil: isoInstant(reservedUntilMs) }),
        timestamp: isoInstant(decidedAtMs),
        sequence: lot.sequence,
      })
      if (reservedUntilMs !== null) return [bought]
      return [bought, ...closing(context, lot, bidders, decidedAtMs, false)]
    },
    ofRelease(reserved, entry, settings, trace = ownTrace('reservation')) {
      const lot = release(reserved, entry.reason, entry.decidedAtMs).lot
      const minimum = announcedMinimum(lot, settings)
      const isOpen = effectivePhase(lot, entry.decidedAtMs) === 'open'
      return createEvent(bidReleased, contextOf(lot, trace), {
        itemId: lot.itemId,
        purchaseId: entry.purchaseId,
        buyerId: reserved.reservedFor ?? '',
        sellerId: lot.sellerId,
        reason: entry.reason,
        currencyCode: lot.currencyCode,
        ...(minimum === undefined ? {} : { minNextBid: formatAmount(minimum, lot.currencyCode) }),
        buyNowAvailable: isOpen && isBuyNowOpen(lot, settings),
        endDate: isoInstant(lot.endsAtMs),
        timestamp: isoInstant(entry.decidedAtMs),
        sequence: lot.sequence,
      })
    },
    ofClosing(lot, bidders, closedAtMs, { isBySeller = false, trace } = {}) {
      // Mostly no request closes a lot, so its events begin a trace of their own.
      const context = contextOf(lot, trace ?? ownTrace('lot close'))
      return closing(context, lot, bidders, closedAtMs, isBySeller)
    },
    outboxRow,
    write: (tx, events) => writeOutbox(tx, events),
  }
}

const closing = (
  context: EventContext,
  lot: Lot,
  bidders: string[],
  closedAtMs: number,
  isBySeller: boolean,
): OutboxEvent[] => [
  closed(context, lot, closedAtMs, isBySeller),
  ...won(context, lot, closedAtMs),
  ...lost(context, lot, bidders),
]

function placed(
  context: EventContext,
  verdict: Acceptance,
  record: AcceptedBid,
  buyNowAvailable: boolean,
): OutboxEvent {
  const { lot } = verdict
  const [entry] = verdict.ledger
  const price = formatAmount(lot.currentPrice ?? lot.startPrice, lot.currencyCode)
  return createEvent(bidPlaced, context, {
    bidId: record.bidId,
    itemId: lot.itemId,
    userId: record.bidderId,
    amount: price,
    currencyCode: lot.currencyCode,
    timestamp: isoInstant(record.decidedAtMs),
    ...(entry !== undefined && 'bidderNumber' in entry
      ? { bidderAlias: alias(entry.bidderNumber) }
      : {}),
    ...(lot.leaderId === null ? {} : { leaderId: lot.leaderId }),
    currentPrice: price,
    ...minimumOf(record, lot),
    bidCount: lot.bidCount,
    reserveMet: lot.reserveMet,
    buyNowAvailable,
    endDate: isoInstant(lot.endsAtMs),
    extended: verdict.extended,
    extensionCount: timesExtended(lot),
    atHardEnd: verdict.atHardEnd,
    kind: verdict.kind,
    sequence: lot.sequence,
  })
}

const minimumOf = ({ minNextBid }: AcceptedBid, { currencyCode }: Lot) =>
  minNextBid === null ? {} : { minNextBid: formatAmount(minNextBid, currencyCode) }

function outbid(
  context: EventContext,
  { lot }: Acceptance,
  record: AcceptedBid,
  userId: string,
): OutboxEvent {
  return createEvent(bidOutbid, context, {
    itemId: lot.itemId,
    bidId: record.bidId,
    userId,
    currencyCode: lot.currencyCode,
    currentPrice: formatAmount(lot.currentPrice ?? lot.startPrice, lot.currencyCode),
    ...minimumOf(record, lot),
    endDate: isoInstant(lot.endsAtMs),
    sequence: lot.sequence,
  })
}

function reserveMet(context: EventContext, lot: Lot): OutboxEvent {
  return createEvent(bidReserveMet, context, {
    itemId: lot.itemId,
    currencyCode: lot.currencyCode,
    currentPrice: formatAmount(lot.currentPrice ?? lot.startPrice, lot.currencyCode),
    buyNowAvailable: lot.buyNowAvailable,
    sequence: lot.sequence,
  })
}

function extended(context: EventContext, lot: Lot, entry: OutageEntry): OutboxEvent {
  return createEvent(bidExtended, context, {
    itemId: lot.itemId,
    reason: 'outage',
    outageFrom: isoInstant(entry.outageFromMs),
    outageUntil: isoInstant(entry.outageUntilMs),
    previousEndDate: isoInstant(entry.previousEndsAtMs),
    originalEndDate: isoInstant(lot.originalEndsAtMs),
    endDate: isoInstant(lot.endsAtMs),
    hardEndDate: isoInstant(lot.hardEndsAtMs),
    extensionCount: timesExtended(lot),
    timestamp: isoInstant(entry.decidedAtMs),
    sequence: lot.sequence,
  })
}

function closed(
  context: EventContext,
  lot: Lot,
  closedAtMs: number,
  isBySeller: boolean,
): OutboxEvent {
  const money = (minor: bigint) => formatAmount(minor, lot.currencyCode)
  return createEvent(bidClosed, context, {
    itemId: lot.itemId,
    round: lot.round,
    outcome: lot.outcome ?? 'no_bids',
    currencyCode: lot.currencyCode,
    ...(lot.currentPrice === null ? {} : { currentPrice: money(lot.currentPrice) }),
    ...(lot.finalAmount === null ? {} : { finalAmount: money(lot.finalAmount) }),
    ...(lot.winnerId === null ? {} : { winnerId: lot.winnerId }),
    bidCount: lot.bidCount,
    reserveMet: lot.reserveMet,
    endDate: isoInstant(lot.endsAtMs),
    closedAt: isoInstant(closedAtMs),
    extensionCount: timesExtended(lot),
    ...(isBySeller ? { bySeller: true } : {}),
    sequence: lot.sequence,
  })
}

function won(context: EventContext, lot: Lot, closedAtMs: number): OutboxEvent[] {
  if (lot.winnerId === null || lot.finalAmount === null) return []
  return [
    createEvent(bidWon, context, {
      itemId: lot.itemId,
      buyerId: lot.winnerId,
      finalAmount: formatAmount(lot.finalAmount, lot.currencyCode),
      ...(lot.outcome === 'bought_now' || lot.leaderBidId === null
        ? {}
        : { bidId: lot.leaderBidId }),
      ...(lot.outcome === 'bought_now' && lot.purchaseId !== null
        ? { purchaseId: lot.purchaseId }
        : {}),
      sellerId: lot.sellerId,
      currencyCode: lot.currencyCode,
      quantity: 1,
      round: lot.round,
      endReason: lot.outcome ?? 'sold',
      timestamp: isoInstant(closedAtMs),
      sequence: lot.sequence,
    }),
  ]
}

function lost(context: EventContext, lot: Lot, bidders: string[]): OutboxEvent[] {
  const losers = bidders.filter((bidder) => bidder !== lot.winnerId)
  const events: OutboxEvent[] = []
  for (let index = 0; index < losers.length; index += LOSERS_PER_EVENT) {
    events.push(
      createEvent(bidLost, context, {
        itemId: lot.itemId,
        userIds: losers.slice(index, index + LOSERS_PER_EVENT),
        currencyCode: lot.currencyCode,
        ...(lot.finalAmount === null
          ? {}
          : { finalAmount: formatAmount(lot.finalAmount, lot.currencyCode) }),
        round: lot.round,
        sequence: lot.sequence,
      }),
    )
  }
  return events
}
