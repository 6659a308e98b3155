import type { OutboxEvent } from '../contracts/event.ts'
import type { PublishOutcome } from './publisher.ts'

export interface Row {
  id: string
  seq: bigint
  events: OutboxEvent[]
  ageMs: number
}

/** `held`: not published, because an earlier event of its aggregate is not at the broker yet. */
export type EventOutcome = PublishOutcome | 'held'

const FIRST_DELAY_MS = 500
const DELAY_MAX_MS = 5_000

/**
 * What did not reach the broker. An aggregate is held from its first failure until a retry of that
 * very event succeeds, so that its order holds; other aggregates are not kept waiting. Lives in
 * memory only: a relay that has just started knows nothing of it and publishes again.
 */
export interface Holds {
  isEmpty(): boolean
  /** May events of this aggregate be published in a scan that began then? */
  mayPublish(aggregateId: string, scanStartedAtMs: number): boolean
  isConfirmed(row: Row, index: number): boolean
  /** Takes the outcomes of rows in their order; answers the rows that are wholly at the broker. */
  settle(rows: readonly Row[], outcomes: readonly EventOutcome[][]): Row[]
}

export function createHolds(): Holds {
  const held = new Map<string, { untilMs: number; delayMs: number }>()
  // Of rows that are partly at the broker: which of their events.
  const confirmed = new Map<string, Set<number>>()

  const hold = (aggregateId: string) => {
    const delayMs = Math.min(
      (held.get(aggregateId)?.delayMs ?? FIRST_DELAY_MS / 2) * 2,
      DELAY_MAX_MS,
    )
    held.set(aggregateId, { untilMs: performance.now() + delayMs, delayMs })
  }

  return {
    isEmpty: () => held.size === 0,
    mayPublish: (aggregateId, scanStartedAtMs) =>
      (held.get(aggregateId)?.untilMs ?? Number.NEGATIVE_INFINITY) <= scanStartedAtMs,
    isConfirmed: (row, index) => confirmed.get(row.id)?.has(index) === true,
    settle(rows, outcomes) {
      const broken = new Set<string>()
      const sent: Row[] = []
      for (const [position, row] of rows.entries()) {
        const done = confirmed.get(row.id) ?? new Set<number>()
        for (const [index, { aggregateId }] of row.events.entries()) {
          const outcome = outcomes[position]?.[index] ?? 'held'
          // What was already on its way when an earlier event of the aggregate failed goes again
          // after it, even if it arrived.
          if (outcome === 'confirmed' && !broken.has(aggregateId)) {
            done.add(index)
            held.delete(aggregateId)
          } else if (!broken.has(aggregateId)) {
            broken.add(aggregateId)
            if (outcome !== 'held') hold(aggregateId)
          }
        }
        if (done.size === row.events.length) {
          confirmed.delete(row.id)
          sent.push(row)
        } else if (done.size > 0) confirmed.set(row.id, done)
      }
      return sent
    },
  }
}
