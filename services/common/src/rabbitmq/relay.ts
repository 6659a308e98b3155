import { setTimeout as wait } from 'node:timers/promises'
import type { Pool, PoolClient } from 'pg'
import type { Registry } from 'prom-client'
import type { OutboxEvent } from '../contracts/event.ts'
import { isUnavailable } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { startSpan } from '../tracing.ts'
import { OUTBOX_CHANNEL } from './outbox.ts'
import type { Publisher, PublishOutcome } from './publisher.ts'
import { createRelayMetrics, type RelayMetrics } from './relay-metrics.ts'
import { hasSubscribers } from './topology.ts'

export interface RelayOptions {
  pool: Pool
  publisher: Publisher
  log: Logger
  registry: Registry
  pollIntervalMs?: number
  standbyIntervalMs?: number
  retentionDays?: number
}

export interface Relay {
  /** True while this process holds the relay's lock. */
  isActive(): boolean
  close(): Promise<void>
}

interface Row {
  id: string
  seq: bigint
  events: OutboxEvent[]
  ageMs: number
}

const LOCK = `hashtext('outbox relay')`
const WINDOW = 256
const ROWS_MAX = 500
const EVENTS_WANTED = 2_000
const FAILURE_PAUSE_MS = 500
const PURGE_INTERVAL_MS = 60_000
const PURGE_BATCH = 1_000

/**
 * Publishes what was committed to the outbox, in order per aggregate, at least once. One relay per
 * database is active (a session lock decides), the others stand by and take over when it dies.
 */
export function startOutboxRelay(options: RelayOptions): Relay {
  const { pool, log } = options
  const metrics = createRelayMetrics(options.registry, pool)
  const stop = new AbortController()
  let isActive = false
  let isFailing = false

  const run = async () => {
    while (!stop.signal.aborted) {
      try {
        await lead(options, metrics, stop.signal, (active) => {
          if (active && !isActive) log.info('outbox relay active')
          isActive = active
          if (active) isFailing = false
        })
      } catch (error) {
        if (!isFailing)
          log[isUnavailable(error) ? 'warn' : 'error']({ err: error }, 'outbox relay failed')
        isFailing = true
      }
      isActive = false
      await pause(FAILURE_PAUSE_MS, stop.signal)
    }
  }
  const running = run()
  return {
    isActive: () => isActive,
    async close() {
      stop.abort()
      await running
    },
  }
}

/** Waits for the lock, then relays until the connection that holds it is lost or we stop. */
async function lead(
  options: RelayOptions,
  metrics: RelayMetrics,
  signal: AbortSignal,
  setActive: (active: boolean) => void,
): Promise<void> {
  const client = await options.pool.connect()
  const wake = createWake()
  client.on('notification', wake.now)
  client.on('error', wake.now)
  signal.addEventListener('abort', wake.now)
  try {
    while (!(await tryLock(client))) {
      if (await pause(options.standbyIntervalMs ?? 1_000, signal)) return
    }
    await client.query(`listen ${OUTBOX_CHANNEL}`)
    setActive(true)
    let limit = ROWS_MAX
    let purgeDueMs = performance.now() + PURGE_INTERVAL_MS
    while (!signal.aborted) {
      const rows = options.publisher.isReady() ? await readUnsent(client, limit) : []
      const eventCount = rows.reduce((sum, { events }) => sum + events.length, 0)
      // A row may hold the events of a whole batch of bids, so the next read is sized by this one.
      limit = eventCount > EVENTS_WANTED ? Math.max(4, limit >> 1) : Math.min(ROWS_MAX, limit << 1)
      const isComplete = await relayRows(options, client, rows, metrics)
      if (!isComplete) await pause(FAILURE_PAUSE_MS, signal)
      else if (rows.length === 0) await wake.after(jittered(options.pollIntervalMs ?? 150), signal)
      if (performance.now() > purgeDueMs) {
        purgeDueMs = performance.now() + PURGE_INTERVAL_MS
        await purge(client, options.retentionDays ?? 7)
      }
    }
  } finally {
    setActive(false)
    client.off('notification', wake.now)
    signal.removeEventListener('abort', wake.now)
    // Closing the session is what frees the lock, whatever state the connection is in.
    client.release(true)
  }
}

async function tryLock(client: PoolClient): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>(
    `select pg_try_advisory_lock(${LOCK}) as locked`,
  )
  return rows[0]?.locked === true
}

// By seq among the unsent and never by a cursor: a lower seq may become visible after a higher one.
async function readUnsent(client: PoolClient, limit: number): Promise<Row[]> {
  const { rows } = await client.query<Row>({
    name: 'outbox-unsent',
    text: `select id, seq, events,
        (extract(epoch from clock_timestamp() - created_at) * 1000)::float8 as "ageMs"
      from outbox where sent_at is null order by seq limit $1`,
    values: [limit],
  })
  return rows
}

/** Publishes rows and marks those that are wholly at the broker; false when any was not. */
async function relayRows(
  { publisher, log }: RelayOptions,
  client: PoolClient,
  rows: Row[],
  metrics: RelayMetrics,
): Promise<boolean> {
  if (rows.length === 0) return true
  const startedAtMs = performance.now()
  const heldBack = new Set<string>()
  const sent: Row[] = []
  const queue: Promise<void>[] = []
  let inFlight = 0
  let hasRoom: (() => void) | undefined
  for (const row of rows) {
    const outcomes: Promise<PublishOutcome>[] = []
    for (const event of row.events) {
      while (inFlight >= WINDOW) {
        await new Promise<void>((resolve) => {
          hasRoom = resolve
        })
      }
      // After a failure nothing later of the same aggregate may overtake it.
      if (heldBack.has(event.aggregateId)) {
        outcomes.push(Promise.resolve('unknown'))
        continue
      }
      inFlight += 1
      outcomes.push(
        publishEvent(publisher, event).then((outcome) => {
          inFlight -= 1
          hasRoom?.()
          metrics.published(event.key, outcome)
          if (outcome !== 'confirmed') heldBack.add(event.aggregateId)
          return outcome
        }),
      )
    }
    queue.push(
      Promise.all(outcomes).then((all) => {
        if (all.every((outcome) => outcome === 'confirmed')) sent.push(row)
        else if (all.includes('returned')) {
          log.error({ outboxId: row.id }, 'event reached no queue of its subscribers')
        }
      }),
    )
  }
  await Promise.all(queue)
  if (sent.length > 0) {
    await client.query({
      name: 'outbox-mark-sent',
      text: 'update outbox set sent_at = clock_timestamp() where id = any($1::uuid[])',
      values: [`{${sent.map(({ id }) => id).join(',')}}`],
    })
    const elapsedMs = performance.now() - startedAtMs
    for (const { ageMs } of sent) metrics.latency((ageMs + elapsedMs) / 1000)
  }
  return sent.length === rows.length
}

function publishEvent(publisher: Publisher, event: OutboxEvent): Promise<PublishOutcome> {
  const { envelope, key } = event
  const span = startSpan(`${key} publish`, {
    kind: 'producer',
    traceparent: event.traceparent,
    attributes: { 'messaging.system': 'rabbitmq', 'messaging.destination.name': event.exchange },
  })
  const published = publisher.publish({
    exchange: event.exchange,
    routingKey: key,
    content: Buffer.from(JSON.stringify(envelope)),
    options: {
      persistent: true,
      mandatory: hasSubscribers(key),
      messageId: envelope.id,
      type: key,
      timestamp: Math.floor(Date.parse(envelope.timestamp) / 1000),
      contentType: 'application/json',
      headers: {
        'x-trace-id': envelope.traceId,
        'x-correlation-id': envelope.correlationId,
        'x-service': envelope.source,
        traceparent: span.traceparent,
      },
    },
  })
  if (!span.sampled) return published
  return published.then((outcome) => {
    span.end(outcome === 'confirmed' ? undefined : outcome)
    return outcome
  })
}

async function purge(client: PoolClient, retentionDays: number): Promise<void> {
  // Ids are made in time order, so the oldest rows lie together at the head of the primary key.
  await client.query(
    `delete from outbox where id in (
       select id from outbox where sent_at < clock_timestamp() - make_interval(days => $1)
       order by id limit ${PURGE_BATCH})`,
    [retentionDays],
  )
}

const jittered = (ms: number) => ms * (0.75 + Math.random() * 0.5)

/** Waits; true when stopped meanwhile. */
async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  await wait(ms, undefined, { signal }).catch(() => undefined)
  return signal.aborted
}

/** A wait that a notification ends early, also one that came before the wait began. */
function createWake() {
  let isWoken = false
  let resolveWait: (() => void) | undefined
  return {
    now: () => {
      isWoken = true
      resolveWait?.()
    },
    async after(ms: number, signal: AbortSignal): Promise<void> {
      if (!isWoken && !signal.aborted) {
        let timer: NodeJS.Timeout | undefined
        await new Promise<void>((resolve) => {
          resolveWait = resolve
          timer = setTimeout(resolve, ms)
        })
        clearTimeout(timer)
        resolveWait = undefined
      }
      isWoken = false
    },
  }
}
