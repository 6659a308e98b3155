import type { PublishOutcome } from './publisher.ts'

/** A row of the outbox, as far as the order of its events goes. */
export interface OrderedRow {
  id: string
  seq: bigint
  events: readonly { aggregateId: string }[]
}

/** `held`: not published, because an earlier event of its aggregate is not at the broker yet. */
export type EventOutcome = PublishOutcome | 'held'

const FIRST_DELAY_MS = 500
const DELAY_MAX_MS = 5_000

/**
 * What did not reach the broker. An aggregate is held from its first failure until a retry of that
 * very event succeeds, so that its order holds; other aggregates are not kept waiting. What was on
 * its way already when the event failed goes again after it. Lives in memory only: a relay that has
 * just started knows nothing of it and publishes again.
 */
export interface Holds {
  /**
   * May this event be published in a scan that began then? When its aggregate was held and may be tried
   * again, the first event of it that is asked for is the one that the others wait for.
   */
  mayPublish(row: OrderedRow, index: number, scanStartedAtMs: number): boolean
  /** Holds the aggregate of an event that did not reach the broker, from this moment. */
  fail(row: OrderedRow, index: number, scanStartedAtMs: number): void
  isConfirmed(row: OrderedRow, index: number): boolean
  /**
   * Takes the outcomes of a row, when all are known and the rows before it are settled; answers whether
   * the row is wholly at the broker.
   */
  settle(row: OrderedRow, outcomes: readonly EventOutcome[], scanStartedAtMs: number): boolean
}

interface Position {
  seq: bigint
  index: number
}

interface Hold {
  /** The event that the others of its aggregate wait for. */
  at: Position
  untilMs: number
  delayMs: number
  /** The beginning of the scan in which it was tried again. */
  triedInMs: number | undefined
}

const isBefore = (one: Position, other: Position) =>
  one.seq < other.seq || (one.seq === other.seq && one.index < other.index)

export function createHolds(): Holds {
  const held = new Map<string, Hold>()
  // Of rows that are partly at the broker: which of their events.
  const confirmed = new Map<string, Set<number>>()
  const aggregateOf = (row: OrderedRow, index: number) => row.events[index]?.aggregateId ?? ''

  return {
    mayPublish(row, index, scanStartedAtMs) {
      const hold = held.get(aggregateOf(row, index))
      if (hold === undefined) return true
      if (hold.untilMs > scanStartedAtMs) return false
      if (hold.triedInMs !== scanStartedAtMs) {
        hold.triedInMs = scanStartedAtMs
        hold.at = { seq: row.seq, index }
      }
      return true
    },
    fail(row, index, scanStartedAtMs) {
      const at = { seq: row.seq, index }
      const aggregateId = aggregateOf(row, index)
      const hold = held.get(aggregateId)
      // Of many that fail together the first one counts, and the pause grows once.
      if (hold !== undefined && isBefore(at, hold.at)) hold.at = at
      if (hold !== undefined && hold.untilMs > scanStartedAtMs) return
      const delayMs = Math.min((hold?.delayMs ?? FIRST_DELAY_MS / 2) * 2, DELAY_MAX_MS)
      const untilMs = performance.now() + delayMs
      held.set(aggregateId, { at: hold?.at ?? at, untilMs, delayMs, triedInMs: hold?.triedInMs })
    },
    isConfirmed: (row, index) => confirmed.get(row.id)?.has(index) === true,
    settle(row, outcomes, scanStartedAtMs) {
      const done = confirmed.get(row.id) ?? new Set<number>()
      for (const [index, { aggregateId }] of row.events.entries()) {
        if (outcomes[index] !== 'confirmed') continue
        const hold = held.get(aggregateId)
        const at = { seq: row.seq, index }
        if (hold !== undefined && isBefore(hold.at, at)) continue
        done.add(index)
        const isRetry = hold !== undefined && !isBefore(at, hold.at)
        // Held since, for a later event that failed: the next scan tries that one first.
        if (isRetry && hold.untilMs <= scanStartedAtMs) held.delete(aggregateId)
      }
      const isSent = done.size === row.events.length
      if (isSent) confirmed.delete(row.id)
      else if (done.size > 0) confirmed.set(row.id, done)
      return isSent
    },
  }
}
