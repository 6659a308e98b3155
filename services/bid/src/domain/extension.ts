import type { Lot } from './lot.ts'

/** What a bid does to the end of its lot. */
export interface Extension {
  readonly endsAtMs: number
  readonly extended: boolean
  /** The bid came late enough to extend, but a cap forbids it: this end is final. */
  readonly atHardEnd: boolean
}

/**
 * The soft close: a bid that moved the price or the leader within the threshold of the end
 * gives the others time to answer, until the hard end or the allowed number of extensions.
 */
export function extend(lot: Lot, decidedAtMs: number): Extension {
  const remainingMs = lot.endsAtMs - decidedAtMs
  if (remainingMs <= 0 || remainingMs > lot.extensionThresholdMs) return unchanged(lot, false)
  if (lot.maxExtensions > 0 && lot.extensionCount >= lot.maxExtensions) return unchanged(lot, true)
  const fromMs = lot.extensionMode === 'from_end' ? lot.endsAtMs : decidedAtMs
  const endsAtMs = Math.min(fromMs + lot.extensionDurationMs, lot.hardEndsAtMs)
  if (endsAtMs > lot.endsAtMs) return { endsAtMs, extended: true, atHardEnd: false }
  return unchanged(lot, lot.hardEndsAtMs <= lot.endsAtMs)
}

function unchanged(lot: Lot, atHardEnd: boolean): Extension {
  return { endsAtMs: lot.endsAtMs, extended: false, atHardEnd }
}
