import type { Channel } from 'amqplib'
import { itemPublished } from '../contracts/auction.ts'
import {
  bidClosed,
  bidExtended,
  bidLost,
  bidPlaced,
  bidReserveMet,
  bidWon,
} from '../contracts/bid.ts'
import type { EventContract } from '../contracts/event.ts'
import {
  mailRequested,
  userDeleted,
  userRegistered,
  userReinstated,
  userSuspended,
} from '../contracts/identity.ts'

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
  { consumer: 'auction', contract: bidLost },
  { consumer: 'auction', contract: userRegistered },
  { consumer: 'auction', contract: userDeleted },
  { consumer: 'bid', contract: itemPublished },
  { consumer: 'bid', contract: userSuspended },
  { consumer: 'bid', contract: userReinstated },
  { consumer: 'bid', contract: userDeleted },
  // Mails wait here until something sends them: the notification service, or local/'s mailbox.
  { consumer: 'notification', contract: mailRequested },
]

const EXCHANGES = [
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
}

/** What a process without the right to declare does instead: throws while something is missing. */
export async function expectTopology(
  channel: Channel,
  subscriptions: readonly Subscription[] = SUBSCRIPTIONS,
  tiers: readonly RetryTier[] = RETRY_TIERS,
): Promise<void> {
  const moves = subscriptions.map((one) => moveExchange(queueName(one.consumer, one.contract)))
  for (const exchange of [...EXCHANGES, ...new Set(moves)]) await channel.checkExchange(exchange)
  for (const { consumer, contract } of subscriptions) {
    const queue = queueName(consumer, contract)
    for (const name of [queue, deadLetterQueue(queue), ...tiers.map((t) => retryQueue(queue, t))])
      await channel.checkQueue(name)
  }
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

const subscribedKeys = new Set(SUBSCRIPTIONS.map(({ contract }) => contract.key))

/** True when at least one queue must receive this key; such an event is published mandatory. */
export function hasSubscribers(key: string): boolean {
  return subscribedKeys.has(key)
}
