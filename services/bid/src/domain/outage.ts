import type { OutageEntry } from './ledger.ts'
import type { Lot } from './lot.ts'

/** A time during which it was proved, again and again, that bids could be placed. */
export interface BiddingPeriod {
  readonly sinceMs: number
  readonly untilMs: number
}

/** A time during which no one could place a bid. */
export interface Outage {
  readonly fromMs: number
  readonly untilMs: number
}

/** Without a proof for longer than this, bids could not be placed (R-CLOSE-13). */
export const OUTAGE_MIN_MS = 60_000

/** An outage harms a lot when it overlaps this time before its end. */
export const LAST_MINUTES_MS = 5 * 60_000

// A lot whose end lies ahead is extended only while bids can be placed.
const FRESH_PROOF_MS = 10_000

export type EndVerdict =
  | { readonly outcome: 'undisturbed' }
  /** Nothing proves yet that bids could be placed until the end: an outage may have begun. */
  | { readonly outcome: 'unproven' }
  | { readonly outcome: 'outage'; readonly outage: Outage }

/**
 * The times between periods that are long enough to be an outage, in order. What lies before the
 * first period is not known and counts as none. Periods of two processes may overlap.
 */
export function outagesBetween(periods: readonly BiddingPeriod[]): Outage[] {
  const outages: Outage[] = []
  let fromMs: number | undefined
  for (const { sinceMs, untilMs } of periods.toSorted((a, b) => a.sinceMs - b.sinceMs)) {
    if (fromMs !== undefined && sinceMs - fromMs > OUTAGE_MIN_MS) {
      outages.push({ fromMs, untilMs: sinceMs })
    }
    fromMs = Math.max(fromMs ?? untilMs, untilMs)
  }
  return outages
}

/**
 * The last instant at which it was proved that bids could be placed; undefined: nothing is known. It is that of the
 * period that began last: one before it may reach further, when the clock was set back meanwhile.
 */
function lastProofMs(periods: readonly BiddingPeriod[]): number | undefined {
  return periods.toSorted((a, b) => a.sinceMs - b.sinceMs).at(-1)?.untilMs
}

/**
 * What the outages mean for the end of a lot. A lot that was extended for an outage once is not
 * extended again, but its end needs a proof as well.
 */
export function judgeEnd(lot: Lot, periods: readonly BiddingPeriod[], nowMs: number): EndVerdict {
  const provenMs = lastProofMs(periods)
  if (provenMs === undefined) return { outcome: 'undisturbed' }
  const neededMs = lot.endsAtMs <= nowMs ? lot.endsAtMs : nowMs - FRESH_PROOF_MS
  if (provenMs < neededMs) return { outcome: 'unproven' }
  if (lot.outageExtendedAtMs !== null) return { outcome: 'undisturbed' }
  const outage = outagesBetween(periods).findLast((one) => harms(one, lot))
  return outage === undefined ? { outcome: 'undisturbed' } : { outcome: 'outage', outage }
}

/** Whether an outage overlaps the last minutes of a lot. */
export function harms(
  { fromMs, untilMs }: Outage,
  { startsAtMs, endsAtMs }: Pick<Lot, 'startsAtMs' | 'endsAtMs'>,
): boolean {
  return fromMs < endsAtMs && untilMs > Math.max(startsAtMs, endsAtMs - LAST_MINUTES_MS)
}

/**
 * The end of a lot after an outage: the extension from now on, at least the lot's own threshold, and
 * up to as much again, by the item, so that the lots of one outage do not all end together.
 */
export function endAfterOutage(lot: Lot, nowMs: number, extensionMs: number): number {
  const leastMs = Math.max(extensionMs, lot.extensionThresholdMs)
  return Math.floor(nowMs + leastMs + shareOf(lot.itemId) * extensionMs)
}

/** A number from 0 to 1 that is always the same for one item. */
function shareOf(itemId: string): number {
  let hash = 0
  for (const letter of itemId) hash = (Math.imul(hash, 31) + letter.charCodeAt(0)) >>> 0
  // Ids that differ in their last letters only must end far apart, too.
  return Math.imul(hash ^ (hash >>> 16), 0x9e3779b1) / 2 ** 32 + 0.5
}

/**
 * Extends a lot after an outage. The hard end moves by as much, so that bids can extend the lot as
 * far as before. The replay of a ledger comes through here too, with the recorded instants.
 */
export function extendAfterOutage(
  lot: Lot,
  extension: Pick<OutageEntry, 'decidedAtMs' | 'outageFromMs' | 'outageUntilMs' | 'extendedToMs'>,
): { readonly lot: Lot; readonly entry: OutageEntry } {
  const { decidedAtMs, outageFromMs, outageUntilMs, extendedToMs } = extension
  const extensionMs = extendedToMs - lot.endsAtMs
  const next: Lot = {
    ...lot,
    endsAtMs: extendedToMs,
    hardEndsAtMs: lot.hardEndsAtMs + extensionMs,
    outageExtendedAtMs: decidedAtMs,
    outageExtensionMs: extensionMs,
    lastDecidedAtMs: decidedAtMs,
    sequence: lot.sequence + 1,
  }
  const entry: OutageEntry = {
    kind: 'outage',
    sequence: next.sequence,
    decidedAtMs,
    outageFromMs,
    outageUntilMs,
    previousEndsAtMs: lot.endsAtMs,
    extendedToMs,
  }
  return { lot: next, entry }
}
