import type { Kysely, Transaction } from 'kysely'
import type { Registry } from 'prom-client'
import type { Static, TObject } from 'typebox'
import type { Envelope, EventContract } from '../contracts/event.ts'
import type { Logger } from '../process/logger.ts'
import type { Trace } from '../telemetry/tracing.ts'
import type { BrokerConnection } from './connection.ts'
import type { Publisher } from './publisher.ts'
import type { RetryTier } from './topology.ts'

/** An event as a handler gets it; `trace` continues in whatever the handler writes. */
export type Delivery<P = Record<string, unknown>> = Envelope<P> & { trace: Trace }

/** A failure that no retry can mend: the message goes to the dead-letter queue at once. */
export class PermanentError extends Error {
  override readonly name = 'PermanentError'
}

interface ConsumerBase<P extends TObject> {
  /** The service that consumes; with the contract's key it names the queue. */
  consumer: string
  contract: EventContract<P>
}

/** Inbox row and effects in one transaction: a message has its effect once, however often it comes. */
export interface TransactionalConsumer<DB, P extends TObject> extends ConsumerBase<P> {
  kind: 'transactional'
  handle(tx: Transaction<DB>, event: Delivery<Static<P>>): Promise<void>
}

/**
 * Folds many events at once into a read model. Repetition and order are the handler's business,
 * by the sequence guard in its statement.
 */
export interface ProjectionConsumer<DB, P extends TObject> extends ConsumerBase<P> {
  kind: 'projection'
  /** At most this many events in one transaction. */
  batchMax: number
  handle(tx: Transaction<DB>, events: Delivery<Static<P>>[]): Promise<void>
}

/** For handlers that call others and are idempotent by what they call; no transaction is held. */
export interface IdempotentConsumer<P extends TObject> extends ConsumerBase<P> {
  kind: 'idempotent'
  handle(event: Delivery<Static<P>>): Promise<void>
}

// A list of consumers mixes payloads, and a handler takes its own one only; the contract that
// reads the message is the same one that types the handler.
// biome-ignore lint/suspicious/noExplicitAny: variance of handlers in a mixed list.
type AnyPayload = any

export type Consumer<DB> =
  | TransactionalConsumer<DB, AnyPayload>
  | ProjectionConsumer<DB, AnyPayload>
  | IdempotentConsumer<AnyPayload>

export interface ConsumersOptions<DB> {
  connection: BrokerConnection
  publisher: Publisher
  db: Kysely<DB>
  log: Logger
  registry: Registry
  consumers: Consumer<DB>[]
  retryTiers?: readonly RetryTier[]
  attemptsMax?: number
  /** Pauses between tries of one delivery that met a deadlock or a lock. */
  inProcessDelaysMs?: readonly number[]
  /** A handler that takes longer has failed. */
  handlerTimeoutMs?: number
  /** How often the dead-letter queues are measured. */
  depthIntervalMs?: number
}

/** Keeps a type per consumer while a list is built. */
export const transactional = <DB, P extends TObject>(consumer: TransactionalConsumer<DB, P>) =>
  consumer
export const projection = <DB, P extends TObject>(consumer: ProjectionConsumer<DB, P>) => consumer
export const idempotent = <P extends TObject>(consumer: IdempotentConsumer<P>) => consumer
