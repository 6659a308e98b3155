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

/**
 * A lot was bought at its buy-now price. `immediate`: it is over, and bid.closed and bid.won follow. `reserved`: it
 * waits for the payment until `reservedUntil`; bid.closed follows when it was paid, bid.released when it was not.
 */
export const bidBuyNow = defineEvent({
  event: 'bid.buynow',
  version: 'v1',
  payload: Type.Object({
    itemId: field.id,
    purchaseId: field.id,
    buyerId: field.id,
    sellerId: field.id,
    amount: field.money,
    currencyCode: field.currency,
    round: field.integer,
    mode: Type.Union([Type.Literal('immediate'), Type.Literal('reserved')]),
    reservedUntil: optional(field.instant),
    timestamp: field.instant,
    sequence: field.integer,
  }),
})

/** A reservation ended unpaid: the lot goes on as it was before. */
export const bidReleased = defineEvent({
  event: 'bid.released',
  version: 'v1',
  payload: Type.Object({
    itemId: field.id,
    purchaseId: field.id,
    buyerId: field.id,
    sellerId: field.id,
    /** `lapsed`: it was not paid in time. `cancelled`: its order ended before. */
    reason: Type.Union([Type.Literal('lapsed'), Type.Literal('cancelled')]),
    currencyCode: field.currency,
    minNextBid: optional(field.money),
    buyNowAvailable: field.flag,
    endDate: field.instant,
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
    /** The bid that won; a lot that was bought has a purchase instead. */
    bidId: optional(field.id),
    purchaseId: optional(field.id),
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

// An offer belongs to a lot, so the service of lots publishes it. Its sequence is the offer's own.
const offer = {
  offerId: field.id,
  itemId: field.id,
  /** The bid whose amount is the price. */
  bidId: field.id,
  sellerId: field.id,
  /** The bidder it is made to. */
  userId: field.id,
  kind: Type.Union([Type.Literal('second_chance'), Type.Literal('below_reserve')]),
  amount: field.money,
  currencyCode: field.currency,
  round: field.integer,
  unit: field.integer,
  expiresAt: field.instant,
  timestamp: field.instant,
  sequence: field.integer,
}

/** A seller offers a unit of a lot that is over to a bidder, at the bidder's own highest bid. */
export const offerMade = defineEvent({
  event: 'offer.made',
  version: 'v1',
  payload: Type.Object({ ...offer }),
})

/** The bidder buys it: the unit is sold, and an order follows. */
export const offerAccepted = defineEvent({
  event: 'offer.accepted',
  version: 'v1',
  payload: Type.Object({ ...offer }),
})

export const offerDeclined = defineEvent({
  event: 'offer.declined',
  version: 'v1',
  payload: Type.Object({ ...offer }),
})

/** No one answered it in time. `timestamp` is its last instant, whenever that was written down. */
export const offerExpired = defineEvent({
  event: 'offer.expired',
  version: 'v1',
  payload: Type.Object({ ...offer }),
})

/** Its seller took it back, or put the item up for auction again. */
export const offerWithdrawn = defineEvent({
  event: 'offer.withdrawn',
  version: 'v1',
  payload: Type.Object({
    ...offer,
    reason: Type.Union([Type.Literal('seller'), Type.Literal('relisted')]),
  }),
})
