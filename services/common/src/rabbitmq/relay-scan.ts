import type { Holds, Row } from './relay-holds.ts'

/**
 * Where in the outbox to read next. As a rule from the floor: the seq below which everything is
 * settled. While aggregates are held, their rows stay at the head and must not keep the others from
 * being read: a full scan passes over them page by page, then reading goes on behind them, and now
 * and then a full scan begins again, which also finds rows that committed late.
 *
 * The floor keeps a read from passing over every row that was sent since the last vacuum. It moves
 * to a seq that was read a minute ago: a transaction that was open then, with a lower seq, has
 * committed or ended since (statements end after 5 seconds, idle transactions after 10), and a
 * read from the old floor has seen it. Once a minute a scan begins at 0 all the same.
 */
export interface Scan {
  afterSeq(): bigint
  /** Aggregates held after this instant are not retried; between two full scans none is. */
  startedAtMs(): number
  /** Takes what was read at that instant, and whether all of it is at the broker. */
  advance(rows: readonly Row[], readAtMs: number, isSent: boolean): void
  /**
   * Gives a read from the start up when there is a floor to go on from; answers whether. Under an old
   * snapshot everything that was sent since cannot be vacuumed, and such a read may take too long.
   */
  skipFromStart(): boolean
}

const FULL_SCAN_PAUSE_MS = 500
// A backlog that takes long to scan is scanned less often: at most a sixth of the time goes there.
const FULL_SCAN_SHARE = 5
const WRITER_LIFETIME_MS = 60_000
const FROM_START_INTERVAL_MS = 60_000
const MARK_INTERVAL_MS = 5_000

export interface ScanOptions {
  writerLifetimeMs?: number
  fromStartIntervalMs?: number
  markIntervalMs?: number
}

export function createScan(holds: Holds, options: ScanOptions = {}): Scan {
  const {
    writerLifetimeMs = WRITER_LIFETIME_MS,
    fromStartIntervalMs = FROM_START_INTERVAL_MS,
    markIntervalMs = MARK_INTERVAL_MS,
  } = options
  const floor = createFloor(writerLifetimeMs, markIntervalMs)
  let afterSeq = 0n
  let startedAtMs = performance.now()
  let fromStartAtMs = startedAtMs
  let isFromStart = true
  let isBehind = false
  let fullDueMs = 0
  let seenSeq = 0n
  let endSeq = 0n

  const restart = (nowMs: number) => {
    isFromStart = nowMs - fromStartAtMs >= fromStartIntervalMs
    if (isFromStart) fromStartAtMs = nowMs
    afterSeq = isFromStart ? 0n : floor.seq()
    startedAtMs = nowMs
    isBehind = false
    endSeq = seenSeq
  }

  return {
    afterSeq: () => afterSeq,
    startedAtMs: () => (isBehind ? Number.NEGATIVE_INFINITY : startedAtMs),
    advance(rows, readAtMs, isSent) {
      const nowMs = performance.now()
      const last = rows.at(-1)
      if (last !== undefined && last.seq > seenSeq) seenSeq = last.seq
      if (holds.isEmpty()) {
        // A page that began at the floor holds every unsent row from there to its last.
        if (isSent && afterSeq <= floor.seq()) floor.settled(last?.seq ?? seenSeq, readAtMs)
        if (isFromStart && last !== undefined && last.seq < floor.seq()) {
          // More than a page committed late below the floor: all of it is read before the rest.
          afterSeq = isSent ? last.seq : 0n
          return
        }
        return restart(nowMs)
      }
      if (last !== undefined) afterSeq = last.seq
      if (!isBehind && (last === undefined || afterSeq >= endSeq)) {
        isBehind = true
        fullDueMs = nowMs + Math.max(FULL_SCAN_PAUSE_MS, (nowMs - startedAtMs) * FULL_SCAN_SHARE)
      }
      if (isBehind && nowMs >= fullDueMs) restart(nowMs)
    },
    skipFromStart() {
      if (afterSeq >= floor.seq()) return false
      isFromStart = false
      fromStartAtMs = performance.now()
      afterSeq = floor.seq()
      return true
    },
  }
}

interface Floor {
  seq(): bigint
  /** Everything up to this seq that was visible at that instant is at the broker. */
  settled(upToSeq: bigint, readAtMs: number): void
}

function createFloor(writerLifetimeMs: number, markIntervalMs: number): Floor {
  let seq = 0n
  let marks: { seq: bigint; atMs: number }[] = []
  return {
    seq: () => seq,
    settled(upToSeq, readAtMs) {
      const old = marks.filter(
        (mark) => mark.seq <= upToSeq && readAtMs - mark.atMs >= writerLifetimeMs,
      )
      for (const mark of old) if (mark.seq > seq) seq = mark.seq
      if (old.length > 0) marks = marks.filter((mark) => !old.includes(mark))
      const latest = marks.at(-1)
      if (latest === undefined || readAtMs - latest.atMs >= markIntervalMs)
        marks.push({ seq: upToSeq, atMs: readAtMs })
    },
  }
}
