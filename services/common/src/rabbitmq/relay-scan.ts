import { createSeqRuns } from './seq-runs.ts'

/**
 * What of the outbox to read next. A row may commit after rows with a higher seq were read, and later
 * rows of its lot behind it; to keep the order of a lot, such a row must be read before them. So a
 * read begins at a seq below which nothing can commit any more, and leaves out what this scan has read
 * already. It finds what has committed late, and rows of a lot in their order, because a statement that
 * sees a row sees the rows before it of the same lot.
 *
 * Nothing commits any more below a seq that was read a minute ago: a transaction that was open then has
 * committed or ended since (statements end after 5 seconds, idle transactions after 10). Up to there
 * reading goes page by page. It keeps a read from passing over every row that was sent since the last
 * vacuum. Once a minute a scan begins at 0 all the same.
 *
 * Rows that are read and not sent, because their aggregate is held, are passed over; a scan from the
 * floor, the seq below which everything is sent, tries them again now and then.
 */
export interface Scan {
  /** A read begins behind this seq. */
  afterSeq(): bigint
  /** What of the rows behind it this scan has read, as an int8multirange. */
  known(): string
  startedAtMs(): number
  /** Takes what was read at that instant. `isCut`: there may be more behind the last row. */
  advance(rows: readonly { seq: bigint }[], readAtMs: number, isCut: boolean): void
  /** Takes whether a row that was read is at the broker. Rows are settled in the order of reading. */
  settle(row: { seq: bigint }, isSent: boolean): void
  /** Begins a new scan if one is due, or `isWanted`. Only when every row that was read is settled. */
  restart(isWanted: boolean): void
  isRestartDue(): boolean
  /**
   * Gives a read from the start up when there is a floor to go on from; answers whether. Under an old
   * snapshot everything that was sent since cannot be vacuumed, and such a read may take too long.
   */
  skipFromStart(): boolean
}

const RETRY_PAUSE_MS = 500
// A backlog that takes long to scan is scanned less often: at most a sixth of the time goes there.
const RETRY_SHARE = 5
const WRITER_LIFETIME_MS = 60_000
const FROM_START_INTERVAL_MS = 60_000
const MARK_INTERVAL_MS = 5_000

export interface ScanOptions {
  writerLifetimeMs?: number
  fromStartIntervalMs?: number
  markIntervalMs?: number
}

export function createScan(options: ScanOptions = {}): Scan {
  const {
    writerLifetimeMs = WRITER_LIFETIME_MS,
    fromStartIntervalMs = FROM_START_INTERVAL_MS,
    markIntervalMs = MARK_INTERVAL_MS,
  } = options
  const finality = createFinality(writerLifetimeMs, markIntervalMs)
  // Everything up to here is sent.
  let floor = 0n
  let afterSeq = 0n
  const known = createSeqRuns()
  let highestSeq = 0n
  // The lowest row that this scan read and that did not reach the broker.
  let lowestPassed: bigint | undefined
  let startedAtMs = performance.now()
  let fromStartAtMs = startedAtMs
  // A scan has ended when it has read what was there when it began.
  let endSeq = 0n
  let endedAtMs: number | undefined

  const isRestartDue = () => {
    if (endedAtMs === undefined) return false
    const nowMs = performance.now()
    if (nowMs - fromStartAtMs >= fromStartIntervalMs) return true
    const pauseMs = Math.max(RETRY_PAUSE_MS, (endedAtMs - startedAtMs) * RETRY_SHARE)
    return lowestPassed !== undefined && nowMs >= endedAtMs + pauseMs
  }

  return {
    afterSeq: () => afterSeq,
    known: () => known.toString(),
    startedAtMs: () => startedAtMs,
    advance(rows, readAtMs, isCut) {
      for (const { seq } of rows) {
        known.add(seq)
        if (seq > highestSeq) highestSeq = seq
      }
      // Every row that could be seen up to there was read by this scan, now or before.
      const readUpTo = isCut ? (rows.at(-1)?.seq ?? afterSeq) : highestSeq
      const finalSeq = finality.at(readAtMs, highestSeq)
      const next = readUpTo < finalSeq ? readUpTo : finalSeq
      if (next > afterSeq) {
        afterSeq = next
        known.dropUpTo(next)
      }
      if (!isCut || readUpTo >= endSeq) endedAtMs ??= performance.now()
    },
    settle({ seq }, isSent) {
      if (!isSent && (lowestPassed === undefined || seq < lowestPassed)) lowestPassed = seq
    },
    isRestartDue,
    restart(isWanted) {
      if (!isWanted && !isRestartDue()) return
      floor = lowestPassed === undefined || lowestPassed > afterSeq ? afterSeq : lowestPassed - 1n
      const nowMs = performance.now()
      const isFromStart = nowMs - fromStartAtMs >= fromStartIntervalMs
      if (isFromStart) fromStartAtMs = nowMs
      afterSeq = isFromStart ? 0n : floor
      known.clear()
      lowestPassed = undefined
      startedAtMs = nowMs
      endSeq = highestSeq
      endedAtMs = undefined
    },
    skipFromStart() {
      if (afterSeq >= floor) return false
      afterSeq = floor
      return true
    },
  }
}

interface Finality {
  /** The seq up to which a read at this instant has seen all that will ever commit. */
  at(readAtMs: number, highestSeq: bigint): bigint
}

/** Remembers the highest seq of now and then, until it is as old as a transaction may become. */
function createFinality(writerLifetimeMs: number, markIntervalMs: number): Finality {
  let finalSeq = 0n
  const marks: { seq: bigint; atMs: number }[] = []
  return {
    at(readAtMs, highestSeq) {
      while (marks[0] !== undefined && readAtMs - marks[0].atMs >= writerLifetimeMs) {
        finalSeq = marks[0].seq
        marks.shift()
      }
      const latest = marks.at(-1)
      if (latest === undefined || readAtMs - latest.atMs >= markIntervalMs)
        marks.push({ seq: highestSeq, atMs: readAtMs })
      return finalSeq
    },
  }
}
