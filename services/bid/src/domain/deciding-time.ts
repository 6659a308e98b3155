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

/**
 * The monotonic time of this process at which the database read its clock, as NTP estimates it: the
 * time on the way is the whole time without the database's own, and half of it was the way there
 * (R-BID-10).
 */
export function monotonicAtClock(reading: ClockReading): number {
  const { sentAtMs, answeredAtMs, nowMs, doneMs } = reading
  const onTheWayMs = answeredAtMs - sentAtMs - (doneMs - nowMs)
  return sentAtMs + Math.min(CORRECTION_MAX_MS, Math.max(0, onTheWayMs / 2))
}
