import type { Holds, Row } from './relay-holds.ts'

/**
 * Where in the outbox to read next. As a rule from the start, since what was read is sent and gone
 * from the unsent. While aggregates are held, their rows stay at the head and must not keep the
 * others from being read: a full scan passes over them page by page, then reading goes on behind
 * them, and now and then a full scan begins again, which also finds rows that committed late.
 */
export interface Scan {
  afterSeq(): bigint
  /** Aggregates held after this instant are not retried; between two full scans none is. */
  startedAtMs(): number
  advance(rows: readonly Row[]): void
}

const FULL_SCAN_PAUSE_MS = 500
// A backlog that takes long to scan is scanned less often: at most a sixth of the time goes there.
const FULL_SCAN_SHARE = 5

export function createScan(holds: Holds): Scan {
  let afterSeq = 0n
  let startedAtMs = performance.now()
  let isBehind = false
  let fullDueMs = 0
  let seenSeq = 0n
  let endSeq = 0n

  const restart = (nowMs: number) => {
    afterSeq = 0n
    startedAtMs = nowMs
    isBehind = false
    endSeq = seenSeq
  }

  return {
    afterSeq: () => afterSeq,
    startedAtMs: () => (isBehind ? Number.NEGATIVE_INFINITY : startedAtMs),
    advance(rows) {
      const nowMs = performance.now()
      const last = rows.at(-1)
      if (last !== undefined && last.seq > seenSeq) seenSeq = last.seq
      if (holds.isEmpty()) return restart(nowMs)
      if (last !== undefined) afterSeq = last.seq
      if (!isBehind && (last === undefined || afterSeq >= endSeq)) {
        isBehind = true
        fullDueMs = nowMs + Math.max(FULL_SCAN_PAUSE_MS, (nowMs - startedAtMs) * FULL_SCAN_SHARE)
      }
      if (isBehind && nowMs >= fullDueMs) restart(nowMs)
    },
  }
}
