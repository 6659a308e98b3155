import { setTimeout as wait } from 'node:timers/promises'
import type { Pool, PoolClient } from 'pg'
import type { Registry } from 'prom-client'
import type { OutboxEvent } from '../contracts/event.ts'
import { isUnavailable, SQL_STATES, sqlState } from '../http/errors.ts'
import type { Logger } from '../process/logger.ts'
import { CORRELATION_ATTRIBUTE, startSpan } from '../telemetry/tracing.ts'
import { OUTBOX_CHANNEL, startOutboxPurge } from './outbox.ts'
import type { Publisher, PublishOutcome } from './publisher.ts'
import { createHolds, type EventOutcome, type Holds, type Row } from './relay-holds.ts'
import { createLease, endSilentLeader, type Lease, takeLead } from './relay-lease.ts'
import { createRelayMetrics, type RelayMetrics } from './relay-metrics.ts'
import { createScan } from './relay-scan.ts'
import { hasSubscribers } from './topology.ts'

export interface RelayOptions {
  pool: Pool
  publisher: Publisher
  log: Logger
  registry: Registry
  pollIntervalMs?: number
  standbyIntervalMs?: number
  retentionDays?: number
  purgeIntervalMs?: number
}

export interface Relay {
  /** True while this process holds the relay's lock. */
  isActive(): boolean
  close(): Promise<void>
}

const POLL_INTERVAL_MS = 150
const STANDBY_INTERVAL_MS = 1_000
const FAILURE_PAUSE_MS = 500
// Events on their way to the broker at once, and the weight of a page of rows.
const WINDOW = 256
const PAGE_BYTES = 1_000_000
const ROWS_MAX = 1_000
const RETENTION_DAYS = 7
const PURGE_INTERVAL_MS = 60_000

/**
 * Publishes what was committed to the outbox, in order per aggregate, at least once. One relay per
 * database is active (a session lock decides), the others stand by and take over when it dies, or
 * when it is silent for ten seconds (relay-lease.ts).
 */
export function startOutboxRelay(options: RelayOptions): Relay {
  const { pool, log } = options
  const metrics = createRelayMetrics(options.registry, pool)
  const stop = new AbortController()
  let isActive = false
  let isFailing = false
  const setActive = (active: boolean) => {
    if (active && !isActive) log.info('outbox relay active')
    isActive = active
    if (active) isFailing = false
  }

  const run = async () => {
    while (!stop.signal.aborted) {
      try {
        await lead(options, metrics, stop.signal, setActive)
      } catch (error) {
        if (!isFailing)
          log[isUnavailable(error) ? 'warn' : 'error']({ err: error }, 'outbox relay failed')
        isFailing = true
      }
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
    while (!(await takeLead(client))) {
      if (await endSilentLeader(client))
        options.log.warn('the silent leader of the outbox relay was ended')
      if (await pause(options.standbyIntervalMs ?? STANDBY_INTERVAL_MS, signal)) return
    }
    await client.query(`listen ${OUTBOX_CHANNEL}`)
    setActive(true)
    const purge = startOutboxPurge(options.pool, {
      log: options.log,
      retentionDays: options.retentionDays ?? RETENTION_DAYS,
      intervalMs: options.purgeIntervalMs ?? PURGE_INTERVAL_MS,
    })
    try {
      await relayUntilStopped(options, metrics, client, wake, signal)
    } finally {
      await purge.stop()
    }
  } finally {
    setActive(false)
    client.off('notification', wake.now)
    signal.removeEventListener('abort', wake.now)
    // Closing the session is what frees the lock, whatever state the connection is in.
    client.release(true)
  }
}

async function relayUntilStopped(
  { publisher, log, pollIntervalMs = POLL_INTERVAL_MS }: RelayOptions,
  metrics: RelayMetrics,
  client: PoolClient,
  wake: Wake,
  signal: AbortSignal,
): Promise<void> {
  const holds = createHolds()
  const lease = createLease(client)
  const context = { client, lease, publisher, log, metrics, holds, unroutable: new Set<string>() }
  const scan = createScan(holds)
  while (!signal.aborted) {
    if (!publisher.isReady()) {
      await lease.renewedBy(() => client.query('select 1'))
      await lease.keptDuring(() => wake.after(jittered(pollIntervalMs), signal))
      continue
    }
    const readAtMs = performance.now()
    const rows = await lease
      .renewedBy(() => readUnsent(client, scan.afterSeq(), ROWS_MAX))
      .catch((error: unknown) => {
        if (sqlState(error) !== SQL_STATES.queryCanceled || !scan.skipFromStart()) throw error
        log.warn({ err: error }, 'the outbox could not be read from its start in time')
      })
    if (rows === undefined) continue
    const sent = await relayRows(context, rows, scan.startedAtMs())
    scan.advance(rows, readAtMs, sent === rows.length)
    if (rows.length === 0)
      await lease.keptDuring(() => wake.after(jittered(pollIntervalMs), signal))
  }
}

const jittered = (ms: number) => ms * (0.75 + Math.random() * 0.5)

/** Waits; true when stopped meanwhile. */
async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  await wait(ms, undefined, { signal }).catch(() => undefined)
  return signal.aborted
}

interface Wake {
  now(): void
  after(ms: number, signal: AbortSignal): Promise<void>
}

/** A wait that a notification ends early, also one that came before the wait began. */
function createWake(): Wake {
  let isWoken = false
  let resolveWait: (() => void) | undefined
  return {
    now: () => {
      isWoken = true
      resolveWait?.()
    },
    async after(ms, signal) {
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

interface RowsContext {
  client: PoolClient
  lease: Lease
  publisher: Publisher
  log: Logger
  metrics: RelayMetrics
  holds: Holds
  /** Keys that reached no queue and were logged; logged again only after one of them got through. */
  unroutable: Set<string>
}

/**
 * Reads a page of the unsent by seq. A row may hold one event or those of a whole batch of bids, so
 * the page is bounded by what its rows weigh as well; it has one row at least.
 */
async function readUnsent(client: PoolClient, afterSeq: bigint, rowsMax: number): Promise<Row[]> {
  const { rows } = await client.query<Row>({
    name: 'outbox-unsent',
    text: `select id, seq, events,
        (extract(epoch from clock_timestamp() - created_at) * 1000)::float8 as "ageMs"
      from (
        select id, seq, events, created_at, sum(pg_column_size(events)) over preceding as weight
        from outbox where sent_at is null and seq > $1
        window preceding as (order by seq rows between unbounded preceding and 1 preceding)
        order by seq limit $2) as page
      where coalesce(weight, 0) < $3 order by seq`,
    values: [String(afterSeq), rowsMax, PAGE_BYTES],
  })
  return rows
}

/**
 * Publishes rows and marks those that are wholly at the broker; answers how many. No transaction is
 * open meanwhile.
 */
async function relayRows(
  context: RowsContext,
  rows: Row[],
  scanStartedAtMs: number,
): Promise<number> {
  if (rows.length === 0) return 0
  const { client, lease, holds, metrics } = context
  const startedAtMs = performance.now()
  const outcomes = await lease.keptDuring(() => publishRows(context, rows, scanStartedAtMs))
  const sent = holds.settle(rows, outcomes)
  if (sent.length === 0) return 0
  await lease.renewedBy(() =>
    client.query({
      name: 'outbox-mark-sent',
      text: 'update outbox set sent_at = clock_timestamp() where id = any($1::uuid[])',
      values: [`{${sent.map(({ id }) => id).join(',')}}`],
    }),
  )
  const elapsedMs = performance.now() - startedAtMs
  for (const { ageMs } of sent) metrics.latency((ageMs + elapsedMs) / 1000)
  return sent.length
}

async function publishRows(
  context: RowsContext,
  rows: Row[],
  scanStartedAtMs: number,
): Promise<EventOutcome[][]> {
  const { publisher, holds, lease } = context
  const failed = new Set<string>()
  const pending: Promise<unknown>[] = []
  let inFlight = 0
  let hasRoom: (() => void) | undefined
  let isStopped = false
  const outcomes: EventOutcome[][] = rows.map(() => [])
  for (const [position, row] of rows.entries()) {
    const rowOutcomes = outcomes[position] ?? []
    for (const [index, event] of row.events.entries()) {
      while (inFlight >= WINDOW) {
        await new Promise<void>((resolve) => {
          hasRoom = resolve
        })
      }
      // Without a channel, or blocked, or when the lead may be another's, everything stays for a
      // later scan, also when it is over soon.
      isStopped ||= !publisher.isReady() || !lease.isHeld()
      const { aggregateId } = event
      if (holds.isConfirmed(row, index)) rowOutcomes[index] = 'confirmed'
      else if (
        isStopped ||
        failed.has(aggregateId) ||
        !holds.mayPublish(aggregateId, scanStartedAtMs)
      ) {
        rowOutcomes[index] = 'held'
      } else {
        inFlight += 1
        const published = publishEvent(publisher, event).then((outcome) => {
          inFlight -= 1
          rowOutcomes[index] = outcome
          if (outcome !== 'confirmed') failed.add(aggregateId)
          recordOutcome(context, event.key, outcome, row.id)
          hasRoom?.()
        })
        pending.push(published)
      }
    }
  }
  await Promise.all(pending)
  return outcomes
}

function recordOutcome(
  { log, metrics, unroutable }: RowsContext,
  key: string,
  outcome: PublishOutcome,
  outboxId: string,
): void {
  metrics.published(key, outcome)
  if (outcome === 'returned' && !unroutable.has(key)) {
    unroutable.add(key)
    log.error({ key, outboxId }, 'event reached no queue of its subscribers')
  } else if (outcome === 'confirmed') unroutable.delete(key)
}

function publishEvent(publisher: Publisher, event: OutboxEvent): Promise<PublishOutcome> {
  const { envelope, key } = event
  const span = startSpan(`${key} publish`, {
    kind: 'producer',
    traceparent: event.traceparent,
    attributes: {
      'messaging.system': 'rabbitmq',
      'messaging.destination.name': event.exchange,
      [CORRELATION_ATTRIBUTE]: envelope.correlationId,
    },
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
