/** What a batch knows of the instant at which the database read its clock. */
export interface ClockReading {
  /** Monotonic time of this process when the statement was sent, and when its answer was here. */
  sentAtMs: number
  answeredAtMs: number
  /** The database's clock when it was read, and when the statement was done. */
  nowMs: number
  doneMs: number
}

// An answer that comes late says more about this process than about the way to the database. A bid
// counts at most this much earlier than it arrived.
const CORRECTION_MAX_MS = 5

/** Above it, one reading does not say well enough when the clock was read: it is read once more. */
export const UNSURE_MS = 20

/** The time that the statement and its answer spent outside of the database. */
export const onTheWayMs = ({ sentAtMs, answeredAtMs, nowMs, doneMs }: ClockReading): number =>
  answeredAtMs - sentAtMs - (doneMs - nowMs)

/**
 * The monotonic time of this process at which the database read its clock, as NTP estimates it: the
 * time on the way is the whole time without the database's own, and half of it was the way there
 * (R-BID-10).
 */
export function monotonicAtClock(reading: ClockReading): number {
  return reading.sentAtMs + Math.min(CORRECTION_MAX_MS, Math.max(0, onTheWayMs(reading) / 2))
}

/** The same of a first reading, by a second one that spent less time on the way. */
export function monotonicBySecond(first: ClockReading, second: ClockReading): number {
  if (onTheWayMs(second) >= onTheWayMs(first)) return monotonicAtClock(first)
  return monotonicAtClock(second) - (second.nowMs - first.nowMs)
}
