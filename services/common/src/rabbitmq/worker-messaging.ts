import { setTimeout as wait } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import type { Pool } from 'pg'
import type { ProcessContext } from '../process/service-process.ts'
import type { BrokerAddress } from './broker-address.ts'
import { type BrokerConnection, connectBroker } from './connection.ts'
import type { Consumer } from './consumer.ts'
import { startInboxPurge } from './inbox.ts'
import { createPublisher } from './publisher.ts'
import { startOutboxRelay } from './relay.ts'
import { runConsumers } from './run-consumers.ts'
import { checkTopology, expectConsumed, expectSubscribed } from './topology.ts'

export interface WorkerMessagingOptions<DB> {
  service: string
  broker: BrokerAddress
  pool: Pool
  db: Kysely<DB>
  context: ProcessContext
  consumers?: Consumer<DB>[]
}

export interface WorkerMessaging {
  /** Readiness: both connections stand, every queue exists and ours have their consumer. */
  isReady(): Promise<boolean>
}

/**
 * What every worker runs: a connection to publish and one to consume, the outbox relay, the inbox
 * purge and the consumers. Stops in the order that loses nothing: consumers, relay, channels,
 * connections. Throws when the consumers are not the service's rows of the topology.
 */
export function startMessaging<DB>(options: WorkerMessagingOptions<DB>): WorkerMessaging {
  const { service, broker, pool, db, context } = options
  const { log, registry, lifecycle } = context
  const { consumers: wanted = [] } = options
  expectSubscribed(wanted)
  expectConsumed(service, wanted)
  const publishing = connectBroker({ ...broker, name: `${service} publishing`, log })
  lifecycle.onStop('publishing connection', () => publishing.close())
  const consuming = connectBroker({ ...broker, name: `${service} consuming`, log })
  lifecycle.onStop('consuming connection', () => consuming.close())
  const publisher = createPublisher(publishing, `${service} publisher`)
  lifecycle.onStop('publisher', () => publisher.close())
  const relay = startOutboxRelay({ pool, publisher, log, registry })
  lifecycle.onStop('relay', () => relay.close())
  const purge = startInboxPurge(db, log)
  lifecycle.onStop('inbox purge', () => purge.stop())
  const consumers = runConsumers({
    connection: consuming,
    publisher,
    db,
    log,
    registry,
    consumers: wanted,
  })
  lifecycle.onStop('consumers', () => consumers.close())
  const isTopologyThere = cacheTopologyCheck(publishing)
  return {
    async isReady() {
      const areConnected = publishing.isConnected() && consuming.isConnected()
      return areConnected && consumers.isReady() && (await isTopologyThere())
    },
  }
}

const TOPOLOGY_CHECK_INTERVAL_MS = 10_000
/** Longer than a check takes on a busy machine. */
const TOPOLOGY_CHECK_MAX_MS = 30_000

/**
 * A good answer is kept for a while: probes come often, and every check asks for every queue. On a busy machine a
 * check outlasts the patience of several probes, so they all wait for the same one. A check that does not end is
 * answered with false and given up, so that it does not make the process unready for ever.
 */
export function cacheTopologyCheck(
  connection: Pick<BrokerConnection, 'withChannel'>,
  maxMs = TOPOLOGY_CHECK_MAX_MS,
): () => Promise<boolean> {
  let goodUntilMs = 0
  let asking: Promise<boolean> | undefined
  const ask = async () => {
    const timeout = new AbortController()
    const late = wait(maxMs, false, { signal: timeout.signal, ref: false }).catch(() => false)
    try {
      const looking = connection.withChannel((channel) => checkTopology(channel))
      const isThere = await Promise.race([looking, late])
      if (isThere) goodUntilMs = performance.now() + TOPOLOGY_CHECK_INTERVAL_MS
      return isThere
    } finally {
      timeout.abort()
      asking = undefined
    }
  }
  return async () => {
    if (performance.now() < goodUntilMs) return true
    asking ??= ask()
    return asking
  }
}
