export interface RateLimit {
  /** How many in a second, over a long time. */
  perSecond: number
  /** How many at once, after a pause. */
  burst: number
}

/**
 * A bucket of tokens as one number: the instant at which it is full again. A bucket that was full for long
 * needs no record.
 */
export type FullAtMs = number

/** How long to wait for a token; 0 when there is one. */
export function waitForToken(fullAtMs: FullAtMs, nowMs: number, limit: RateLimit): number {
  const tokenMs = 1_000 / limit.perSecond
  return Math.max(0, fullAtMs - nowMs - (limit.burst - 1) * tokenMs)
}

/** The bucket without one token more. */
export function takeToken(fullAtMs: FullAtMs, nowMs: number, limit: RateLimit): FullAtMs {
  return Math.max(fullAtMs, nowMs) + 1_000 / limit.perSecond
}
