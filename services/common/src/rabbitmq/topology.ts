import type { Channel } from 'amqplib'
import { itemPublished } from '../contracts/auction.ts'
import { bidClosed, bidPlaced, bidReserveMet, bidWon } from '../contracts/bid.ts'
import type { EventContract } from '../contracts/event.ts'
import { mailRequested } from '../contracts/identity.ts'

/** One service wants one kind of event: the queue between them belongs to nobody else. */
export interface Subscription {
  consumer: string
  contract: EventContract
}

/** Every subscription of the platform. A new consumer is a new row here (docs/new-service.md). */
export const SUBSCRIPTIONS: readonly Subscription[] = [
  { consumer: 'auction', contract: bidPlaced },
  { consumer: 'auction', contract: bidReserveMet },
  { consumer: 'auction', contract: bidClosed },
  { consumer: 'auction', contract: bidWon },
  { consumer: 'bid', contract: itemPublished },
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
 * Declares everything, idempotently: every process does it before it publishes or consumes, so no
 * event can be published before the queues of its subscribers exist.
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
    await channel.assertQueue(deadLetterQueue(queue), {
      durable: true,
      arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': DEAD_LETTER_DELIVERY_LIMIT },
    })
    await channel.assertQueue(queue, quorum(deadLetterQueue(queue)))
    for (const tier of tiers) {
      await channel.assertQueue(
        retryQueue(queue, tier),
        quorum(queue, { 'x-message-ttl': tier.delayMs }),
      )
    }
    await channel.bindQueue(queue, contract.exchange, contract.key)
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
    for (const { consumer, contract } of subscriptions) {
      const queue = queueName(consumer, contract)
      const names = [queue, deadLetterQueue(queue), ...RETRY_TIERS.map((t) => retryQueue(queue, t))]
      for (const name of names) await channel.checkQueue(name)
    }
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
