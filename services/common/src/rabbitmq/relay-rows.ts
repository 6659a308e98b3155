import type { PoolClient } from 'pg'
import type { OutboxEvent } from '../contracts/event.ts'
import type { Logger } from '../process/logger.ts'
import { CORRELATION_ATTRIBUTE, startSpan } from '../telemetry/tracing.ts'
import type { Publisher, PublishOutcome } from './publisher.ts'
import type { EventOutcome, Holds, Row } from './relay-holds.ts'
import type { RelayMetrics } from './relay-metrics.ts'
import { hasSubscribers } from './topology.ts'

export interface RowsContext {
  client: PoolClient
  publisher: Publisher
  log: Logger
  metrics: RelayMetrics
  holds: Holds
  /** Keys that reached no queue and were told of; told again only after one of them got through. */
  unroutable: Set<string>
}

const WINDOW = 256
const PAGE_BYTES = 1_000_000

/**
 * Reads a page of the unsent by seq. A row may hold one event or those of a whole batch of bids, so
 * the page is bounded by what its rows weigh as well; it has one row at least.
 */
export async function readUnsent(
  client: PoolClient,
  afterSeq: bigint,
  rowsMax: number,
): Promise<Row[]> {
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

/** Publishes rows and marks those that are wholly at the broker. No transaction is open meanwhile. */
export async function relayRows(
  context: RowsContext,
  rows: Row[],
  scanStartedAtMs: number,
): Promise<void> {
  if (rows.length === 0) return
  const { client, holds, metrics } = context
  const startedAtMs = performance.now()
  const sent = holds.settle(rows, await publishRows(context, rows, scanStartedAtMs))
  if (sent.length === 0) return
  await client.query({
    name: 'outbox-mark-sent',
    text: 'update outbox set sent_at = clock_timestamp() where id = any($1::uuid[])',
    values: [`{${sent.map(({ id }) => id).join(',')}}`],
  })
  const elapsedMs = performance.now() - startedAtMs
  for (const { ageMs } of sent) metrics.latency((ageMs + elapsedMs) / 1000)
}

async function publishRows(
  context: RowsContext,
  rows: Row[],
  scanStartedAtMs: number,
): Promise<EventOutcome[][]> {
  const { publisher, holds } = context
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
      // Without a channel, or blocked, everything stays for a later scan, also when it is over soon.
      isStopped ||= !publisher.isReady()
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
          tell(context, event.key, outcome, row.id)
          hasRoom?.()
        })
        pending.push(published)
      }
    }
  }
  await Promise.all(pending)
  return outcomes
}

function tell(
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
