import type { Channel } from 'amqplib'
import {
  itemCommentCreated,
  itemCreated,
  itemExpired,
  itemPublished,
  itemRelisted,
  itemRemoved,
  itemRestored,
  itemSearchMatched,
  itemUpdated,
  itemWatchedRelisted,
} from '../contracts/auction.ts'
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
  offerAccepted,
  offerDeclined,
  offerExpired,
  offerMade,
  offerWithdrawn,
} from '../contracts/bid.ts'
import type { EventContract } from '../contracts/event.ts'
import {
  mailRequested,
  userDeleted,
  userRegistered,
  userReinstated,
  userSuspended,
} from '../contracts/identity.ts'
import {
  orderCancelled,
  orderCompleted,
  orderCreated,
  orderDisputed,
  orderOverdue,
  orderPaid,
  orderRefundSettled,
  orderReminder,
  orderReopened,
  orderResolved,
  orderShipped,
  orderStrikeRecorded,
  orderStrikeRedeemed,
} from '../contracts/order.ts'
import {
  paymentChargeback,
  paymentDepositCaptured,
  paymentDepositExpiring,
  paymentDepositHeld,
  paymentDepositReleased,
  paymentExpired,
  paymentFailed,
  paymentPayoutAccountChanged,
  paymentPayoutAccountNeeded,
  paymentPayoutFailed,
  paymentPayoutSent,
  paymentRefunded,
  paymentSucceeded,
} from '../contracts/payment.ts'

/** One service wants one kind of event: the queue between them is its own. */
export interface Subscription {
  consumer: string
  contract: EventContract
}

/** Every subscription of the platform. A new consumer is a new row here (docs/new-service.md). */
export const SUBSCRIPTIONS: readonly Subscription[] = [
  { consumer: 'auction', contract: bidPlaced },
  { consumer: 'auction', contract: bidReserveMet },
  { consumer: 'auction', contract: bidExtended },
  { consumer: 'auction', contract: bidClosed },
  { consumer: 'auction', contract: bidWon },
  { consumer: 'auction', contract: bidBuyNow },
  { consumer: 'auction', contract: bidReleased },
  { consumer: 'auction', contract: bidLost },
  { consumer: 'auction', contract: offerAccepted },
  { consumer: 'auction', contract: orderCancelled },
  { consumer: 'auction', contract: orderReopened },
  { consumer: 'auction', contract: userRegistered },
  { consumer: 'auction', contract: userDeleted },
  { consumer: 'identity', contract: orderStrikeRecorded },
  { consumer: 'identity', contract: orderStrikeRedeemed },
  { consumer: 'bid', contract: itemPublished },
  { consumer: 'bid', contract: itemRemoved },
  { consumer: 'bid', contract: itemRestored },
  { consumer: 'bid', contract: orderCancelled },
  { consumer: 'bid', contract: orderReopened },
  { consumer: 'bid', contract: paymentDepositHeld },
  { consumer: 'bid', contract: paymentDepositReleased },
  { consumer: 'bid', contract: paymentDepositCaptured },
  { consumer: 'bid', contract: userSuspended },
  { consumer: 'bid', contract: userReinstated },
  { consumer: 'bid', contract: userDeleted },
  { consumer: 'order', contract: bidBuyNow },
  { consumer: 'order', contract: bidWon },
  { consumer: 'order', contract: offerAccepted },
  { consumer: 'order', contract: itemRemoved },
  { consumer: 'order', contract: itemRestored },
  { consumer: 'order', contract: userSuspended },
  { consumer: 'order', contract: userReinstated },
  { consumer: 'order', contract: userDeleted },
  { consumer: 'order', contract: paymentSucceeded },
  { consumer: 'order', contract: paymentFailed },
  { consumer: 'order', contract: paymentExpired },
  { consumer: 'order', contract: paymentRefunded },
  { consumer: 'order', contract: paymentChargeback },
  { consumer: 'notification', contract: mailRequested },
  { consumer: 'notification', contract: userRegistered },
  { consumer: 'notification', contract: userDeleted },
  { consumer: 'notification', contract: itemCreated },
  { consumer: 'notification', contract: itemUpdated },
  { consumer: 'notification', contract: itemExpired },
  { consumer: 'notification', contract: itemRemoved },
  { consumer: 'notification', contract: itemRelisted },
  { consumer: 'notification', contract: itemWatchedRelisted },
  { consumer: 'notification', contract: itemCommentCreated },
  { consumer: 'notification', contract: itemSearchMatched },
  { consumer: 'notification', contract: bidPlaced },
  { consumer: 'notification', contract: bidOutbid },
  { consumer: 'notification', contract: bidExtended },
  { consumer: 'notification', contract: bidClosed },
  { consumer: 'notification', contract: bidWon },
  { consumer: 'notification', contract: bidLost },
  { consumer: 'notification', contract: bidBuyNow },
  { consumer: 'notification', contract: bidReleased },
  { consumer: 'notification', contract: offerMade },
  { consumer: 'notification', contract: offerAccepted },
  { consumer: 'notification', contract: offerDeclined },
  { consumer: 'notification', contract: offerExpired },
  { consumer: 'notification', contract: offerWithdrawn },
  { consumer: 'notification', contract: orderCreated },
  { consumer: 'notification', contract: orderReminder },
  { consumer: 'notification', contract: orderOverdue },
  { consumer: 'notification', contract: orderPaid },
  { consumer: 'notification', contract: orderShipped },
  { consumer: 'notification', contract: orderCancelled },
  { consumer: 'notification', contract: orderReopened },
  { consumer: 'notification', contract: orderDisputed },
  { consumer: 'notification', contract: orderResolved },
  { consumer: 'notification', contract: paymentPayoutSent },
  { consumer: 'notification', contract: paymentPayoutFailed },
  { consumer: 'notification', contract: paymentPayoutAccountChanged },
  { consumer: 'notification', contract: paymentPayoutAccountNeeded },
  { consumer: 'notification', contract: paymentDepositHeld },
  { consumer: 'notification', contract: paymentDepositExpiring },
  { consumer: 'notification', contract: paymentDepositReleased },
  { consumer: 'notification', contract: paymentDepositCaptured },
  { consumer: 'payment', contract: bidClosed },
  { consumer: 'payment', contract: orderPaid },
  { consumer: 'payment', contract: orderCompleted },
  { consumer: 'payment', contract: orderCancelled },
  { consumer: 'payment', contract: orderResolved },
  { consumer: 'payment', contract: orderRefundSettled },
]

/**
 * A log of events that every process of a service may read from where it wants, as often as it wants.
 * Reading takes nothing out of it, and no event of it is ever owed to anyone: it ends by its age and size.
 */
export interface EventStream {
  /** Begins with the service that reads it, whose user has the right to. */
  name: string
  contracts: readonly EventContract[]
  /** Whole segments are deleted, so a little more than this is kept. */
  maxAge: string
  maxBytes: number
  segmentBytes: number
}

/**
 * What watchers of lots are sent (ADR 0043). At 1,000 bids a second 400 MB are about three minutes; a
 * process needs two.
 */
export const LIVE_STREAM: EventStream = {
  name: 'notification.live',
  contracts: [
    bidPlaced,
    bidOutbid,
    bidReserveMet,
    bidExtended,
    bidBuyNow,
    bidReleased,
    bidClosed,
    bidLost,
  ],
  maxAge: '10m',
  maxBytes: 400_000_000,
  segmentBytes: 20_000_000,
}

/** Every stream of the platform. They are no subscriptions: nothing of a stream can be left unread. */
export const STREAMS: readonly EventStream[] = [LIVE_STREAM]

export const EXCHANGES = [
  'auction.item',
  'auction.bid',
  'auction.order',
  'auction.payment',
  'auction.offer',
  'auction.notification',
  'auction.identity',
  'auction.account',
]

/** Where a failed message waits before it is tried again, by the number of attempts made. */
export interface RetryTier {
  name: string
  delayMs: number
}

export const RETRY_TIERS: readonly RetryTier[] = [
  { name: '5s', delayMs: 5_000 },
  { name: '30s', delayMs: 30_000 },
  { name: '5m', delayMs: 300_000 },
]

// The broker's own limit is only a backstop: we count attempts ourselves. Both it and the dead
// letter route are always set, because the defaults loop for ever on 3.10 and drop on 4.x.
const DELIVERY_LIMIT = 50
// A dead letter is looked at with get and requeue; no number of looks may ever drop it.
const DEAD_LETTER_DELIVERY_LIMIT = 1_000_000

export const queueName = (consumer: string, contract: Pick<EventContract, 'key'>) =>
  `${consumer}.${contract.key}`
export const deadLetterQueue = (queue: string) => `${queue}.dlq`
export const retryQueue = (queue: string, tier: RetryTier) => `${queue}.retry.${tier.name}`
/**
 * Where a consumer puts what it could not handle, by the name of the queue. With the broker's
 * default exchange it would have the right to write into every queue of every service.
 */
export const moveExchange = (queue: string) => `${queue.slice(0, queue.indexOf('.'))}.moves`

/**
 * Arguments of a queue that hands over to another one when a message dies or its time is up. Only
 * the dead-letter queues themselves are declared without this, so no other can lack a way out.
 */
function quorum(deadLettersTo: string, extra: Record<string, unknown> = {}) {
  return {
    durable: true,
    arguments: {
      'x-queue-type': 'quorum',
      'x-delivery-limit': DELIVERY_LIMIT,
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': deadLettersTo,
      'x-dead-letter-strategy': 'at-least-once',
      'x-overflow': 'reject-publish',
      ...extra,
    },
  }
}

/**
 * Declares everything, idempotently, before anything is published or consumed, so no event can be
 * published before the queues of its subscribers exist. Every process does it, or one with the
 * right to (cmd/topology.ts) while the others only expect it to be done.
 */
export async function declareTopology(
  channel: Channel,
  subscriptions: readonly Subscription[] = SUBSCRIPTIONS,
  tiers: readonly RetryTier[] = RETRY_TIERS,
  streams: readonly EventStream[] = STREAMS,
): Promise<void> {
  for (const exchange of EXCHANGES)
    await channel.assertExchange(exchange, 'topic', { durable: true })
  for (const { consumer, contract } of subscriptions) {
    const queue = queueName(consumer, contract)
    const moves = moveExchange(queue)
    await channel.assertExchange(moves, 'direct', { durable: true })
    await channel.assertQueue(deadLetterQueue(queue), {
      durable: true,
      arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': DEAD_LETTER_DELIVERY_LIMIT },
    })
    await channel.bindQueue(deadLetterQueue(queue), moves, deadLetterQueue(queue))
    await channel.assertQueue(queue, quorum(deadLetterQueue(queue)))
    for (const tier of tiers) {
      await channel.assertQueue(
        retryQueue(queue, tier),
        quorum(queue, { 'x-message-ttl': tier.delayMs }),
      )
      await channel.bindQueue(retryQueue(queue, tier), moves, retryQueue(queue, tier))
    }
    await channel.bindQueue(queue, contract.exchange, contract.key)
  }
  for (const stream of streams) await declareStream(channel, stream)
}

async function declareStream(channel: Channel, stream: EventStream): Promise<void> {
  const { name, contracts, maxAge, maxBytes, segmentBytes } = stream
  await channel.assertQueue(name, {
    durable: true,
    arguments: {
      'x-queue-type': 'stream',
      'x-max-age': maxAge,
      'x-max-length-bytes': maxBytes,
      'x-stream-max-segment-size-bytes': segmentBytes,
    },
  })
  for (const { exchange, key } of contracts) await channel.bindQueue(name, exchange, key)
}

/** What a process without the right to declare does instead: throws while something is missing. */
export async function expectTopology(
  channel: Channel,
  subscriptions: readonly Subscription[] = SUBSCRIPTIONS,
  tiers: readonly RetryTier[] = RETRY_TIERS,
  streams: readonly EventStream[] = STREAMS,
): Promise<void> {
  const moves = subscriptions.map((one) => moveExchange(queueName(one.consumer, one.contract)))
  for (const exchange of [...EXCHANGES, ...new Set(moves)]) await channel.checkExchange(exchange)
  for (const { consumer, contract } of subscriptions) {
    const queue = queueName(consumer, contract)
    for (const name of [queue, deadLetterQueue(queue), ...tiers.map((t) => retryQueue(queue, t))])
      await channel.checkQueue(name)
  }
  for (const { name } of streams) await channel.checkQueue(name)
}

/**
 * Asks the broker for every queue without creating any; false when one is missing, which is when a
 * fan-out would silently lose a subscriber. A missing queue closes the channel: lend it one.
 */
export async function checkTopology(
  channel: Channel,
  subscriptions: readonly Subscription[] = SUBSCRIPTIONS,
): Promise<boolean> {
  try {
    await expectTopology(channel, subscriptions)
    return true
  } catch {
    return false
  }
}

/** Throws for what consumes an event and has no row here: no queue would ever be declared for it. */
export function expectSubscribed(subscriptions: readonly Subscription[]): void {
  const rows = new Set(SUBSCRIPTIONS.map(({ consumer, contract }) => queueName(consumer, contract)))
  for (const { consumer, contract } of subscriptions) {
    const queue = queueName(consumer, contract)
    if (!rows.has(queue)) throw new Error(`${queue} is consumed and has no row in topology.ts`)
  }
}

/** Throws for a row of this service that nothing consumes: its queue would only ever grow. */
export function expectConsumed(service: string, subscriptions: readonly Subscription[]): void {
  const consumed = new Set(subscriptions.map(({ contract }) => contract.key))
  for (const { consumer, contract } of SUBSCRIPTIONS) {
    if (consumer !== service || consumed.has(contract.key)) continue
    throw new Error(`${queueName(consumer, contract)} has a row in topology.ts and no consumer`)
  }
}

const subscribedKeys = new Set(SUBSCRIPTIONS.map(({ contract }) => contract.key))

/**
 * True when at least one queue must receive this key; such an event is published mandatory. A stream
 * does not count: no event of it is owed to anyone.
 */
export function hasSubscribers(key: string): boolean {
  return subscribedKeys.has(key)
}
