import { Type } from 'typebox'
import { eventsOf, field } from './event.ts'

const defineEvent = eventsOf('payment')

const optional = Type.Optional

// A payment may be for several orders of one seller. Each of them has an event of its own.
const parties = {
  paymentId: field.id,
  orderId: field.id,
  buyerId: field.id,
  sellerId: field.id,
}

/** Where an attempt to pay is. `amount` is the total of this order alone. */
const attempt = Type.Object({
  ...parties,
  amount: field.money,
  currencyCode: field.currency,
  provider: field.text,
  /** How often this order was tried to be paid, this attempt included. */
  attempt: field.integer,
  /** Why it failed: a code of ours. */
  code: optional(field.text),
  at: field.instant,
  /** Counts the committed changes of the payment. */
  sequence: field.integer,
})

/** A buyer began to pay. */
export const paymentCreated = defineEvent({
  event: 'payment.created',
  version: 'v1',
  payload: attempt,
})

/** The provider holds the money; the order is asked next whether it still wants it. */
export const paymentAuthorized = defineEvent({
  event: 'payment.authorized',
  version: 'v1',
  payload: attempt,
})

/** The provider has taken the money. */
export const paymentSucceeded = defineEvent({
  event: 'payment.succeeded',
  version: 'v1',
  payload: attempt,
})

/** The attempt is over and no money was taken: refused, cancelled, or the order did not want it. */
export const paymentFailed = defineEvent({
  event: 'payment.failed',
  version: 'v1',
  payload: attempt,
})

/** The buyer did not pay in the time that the page was open. */
export const paymentExpired = defineEvent({
  event: 'payment.expired',
  version: 'v1',
  payload: attempt,
})

/** The buyer got money back for an order; `refundedTotal` is all of it so far. */
export const paymentRefunded = defineEvent({
  event: 'payment.refunded',
  version: 'v1',
  payload: Type.Object({
    ...parties,
    refundId: field.id,
    amount: field.money,
    refundedTotal: field.money,
    currencyCode: field.currency,
    at: field.instant,
    sequence: field.integer,
  }),
})

/** The buyer's bank took the money back, or decided about it. */
export const paymentChargeback = defineEvent({
  event: 'payment.chargeback',
  version: 'v1',
  payload: Type.Object({
    ...parties,
    amount: field.money,
    currencyCode: field.currency,
    phase: Type.Unsafe<'opened' | 'won' | 'lost'>({
      type: 'string',
      enum: ['opened', 'won', 'lost'],
    }),
    evidenceDueAt: optional(field.instant),
    at: field.instant,
    sequence: field.integer,
  }),
})

// A deposit is of one bidder for one item.
const deposit = {
  depositId: field.id,
  itemId: field.id,
  bidderId: field.id,
  sellerId: field.id,
  amount: field.money,
  currencyCode: field.currency,
  at: field.instant,
  /** Counts the committed changes of the deposit. */
  sequence: field.integer,
}

/** A card holds the deposit of a bidder. `heldUntil`: the bank lets go then by itself. */
export const paymentDepositHeld = defineEvent({
  event: 'payment.deposit_held',
  version: 'v1',
  payload: Type.Object({ ...deposit, heldUntil: optional(field.instant) }),
})

/** The hold ends before the lot does: who wants to bid then has the deposit held again. */
export const paymentDepositExpiring = defineEvent({
  event: 'payment.deposit_expiring',
  version: 'v1',
  payload: Type.Object({ ...deposit, heldUntil: field.instant }),
})

/** Why a card holds a deposit no more. */
export const DEPOSIT_RELEASES = [
  /** Another bidder won, or no one did. */
  'lost',
  /** The item was withdrawn or removed. */
  'cancelled',
  /** The winner paid the whole price. */
  'paid',
  /** The order ended, and not because the winner did not pay. */
  'order_cancelled',
  /** A newer hold is in its place. */
  'replaced',
  /** The bank let go at the end of the hold, */
  'expired',
  /** or before it. */
  'hold_lost',
] as const

/** The card holds the deposit no more, and nothing was taken; or what was taken is given back. */
export const paymentDepositReleased = defineEvent({
  event: 'payment.deposit_released',
  version: 'v1',
  payload: Type.Object({
    ...deposit,
    reason: Type.Unsafe<(typeof DEPOSIT_RELEASES)[number]>({
      type: 'string',
      enum: [...DEPOSIT_RELEASES],
    }),
    /** It had been taken, and the winner paid after all: the money is given back. */
    wasTaken: optional(Type.Boolean()),
  }),
})

/** The deposit was taken, because the winner did not pay the order. */
export const paymentDepositCaptured = defineEvent({
  event: 'payment.deposit_captured',
  version: 'v1',
  payload: Type.Object({
    ...deposit,
    orderId: field.id,
    /** What the seller gets of it. */
    sellerAmount: field.money,
  }),
})

const payout = {
  payoutId: field.id,
  sellerId: field.id,
  amount: field.money,
  currencyCode: field.currency,
  provider: field.text,
  at: field.instant,
  sequence: field.integer,
}

/** A seller was paid out. */
export const paymentPayoutSent = defineEvent({
  event: 'payment.payout_sent',
  version: 'v1',
  payload: Type.Object(payout),
})

/** A payout was refused: the seller is owed it as before. */
export const paymentPayoutFailed = defineEvent({
  event: 'payment.payout_failed',
  version: 'v1',
  payload: Type.Object({ ...payout, code: field.text }),
})

/** Whether a seller can be paid out has changed. `sequence` grows with the changes of the account. */
export const paymentPayoutAccountChanged = defineEvent({
  event: 'payment.payout_account_changed',
  version: 'v1',
  payload: Type.Object({
    sellerId: field.id,
    provider: field.text,
    state: Type.Unsafe<'onboarding' | 'enabled' | 'restricted'>({
      type: 'string',
      enum: ['onboarding', 'enabled', 'restricted'],
    }),
    /** What the provider misses: its own word. */
    code: optional(field.text),
    at: field.instant,
    sequence: field.integer,
  }),
})

/** Something is payable to a seller, who has not said yet where to be paid. Once for each time that it begins. */
export const paymentPayoutAccountNeeded = defineEvent({
  event: 'payment.payout_account_needed',
  version: 'v1',
  payload: Type.Object({
    sellerId: field.id,
    amount: field.money,
    currencyCode: field.currency,
    at: field.instant,
    sequence: field.integer,
  }),
})
