import { Type } from 'typebox'
import { eventsOf, field } from './event.ts'

const defineEvent = eventsOf('order')

const optional = Type.Optional

// The sequence of these is the order's: a reader keeps the greatest and ignores what is older.
const parties = {
  orderId: field.id,
  itemId: field.id,
  buyerId: field.id,
  sellerId: field.id,
}
const sequence = field.integer

const reasons = (names: readonly string[]) =>
  Type.Unsafe<string>({ type: 'string', enum: [...names] })

/** A buyer owes a seller the total, until `dueAt`. */
export const orderCreated = defineEvent({
  event: 'order.created',
  version: 'v1',
  payload: Type.Object({
    ...parties,
    /** What was bid; the premium comes on top of it. */
    amount: field.money,
    premium: field.money,
    total: field.money,
    currencyCode: field.currency,
    dueAt: field.instant,
    source: reasons(['won', 'buynow', 'offer']),
    sequence,
  }),
})

export const orderPaid = defineEvent({
  event: 'order.paid',
  version: 'v1',
  payload: Type.Object({
    ...parties,
    paymentId: field.id,
    total: field.money,
    currencyCode: field.currency,
    at: field.instant,
    sequence,
  }),
})

export const orderShipped = defineEvent({
  event: 'order.shipped',
  version: 'v1',
  payload: Type.Object({
    ...parties,
    at: field.instant,
    carrier: optional(field.text),
    trackingNumber: optional(field.text),
    sequence,
  }),
})

/** The buyer has it, by what the buyer says or by time; `collected`: the buyer came for it. */
export const orderDelivered = defineEvent({
  event: 'order.delivered',
  version: 'v1',
  payload: Type.Object({
    ...parties,
    at: field.instant,
    by: reasons(['buyer', 'time', 'collection']),
    sequence,
  }),
})

/** The seller has earned the amount: no dispute was opened in time. */
export const orderCompleted = defineEvent({
  event: 'order.completed',
  version: 'v1',
  payload: Type.Object({
    ...parties,
    amount: field.money,
    currencyCode: field.currency,
    at: field.instant,
    sequence,
  }),
})

/** The buyer is reminded for the n-th time. */
export const orderReminder = defineEvent({
  event: 'order.reminder',
  version: 'v1',
  payload: Type.Object({
    ...parties,
    total: field.money,
    currencyCode: field.currency,
    dueAt: field.instant,
    n: field.integer,
    sequence,
  }),
})

export const orderOverdue = defineEvent({
  event: 'order.overdue',
  version: 'v1',
  payload: Type.Object({
    ...parties,
    total: field.money,
    currencyCode: field.currency,
    dueAt: field.instant,
    cancelAt: field.instant,
    sequence,
  }),
})

/** The unit is free again. `strike`: the buyer has one more for it; an order brings one at most. */
export const orderCancelled = defineEvent({
  event: 'order.cancelled',
  version: 'v1',
  payload: Type.Object({
    ...parties,
    round: field.integer,
    unit: field.integer,
    /** The purchase of a lot that was reserved. */
    purchaseId: optional(field.id),
    /** It ended as a reservation: the unit was never the buyer's. */
    reservedUntil: optional(field.instant),
    reason: reasons(['unpaid', 'seller', 'mutual', 'buy_now_released', 'suspended', 'removed']),
    strike: field.flag,
    /** What the buyer was asked for. */
    total: optional(field.money),
    currencyCode: optional(field.currency),
    sequence,
  }),
})

/** The seller lets the buyer pay an order that was cancelled unpaid: the unit is sold again. */
export const orderReopened = defineEvent({
  event: 'order.reopened',
  version: 'v1',
  payload: Type.Object({
    ...parties,
    round: field.integer,
    unit: field.integer,
    total: optional(field.money),
    currencyCode: optional(field.currency),
    dueAt: field.instant,
    sequence,
  }),
})

export const orderDisputed = defineEvent({
  event: 'order.disputed',
  version: 'v1',
  payload: Type.Object({ ...parties, by: field.id, reason: field.text, sequence }),
})

/** A dispute is over; `buyer` with an amount: payment gives so much back. */
export const orderResolved = defineEvent({
  event: 'order.resolved',
  version: 'v1',
  payload: Type.Object({
    ...parties,
    resolution: reasons(['buyer', 'seller']),
    refundAmount: optional(field.money),
    currencyCode: field.currency,
    sequence,
  }),
})

/**
 * A moderator ended the wait for what a dispute owed the buyer, so payment gives none of it any more. `refunded`: the
 * buyer got it in another way. `resumed`: the order goes on without it.
 */
export const orderRefundSettled = defineEvent({
  event: 'order.refund.settled',
  version: 'v1',
  payload: Type.Object({ ...parties, outcome: reasons(['refunded', 'resumed']), sequence }),
})

/**
 * A buyer has a strike more for an order that was not paid. `isLimitReached`: the account is to be suspended
 * until `suspendedUntil`. `sequence` counts the strikes and redemptions of the user.
 */
export const orderStrikeRecorded = defineEvent({
  event: 'order.strike.recorded',
  version: 'v1',
  payload: Type.Object({
    userId: field.id,
    orderId: field.id,
    /** Strikes that count at present, this one included. */
    count: field.integer,
    isLimitReached: field.flag,
    suspendedUntil: optional(field.instant),
    at: field.instant,
    sequence,
  }),
})

/** The order of a strike was paid after all, so the strike counts no more. */
export const orderStrikeRedeemed = defineEvent({
  event: 'order.strike.redeemed',
  version: 'v1',
  payload: Type.Object({
    userId: field.id,
    orderId: field.id,
    count: field.integer,
    /** False: a suspension for strikes is over. True: it ends at `suspendedUntil`, which other strikes brought. */
    isLimitReached: field.flag,
    suspendedUntil: optional(field.instant),
    at: field.instant,
    sequence,
  }),
})
