import { Type } from 'typebox'
import { eventsOf, field } from './event.ts'

const defineEvent = eventsOf('bid')

const optional = Type.Optional
// Only what the seed's consumers know is also written in their spelling.
const legacyNames = { itemId: 'ItemID', bidId: 'BidID', userId: 'UserID', timestamp: 'Timestamp' }

/**
 * A bid moved the price or the lead. Only what the seed sends is required, so its thin events are
 * read too; ours carry the whole public state of the lot.
 */
export const bidPlaced = defineEvent({
  event: 'bid.placed',
  version: 'v1',
  payload: Type.Object({
    bidId: optional(field.id),
    itemId: field.id,
    userId: optional(field.id),
    /** The visible price that results; never the bidder's maximum. */
    amount: field.money,
    currencyCode: optional(field.currency),
    timestamp: optional(field.instant),
    bidderAlias: optional(field.text),
    leaderId: optional(field.id),
    currentPrice: optional(field.money),
    minNextBid: optional(field.money),
    bidCount: optional(field.integer),
    reserveMet: optional(field.flag),
    buyNowAvailable: optional(field.flag),
    endDate: optional(field.instant),
    extended: optional(field.flag),
    /** How often the end has moved so far, this bid's extension included. */
    extensionCount: optional(field.integer),
    atHardEnd: optional(field.flag),
    kind: optional(field.text),
    sequence: optional(field.integer),
  }),
  legacyNames: { ...legacyNames, amount: 'Amount' },
})

/** A leader was outbid. */
export const bidOutbid = defineEvent({
  event: 'bid.outbid',
  version: 'v1',
  payload: Type.Object({
    itemId: field.id,
    bidId: field.id,
    userId: field.id,
    currencyCode: field.currency,
    currentPrice: field.money,
    /** Absent when no higher bid is taken. */
    minNextBid: optional(field.money),
    endDate: field.instant,
    sequence: field.integer,
  }),
})

export const bidReserveMet = defineEvent({
  event: 'bid.reserve_met',
  version: 'v1',
  payload: Type.Object({
    itemId: field.id,
    currencyCode: field.currency,
    currentPrice: field.money,
    buyNowAvailable: field.flag,
    sequence: field.integer,
  }),
})

/**
 * The end of a lot was moved, and not by a bid: before it, bids could not be placed. It happens once
 * in the life of a lot. Price and counts stay as they are.
 */
export const bidExtended = defineEvent({
  event: 'bid.extended',
  version: 'v1',
  payload: Type.Object({
    itemId: field.id,
    /** `outage`: the platform was down. */
    reason: field.text,
    outageFrom: field.instant,
    outageUntil: field.instant,
    previousEndDate: field.instant,
    /** The end of the seller's terms that this extension belongs to. */
    originalEndDate: field.instant,
    endDate: field.instant,
    hardEndDate: field.instant,
    /** How often the end has moved so far, this time included. */
    extensionCount: field.integer,
    timestamp: field.instant,
    sequence: field.integer,
  }),
})

/** A lot is over; carries its whole final state, so it stands when earlier events come late. */
export const bidClosed = defineEvent({
  event: 'bid.closed',
  version: 'v1',
  payload: Type.Object({
    itemId: field.id,
    round: field.integer,
    outcome: Type.Union([
      Type.Literal('sold'),
      Type.Literal('bought_now'),
      Type.Literal('no_bids'),
      Type.Literal('reserve_not_met'),
      Type.Literal('cancelled'),
    ]),
    currencyCode: field.currency,
    currentPrice: optional(field.money),
    finalAmount: optional(field.money),
    winnerId: optional(field.id),
    bidCount: field.integer,
    reserveMet: field.flag,
    endDate: field.instant,
    closedAt: field.instant,
    extensionCount: optional(field.integer),
    bySeller: optional(field.flag),
    sequence: field.integer,
  }),
})

export const bidWon = defineEvent({
  event: 'bid.won',
  version: 'v1',
  payload: Type.Object({
    itemId: field.id,
    buyerId: field.id,
    finalAmount: field.money,
    bidId: optional(field.id),
    sellerId: optional(field.id),
    currencyCode: optional(field.currency),
    quantity: optional(field.integer),
    round: optional(field.integer),
    endReason: optional(field.text),
    timestamp: optional(field.instant),
    sequence: optional(field.integer),
  }),
  legacyNames: { ...legacyNames, buyerId: 'BuyerID', finalAmount: 'FinalAmount' },
})

/** At most 500 losers an event; several of them share a sequence. */
export const bidLost = defineEvent({
  event: 'bid.lost',
  version: 'v1',
  payload: Type.Object({
    itemId: field.id,
    userIds: Type.Array(field.id, { minItems: 1, maxItems: 500 }),
    currencyCode: field.currency,
    finalAmount: optional(field.money),
    round: field.integer,
    sequence: field.integer,
  }),
})
