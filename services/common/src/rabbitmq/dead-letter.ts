import type { ConsumeMessage } from 'amqplib'
import { messageIdOf } from '../contracts/event.ts'
import type { Publisher } from './publisher.ts'
import { deadLetterQueue, moveExchange, type RetryTier, retryQueue } from './topology.ts'

/** `failed`: no copy is safely at the broker, so the original must not be acknowledged. */
export type MoveOutcome = 'dead_lettered' | 'retried' | 'failed'

/** A message that its consumer could not handle, and why. */
export interface Failure {
  queue: string
  message: ConsumeMessage
  error: Error
}

const REASON_LENGTH_MAX = 1_000
const BROKERS_OWN = /^x-(death|(first|last)-death-.*|delivery-count|acquired-count)$/

/** How often a message was tried, by its own account. */
export function attemptsOf(message: ConsumeMessage): number {
  const count: unknown = message.properties.headers?.['x-attempt']
  return typeof count === 'number' && Number.isInteger(count) && count > 0 ? count : 0
}

/** Publishes a copy into the tier of its attempt, or to the dead letters after the last one. */
export async function retryLater(
  publisher: Publisher,
  failure: Failure & { tiers: readonly RetryTier[]; attemptsMax: number },
): Promise<MoveOutcome> {
  const { queue, message, error, tiers, attemptsMax } = failure
  const attempts = attemptsOf(message) + 1
  const tier = tiers[Math.min(attempts, tiers.length) - 1]
  if (attempts >= attemptsMax || tier === undefined) {
    return deadLetter(publisher, failure)
  }
  const isSafe = await move(publisher, retryQueue(queue, tier), message, {
    'x-attempt': attempts,
    'x-reason': reason(error),
  })
  return isSafe ? 'retried' : 'failed'
}

/** Publishes a copy to the dead-letter queue with why and when it failed. */
export async function deadLetter(
  publisher: Publisher,
  { queue, message, error }: Failure,
): Promise<MoveOutcome> {
  const isSafe = await move(publisher, deadLetterQueue(queue), message, {
    'x-attempts': attemptsOf(message) + 1,
    'x-reason': reason(error),
    'x-error-code': errorCode(error),
    'x-failed-at': new Date().toISOString(),
    'x-original-queue': queue,
  })
  return isSafe ? 'dead_lettered' : 'failed'
}

async function move(
  publisher: Publisher,
  queue: string,
  { content, properties }: ConsumeMessage,
  headers: Record<string, string | number>,
): Promise<boolean> {
  const carried: Record<string, unknown> = properties.headers ?? {}
  // The broker drops what it believes to be a dead-letter cycle, so its own record of the
  // message's travels is not copied.
  const kept = Object.fromEntries(
    Object.entries(carried).filter(([name]) => !BROKERS_OWN.test(name)),
  )
  const { messageId, type, timestamp, contentType } = properties
  const outcome = await publisher.publish({
    exchange: moveExchange(queue),
    routingKey: queue,
    content,
    options: {
      persistent: true,
      mandatory: true,
      // The original's services send none; every copy must be known by the same one.
      messageId: typeof messageId === 'string' ? messageId : messageIdOf(content, messageId),
      ...(typeof type === 'string' ? { type } : {}),
      ...(typeof timestamp === 'number' ? { timestamp } : {}),
      ...(typeof contentType === 'string' ? { contentType } : {}),
      headers: { 'x-first-seen': new Date().toISOString(), ...kept, ...headers },
    },
  })
  return outcome === 'confirmed'
}

function errorCode(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}

function reason(error: Error): string {
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : ''
  return `${error.message}${cause}`.slice(0, REASON_LENGTH_MAX)
}
