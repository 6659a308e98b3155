import { randomUUID } from 'node:crypto'
import {
  itemCommentCreated,
  itemCreated,
  itemExpired,
  itemRelisted,
  itemRemoved,
  itemSearchMatched,
  itemUpdated,
  itemWatchedRelisted,
} from '@auction/common/contracts/auction.ts'
import {
  bidBuyNow,
  bidClosed,
  bidExtended,
  bidLost,
  bidOutbid,
  bidPlaced,
  bidReleased,
  bidWon,
  offerAccepted,
  offerDeclined,
  offerExpired,
  offerMade,
  offerWithdrawn,
} from '@auction/common/contracts/bid.ts'
import {
  createEvent,
  type EventContract,
  type OutboxEvent,
} from '@auction/common/contracts/event.ts'
import { userDeleted, userRegistered } from '@auction/common/contracts/identity.ts'
import {
  orderCancelled,
  orderCreated,
  orderDisputed,
  orderOverdue,
  orderPaid,
  orderReminder,
  orderReopened,
  orderResolved,
  orderShipped,
} from '@auction/common/contracts/order.ts'
import {
  paymentDepositCaptured,
  paymentDepositExpiring,
  paymentDepositHeld,
  paymentDepositReleased,
  paymentPayoutAccountChanged,
  paymentPayoutAccountNeeded,
  paymentPayoutFailed,
  paymentPayoutSent,
} from '@auction/common/contracts/payment.ts'
import { ownTrace } from '@auction/common/telemetry/tracing.ts'
import type { Static, TObject } from 'typebox'
import { kindOf, TEMPLATES } from '#src/domain/notices.ts'

export interface EventOptions {
  sequence?: number
  /** When it was written; now, if absent. */
  at?: Date
}

/** An event as its publisher writes it. */
export function event<P extends TObject>(
  contract: EventContract<P>,
  aggregateId: string,
  payload: Static<P>,
  { sequence, at }: EventOptions = {},
): OutboxEvent {
  const trace = ownTrace('test')
  const context = { aggregateId, trace, ...(sequence === undefined ? {} : { sequence }) }
  const written = createEvent(contract, context, payload)
  if (at !== undefined) written.envelope.timestamp = at.toISOString()
  return written
}

type Payload<P extends { payload: TObject }> = Partial<Static<P['payload']>>

export const inMinutes = (minutes: number, from = Date.now()) =>
  new Date(from + minutes * 60_000).toISOString()

/** A bid after which `leaderId` leads. */
export function placed(
  itemId: string,
  sequence: number,
  leaderId: string,
  changes: Payload<typeof bidPlaced> = {},
): OutboxEvent {
  const state = { userId: leaderId, leaderId, currencyCode: 'EUR', bidCount: sequence }
  return event(
    bidPlaced,
    itemId,
    {
      bidId: randomUUID(),
      itemId,
      amount: '10.00',
      endDate: inMinutes(60),
      ...state,
      sequence,
      ...changes,
    },
    { sequence },
  )
}

export function outbid(
  itemId: string,
  sequence: number,
  userId: string,
  options: EventOptions & { changes?: Payload<typeof bidOutbid> } = {},
): OutboxEvent {
  const { changes, ...about } = options
  const money = { currencyCode: 'EUR', currentPrice: '12.00', minNextBid: '13.00' }
  return event(
    bidOutbid,
    itemId,
    { itemId, bidId: randomUUID(), userId, ...money, endDate: inMinutes(60), sequence, ...changes },
    { sequence, ...about },
  )
}

export function extended(itemId: string, sequence: number, endDate: string): OutboxEvent {
  const instants = {
    outageFrom: inMinutes(-20),
    outageUntil: inMinutes(-10),
    previousEndDate: inMinutes(-15),
    originalEndDate: inMinutes(-15),
    hardEndDate: endDate,
    timestamp: inMinutes(0),
  }
  return event(
    bidExtended,
    itemId,
    { itemId, reason: 'outage', ...instants, endDate, extensionCount: 1, sequence },
    { sequence },
  )
}

export function closed(
  itemId: string,
  sequence: number,
  changes: Payload<typeof bidClosed> = {},
): OutboxEvent {
  const state = { outcome: 'sold' as const, bidCount: sequence - 1, reserveMet: true }
  const instants = { endDate: inMinutes(0), closedAt: inMinutes(0) }
  return event(
    bidClosed,
    itemId,
    { itemId, round: 1, currencyCode: 'EUR', ...state, ...instants, sequence, ...changes },
    { sequence },
  )
}

export function won(
  itemId: string,
  sequence: number,
  buyerId: string,
  sellerId: string,
  options: EventOptions = {},
): OutboxEvent {
  const about = { finalAmount: '20.00', currencyCode: 'EUR', round: 1, endReason: 'sold' }
  return event(
    bidWon,
    itemId,
    { itemId, buyerId, sellerId, ...about, sequence },
    { sequence, ...options },
  )
}

export function lost(
  itemId: string,
  sequence: number,
  userIds: string[],
  { isSold = true, ...options }: EventOptions & { isSold?: boolean } = {},
): OutboxEvent {
  const price = isSold ? { finalAmount: '20.00' } : {}
  return event(
    bidLost,
    itemId,
    { itemId, userIds, currencyCode: 'EUR', ...price, round: 1, sequence },
    { sequence, ...options },
  )
}

const item = (id: string, sellerId: string, name: string) => ({
  id,
  sellerId,
  name,
  description: 'As seen.',
  currencyCode: 'EUR',
  startPrice: '1.00',
  hasReserve: false,
  buyNowAvailable: false,
  startDate: inMinutes(0),
  endDate: inMinutes(60),
  status: 'draft',
  type: 'english',
  termsVersion: 1,
  extensionThresholdMinutes: 5,
  extensionDurationMinutes: 5,
  maxExtensionMinutes: 60,
})

export const created = (id: string, sellerId: string, name: string, sequence = 1): OutboxEvent =>
  event(itemCreated, id, { ...item(id, sellerId, name), createdAt: inMinutes(0) }, { sequence })

export const updated = (
  id: string,
  sellerId: string,
  name: string,
  sequence: number,
): OutboxEvent =>
  event(
    itemUpdated,
    id,
    { ...item(id, sellerId, name), updatedAt: inMinutes(0), changedFields: ['name'] },
    { sequence },
  )

export const expired = (id: string, sellerId: string, options: EventOptions = {}): OutboxEvent =>
  event(itemExpired, id, { id, sellerId, reason: 'no_bids' }, { sequence: 5, ...options })

export const removed = (id: string, sellerId: string, options: EventOptions = {}): OutboxEvent =>
  event(itemRemoved, id, { id, sellerId, reason: 'Not allowed.' }, { sequence: 5, ...options })

export function commented(
  itemId: string,
  authorId: string,
  sellerId: string,
  changes: Payload<typeof itemCommentCreated> = {},
): OutboxEvent {
  const comment = { id: randomUUID(), content: 'Is it blue?', kind: 'question' }
  return event(itemCommentCreated, itemId, {
    ...comment,
    itemId,
    authorId,
    sellerId,
    createdAt: inMinutes(0),
    ...changes,
  })
}

export function matched(
  itemId: string,
  userId: string,
  changes: Payload<typeof itemSearchMatched> = {},
): OutboxEvent {
  const search = { savedSearchId: randomUUID(), searchName: 'Blue vases' }
  const about = { itemName: 'A blue vase', currencyCode: 'EUR', currentPrice: '1.00' }
  return event(itemSearchMatched, itemId, {
    ...search,
    userId,
    itemId,
    ...about,
    sellerId: randomUUID(),
    startDate: inMinutes(0),
    endDate: inMinutes(60),
    ...changes,
  })
}

export const deleted = (userId: string): OutboxEvent =>
  event(userDeleted, userId, { userId }, { sequence: 9 })

export const registered = (userId: string, locale?: string): OutboxEvent =>
  event(userRegistered, userId, {
    userId,
    name: 'Ann',
    email: 'ann@example.test',
    ...(locale === undefined ? {} : { locale }),
  })

/** A lot that was reserved for a buyer, or bought at once, and the end of the reservation. */
export function purchase(itemId: string, buyerId: string, sellerId: string, sequence = 2) {
  const parties = { itemId, purchaseId: randomUUID(), buyerId, sellerId, currencyCode: 'EUR' }
  const about = { ...parties, amount: '50.00', round: 1, timestamp: inMinutes(0), sequence }
  return {
    reserved: event(
      bidBuyNow,
      itemId,
      { ...about, mode: 'reserved', reservedUntil: inMinutes(10) },
      { sequence },
    ),
    immediate: event(bidBuyNow, itemId, { ...about, mode: 'immediate' }, { sequence }),
    released: event(
      bidReleased,
      itemId,
      {
        ...parties,
        reason: 'lapsed',
        buyNowAvailable: true,
        endDate: inMinutes(60),
        timestamp: inMinutes(0),
        sequence: sequence + 1,
      },
      { sequence: sequence + 1 },
    ),
  }
}

/** What may become of a deposit for this item. */
export function depositEvents(itemId: string, bidderId: string, sellerId: string) {
  const depositId = randomUUID()
  const deposit = {
    depositId,
    itemId,
    bidderId,
    sellerId,
    amount: '50.00',
    currencyCode: 'EUR',
    at: inMinutes(0),
  }
  const of = (sequence: number) => ({ ...deposit, sequence })
  const released = (reason: 'lost' | 'replaced', sequence: number) =>
    event(paymentDepositReleased, depositId, { ...of(sequence), reason }, { sequence })
  return {
    held: event(
      paymentDepositHeld,
      depositId,
      { ...of(2), heldUntil: inMinutes(60) },
      { sequence: 2 },
    ),
    expiring: event(
      paymentDepositExpiring,
      depositId,
      { ...of(3), heldUntil: inMinutes(60) },
      { sequence: 3 },
    ),
    released: released('lost', 4),
    replaced: released('replaced', 5),
    givenBack: event(
      paymentDepositReleased,
      depositId,
      { ...of(7), reason: 'paid', wasTaken: true },
      { sequence: 7 },
    ),
    captured: event(
      paymentDepositCaptured,
      depositId,
      { ...of(6), orderId: randomUUID(), sellerAmount: '50.00' },
      { sequence: 6 },
    ),
  }
}

/** What may become of an offer of this item. */
export function offerEvents(itemId: string, userId: string, sellerId: string) {
  const offerId = randomUUID()
  const offer = {
    offerId,
    itemId,
    bidId: randomUUID(),
    sellerId,
    userId,
    kind: 'second_chance' as const,
    amount: '45.00',
    currencyCode: 'EUR',
    round: 1,
    unit: 1,
    expiresAt: inMinutes(60),
    timestamp: inMinutes(0),
  }
  const ended = (contract: EventContract<typeof offerAccepted.payload>) =>
    event(contract, offerId, { ...offer, sequence: 2 }, { sequence: 2 })
  return {
    made: event(offerMade, offerId, { ...offer, sequence: 1 }, { sequence: 1 }),
    accepted: ended(offerAccepted),
    declined: ended(offerDeclined),
    expired: ended(offerExpired),
    withdrawn: event(
      offerWithdrawn,
      offerId,
      { ...offer, sequence: 2, reason: 'seller' },
      { sequence: 2 },
    ),
  }
}

/** An item that went on as another one. */
export const relisted = (
  id: string,
  newItemId: string,
  sellerId: string,
  isAutomatic = true,
): OutboxEvent =>
  event(
    itemRelisted,
    id,
    { id, sellerId, newItemId, round: 2, isAutomatic, endDate: inMinutes(60) },
    { sequence: 6 },
  )

export const watchedRelisted = (id: string, newItemId: string, userIds: string[]): OutboxEvent =>
  event(
    itemWatchedRelisted,
    id,
    { id, newItemId, userIds, endDate: inMinutes(60) },
    { sequence: 7 },
  )

/** What became of an order of this item, from its first event to its last. */
export function orderEvents(itemId: string, buyerId: string, sellerId: string) {
  const orderId = randomUUID()
  const parties = { orderId, itemId, buyerId, sellerId }
  const money = { total: '22.00', currencyCode: 'EUR' }
  const [at, dueAt] = [inMinutes(0), inMinutes(60)]
  const of = <P extends TObject>(contract: EventContract<P>, sequence: number, more: object) =>
    event(contract, orderId, { ...parties, ...more, sequence } as never, { sequence })
  return {
    created: of(orderCreated, 1, {
      ...money,
      amount: '20.00',
      premium: '2.00',
      dueAt,
      source: 'won',
    }),
    reminder: (n: number) => of(orderReminder, 1 + n, { ...money, dueAt, n }),
    overdue: of(orderOverdue, 5, { ...money, dueAt, cancelAt: inMinutes(120) }),
    paid: of(orderPaid, 6, { ...money, paymentId: randomUUID(), at }),
    shipped: of(orderShipped, 7, { at, carrier: 'dhl', trackingNumber: 'JD014600' }),
    cancelled: of(orderCancelled, 6, { round: 1, unit: 1, reason: 'unpaid', strike: true }),
    reopened: of(orderReopened, 7, { ...money, round: 1, unit: 1, dueAt }),
    disputed: of(orderDisputed, 8, { by: buyerId, reason: 'not_arrived' }),
    resolved: of(orderResolved, 9, {
      resolution: 'buyer',
      refundAmount: '22.00',
      currencyCode: 'EUR',
    }),
  }
}

/** What becomes of payouts to a seller. */
export function payoutEvents(sellerId: string) {
  const payoutId = randomUUID()
  const money = { amount: '17.50', currencyCode: 'EUR' }
  const at = inMinutes(0)
  const payout = { payoutId, sellerId, ...money, provider: 'stripe', at, sequence: 1 }
  const account = (state: 'restricted' | 'enabled', sequence: number) =>
    event(
      paymentPayoutAccountChanged,
      sellerId,
      { sellerId, provider: 'stripe', state, at, sequence },
      { sequence },
    )
  return {
    sent: event(paymentPayoutSent, payoutId, payout, { sequence: 1 }),
    failed: event(
      paymentPayoutFailed,
      payoutId,
      { ...payout, code: 'balance_insufficient' },
      { sequence: 1 },
    ),
    account,
    needed: event(
      paymentPayoutAccountNeeded,
      sellerId,
      { sellerId, ...money, at, sequence: 3 },
      { sequence: 3 },
    ),
  }
}

/** Templates of what events of other services say; those of webhook endpoints come from here. */
export const TEMPLATES_OF_EVENTS = TEMPLATES.filter(
  (template) => kindOf(template).category !== 'integrations',
)

/** Every order of a short list. */
export function permutations<T>(list: readonly T[]): T[][] {
  if (list.length <= 1) return [[...list]]
  return list.flatMap((first, index) =>
    permutations(list.filter((_, at) => at !== index)).map((rest) => [first, ...rest]),
  )
}

/** Some new ids: `const [ann, ben] = ids()`. */
export const ids = (): [string, string, string, string, string] => [
  randomUUID(),
  randomUUID(),
  randomUUID(),
  randomUUID(),
  randomUUID(),
]
