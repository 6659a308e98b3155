import type { Logger } from '../process/logger.ts'
import { CORRELATION_ATTRIBUTE, startSpan } from '../telemetry/tracing.ts'
import type { StoredEvent } from './outbox-format.ts'
import type { Publisher, PublishOutcome } from './publisher.ts'
import type { EventOutcome, Holds, OrderedRow } from './relay-holds.ts'
import type { Lease } from './relay-lease.ts'
import type { RelayMetrics } from './relay-metrics.ts'
import { hasSubscribers } from './topology.ts'

export interface StoredRow extends OrderedRow {
  events: readonly StoredEvent[]
  ageMs: number
}

/** Rows that were read together. */
export interface Page {
  rows: readonly StoredRow[]
  /** Of each row, of each of its events. */
  outcomes: readonly EventOutcome[][]
  readAtMs: number
  scanStartedAtMs: number
}

/** Pages on their way to the broker: one after the other, and the next while the last is confirmed. */
export interface Pages {
  /** Hands a page to the channel, as fast as it takes it. Only when `isFed`. */
  feed(rows: readonly StoredRow[], readAtMs: number, scanStartedAtMs: number): void
  /** The last page was handed over whole, and memory is left, so another one may follow. */
  isFed(): boolean
  isEmpty(): boolean
  /**
   * True when something was left although nothing holds it: the channel was lost, or the lead. What comes
   * after it must not be published before a new scan has read it again.
   */
  isStopped(): boolean
  /** After a new scan began. */
  resume(): void
  /** Takes the pages whose outcomes are all known, in order. Throws what went wrong in handing over. */
  takeOver(): Page[]
  /** Hands over nothing more, and waits until every outcome is known. */
  end(): Promise<void>
}

export interface PagesOptions {
  publisher: Publisher
  lease: Lease
  holds: Holds
  metrics: RelayMetrics
  log: Logger
  /** Called when a page is fed and when its outcomes are known. */
  changed(): void
}

interface PageUnderWay extends Page {
  outcomes: EventOutcome[][]
  characters: number
  isOver: boolean
  done: Promise<void>
}

// Events on their way to the broker at once. No page is read while as many are.
const WINDOW = 256
// Events that are held need no place in the window, so what is kept in memory is bounded apart. Small pages
// may be many: one event without a confirm must not keep those behind it from being published.
const CHARACTERS_MAX = 16_000_000

export function createPages(options: PagesOptions): Pages {
  const { publisher, lease, holds, metrics, log, changed } = options
  const pages: PageUnderWay[] = []
  // Keys that reached no queue and were logged; logged again only after one of them got through.
  const unroutable = new Set<string>()
  let isFeeding = false
  let inFlight = 0
  let hasRoom: (() => void) | undefined
  let isStopped = false
  let isEnding = false
  let failure: unknown

  const record = (key: string, outcome: PublishOutcome, outboxId: string) => {
    metrics.published(key, outcome)
    if (outcome === 'returned' && !unroutable.has(key)) {
      unroutable.add(key)
      log.error({ key, outboxId }, 'event reached no queue of its subscribers')
    } else if (outcome === 'confirmed') unroutable.delete(key)
  }

  const handOver = async (page: Page, outcomes: EventOutcome[][], pending: Promise<void>[]) => {
    const { scanStartedAtMs } = page
    for (const [position, row] of page.rows.entries()) {
      const ofRow = outcomes[position] ?? []
      for (const [index, event] of row.events.entries()) {
        while (inFlight >= WINDOW) {
          await new Promise<void>((resolve) => {
            hasRoom = resolve
          })
        }
        // Without a channel, or blocked, or when the lead may be another's, everything stays for a
        // later scan, also when it is over soon.
        isStopped ||= isEnding || !publisher.isReady() || !lease.isHeld()
        if (holds.isConfirmed(row, index)) ofRow[index] = 'confirmed'
        else if (isStopped || !holds.mayPublish(row, index, scanStartedAtMs)) ofRow[index] = 'held'
        else {
          inFlight += 1
          const published = publishEvent(publisher, event).then((outcome) => {
            inFlight -= 1
            ofRow[index] = outcome
            // At once, and not when the page is settled: the next one is being handed over.
            if (outcome !== 'confirmed') holds.fail(row, index, scanStartedAtMs)
            record(event.key, outcome, row.id)
            hasRoom?.()
          })
          pending.push(published)
        }
      }
    }
  }

  const deliver = async (page: Page, outcomes: EventOutcome[][]) => {
    const pending: Promise<void>[] = []
    try {
      await handOver(page, outcomes, pending)
    } finally {
      isFeeding = false
      changed()
    }
    await Promise.all(pending)
  }

  return {
    feed(rows, readAtMs, scanStartedAtMs) {
      const outcomes = rows.map((): EventOutcome[] => [])
      const page = { rows, outcomes, readAtMs, scanStartedAtMs }
      isFeeding = true
      const done = deliver(page, outcomes)
        .catch((error: unknown) => {
          failure ??= error
        })
        .then(() => {
          underWay.isOver = true
          changed()
        })
      const underWay: PageUnderWay = { ...page, characters: lengthOf(rows), isOver: false, done }
      pages.push(underWay)
    },
    isFed: () =>
      !isFeeding && pages.reduce((sum, { characters }) => sum + characters, 0) < CHARACTERS_MAX,
    isEmpty: () => pages.length === 0,
    isStopped: () => isStopped,
    resume() {
      isStopped = false
    },
    takeOver() {
      if (failure !== undefined) throw failure
      const unfinished = pages.findIndex(({ isOver }) => !isOver)
      return pages.splice(0, unfinished === -1 ? pages.length : unfinished)
    },
    async end() {
      isEnding = true
      await Promise.all(pages.map(({ done }) => done))
    },
  }
}

const lengthOf = (rows: readonly StoredRow[]) =>
  rows.flatMap(({ events }) => events).reduce((sum, { body }) => sum + body.length, 0)

function publishEvent(publisher: Publisher, event: StoredEvent): Promise<PublishOutcome> {
  const { key, head } = event
  const span = startSpan(`${key} publish`, {
    kind: 'producer',
    traceparent: event.traceparent,
    attributes: {
      'messaging.system': 'rabbitmq',
      'messaging.destination.name': event.exchange,
      [CORRELATION_ATTRIBUTE]: head.correlationId,
    },
  })
  const published = publisher.publish({
    exchange: event.exchange,
    routingKey: key,
    content: Buffer.from(event.body),
    options: {
      persistent: true,
      mandatory: hasSubscribers(key),
      messageId: head.id,
      type: key,
      timestamp: Math.floor(Date.parse(head.timestamp) / 1000),
      contentType: 'application/json',
      headers: {
        'x-trace-id': head.traceId,
        'x-correlation-id': head.correlationId,
        'x-service': head.source,
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
