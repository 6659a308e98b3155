/** What is known of the failures of an endpoint. */
export interface EndpointHealth {
  /** Of the first failure since the last success. */
  readonly firstFailureAt: Date | null
  /** When its owner was notified of these failures. */
  readonly warnedAt: Date | null
}

export type DisabledReason = 'failing' | 'gone'

export interface FailureVerdict extends EndpointHealth {
  readonly disabledReason?: DisabledReason
  /** The owner is to be notified that it fails. */
  readonly isWarning: boolean
}

const HOUR_MS = 3_600_000

/** A failure so long after the first one, and no success between, is no short outage. */
export const WARNED_AFTER_MS = 12 * HOUR_MS

/** After so long with nothing but failures an endpoint is disabled. */
export const DISABLED_AFTER_MS = 5 * 24 * HOUR_MS

/**
 * What one more failure means. An endpoint that says that it is gone (410) is disabled at once; any other
 * after five days of failures only, and never before its owner was notified.
 */
export function judgeFailure(
  { firstFailureAt, warnedAt }: EndpointHealth,
  { now, isGone }: { now: Date; isGone: boolean },
): FailureVerdict {
  const since = firstFailureAt ?? now
  if (isGone) return { firstFailureAt: since, warnedAt, isWarning: false, disabledReason: 'gone' }
  const failingMs = now.getTime() - since.getTime()
  const isWarning = warnedAt === null && failingMs >= WARNED_AFTER_MS
  const verdict = { firstFailureAt: since, warnedAt: isWarning ? now : warnedAt, isWarning }
  // Two failures alone, days apart, say little: the one that disables comes after the one that warned.
  if (warnedAt === null || failingMs < DISABLED_AFTER_MS) return verdict
  return { ...verdict, disabledReason: 'failing' }
}

/** An answer after so long makes an endpoint a slow one. */
export const SLOW_AFTER_MS = 5_000
