import type { Kysely } from 'kysely'
import type { Pool } from 'pg'
import type { ProcessContext } from '../service-process.ts'
import { connectBroker } from './connection.ts'
import { type Consumer, runConsumers } from './consumer.ts'
import { createPublisher } from './publisher.ts'
import { startOutboxRelay } from './relay.ts'

export interface WorkerMessagingOptions<DB> {
  service: string
  url: string
  pool: Pool
  db: Kysely<DB>
  context: ProcessContext
  consumers?: Consumer<DB>[]
  /** After every commit of a handler; a service whose handlers write events wakes the relay here. */
  onCommitted?: () => void
}

export interface WorkerMessaging {
  /** Readiness: both connections stand and every queue has its consumer. */
  isReady(): boolean
}

/**
 * What every worker runs: a connection to publish and one to consume, the outbox relay and the
 * consumers. Stops in the order that loses nothing: consumers, relay, channels, connections.
 */
export function startMessaging<DB>(options: WorkerMessagingOptions<DB>): WorkerMessaging {
  const { service, url, pool, db, context } = options
  const { log, registry, lifecycle } = context
  const publishing = connectBroker({ url, name: `${service} publishing`, log })
  lifecycle.onStop('publishing connection', () => publishing.close())
  const consuming = connectBroker({ url, name: `${service} consuming`, log })
  lifecycle.onStop('consuming connection', () => consuming.close())
  const publisher = createPublisher(publishing, `${service} publisher`)
  lifecycle.onStop('publisher', () => publisher.close())
  const relay = startOutboxRelay({ pool, publisher, log, registry })
  lifecycle.onStop('relay', () => relay.close())
  const consumers = runConsumers({
    connection: consuming,
    publisher,
    db,
    log,
    registry,
    consumers: options.consumers ?? [],
    ...(options.onCommitted === undefined ? {} : { onCommitted: options.onCommitted }),
  })
  lifecycle.onStop('consumers', () => consumers.close())
  return {
    isReady: () => publishing.isConnected() && consuming.isConnected() && consumers.isReady(),
  }
}
