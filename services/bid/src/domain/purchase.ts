import type { PurchaseEntry, ReleaseEntry, ReleaseReason } from './ledger.ts'
import { isLapsed, type Lot } from './lot.ts'

/** What a lot that is over has no more. */
export const ENDED = { buyNowAvailable: false, reservedFor: null, reservedUntilMs: null } as const

const NO_RESERVATION = { phase: 'open', reservedFor: null, reservedUntilMs: null } as const

export interface Bought {
  readonly lot: Lot
  readonly entry: PurchaseEntry
}

/**
 * Applies a purchase that has passed every check: the lot is sold, or reserved for the buyer (R-BID-22). Price,
 * leader, minimum and end stay as they are. The replay of a ledger comes through here too.
 */
export function buy(
  lot: Lot,
  { purchaseId, buyerId }: { readonly purchaseId: string; readonly buyerId: string },
  decidedAtMs: number,
): Bought {
  if (lot.buyNowPrice === null) throw new TypeError('A lot without a buy-now price was bought')
  const reservedUntilMs =
    lot.buyNowMode === 'reserved' ? decidedAtMs + lot.buyNowReservationMs : null
  const moved: Lot = {
    ...lot,
    purchaseId,
    lastDecidedAtMs: decidedAtMs,
    sequence: lot.sequence + 1,
  }
  const entry: PurchaseEntry = {
    kind: 'buy_now',
    sequence: moved.sequence,
    decidedAtMs,
    purchaseId,
    buyerId,
    termsVersion: lot.termsVersion,
    amount: lot.buyNowPrice,
    reservedUntilMs,
  }
  if (reservedUntilMs === null) return { lot: sold(moved, buyerId, lot.buyNowPrice), entry }
  return { lot: { ...moved, phase: 'reserved', reservedFor: buyerId, reservedUntilMs }, entry }
}

const sold = (lot: Lot, winnerId: string, finalAmount: bigint): Lot => ({
  ...lot,
  ...ENDED,
  phase: 'closed',
  outcome: 'bought_now',
  winnerId,
  finalAmount,
})

/** Ends a reservation without a sale. */
export function release(
  lot: Lot,
  reason: ReleaseReason,
  decidedAtMs: number,
): { readonly lot: Lot; readonly entry: ReleaseEntry } {
  const { purchaseId, termsVersion } = lot
  if (purchaseId === null) throw new TypeError('A lot was released that no one had reserved')
  const next: Lot = {
    ...lot,
    ...NO_RESERVATION,
    lastDecidedAtMs: decidedAtMs,
    sequence: lot.sequence + 1,
  }
  const entry: ReleaseEntry = {
    kind: 'release',
    sequence: next.sequence,
    decidedAtMs,
    purchaseId,
    termsVersion,
    reason,
  }
  return { lot: next, entry }
}

/**
 * The lot as it stands at an instant: a reservation that is over is gone, whether a timer has written that down or
 * not (R-BID-23). The same lot and no entry where nothing lapsed.
 */
export function lapse(
  lot: Lot,
  nowMs: number,
): { readonly lot: Lot; readonly entry: ReleaseEntry | null } {
  if (!isLapsed(lot, nowMs)) return { lot, entry: null }
  return release(lot, 'lapsed', Math.max(lot.reservedUntilMs ?? 0, lot.lastDecidedAtMs ?? 0))
}

export type PaymentVerdict =
  | { readonly outcome: 'bought_now'; readonly lot: Lot }
  /** It was paid before. */
  | { readonly outcome: 'unchanged' }
  | { readonly outcome: 'refused'; readonly code: 'payment.late' }

/** A reservation is paid: the lot is sold. At its last instant, and when it was released before, it is too late. */
export function payReservation(lot: Lot, purchaseId: string, nowMs: number): PaymentVerdict {
  const { phase, outcome, reservedFor, buyNowPrice } = lot
  const isSame = lot.purchaseId === purchaseId
  if (isSame && phase === 'closed' && outcome === 'bought_now') return { outcome: 'unchanged' }
  const isHeld = isSame && phase === 'reserved' && !isLapsed(lot, nowMs)
  if (!isHeld || reservedFor === null || buyNowPrice === null) {
    return { outcome: 'refused', code: 'payment.late' }
  }
  const next = { ...lot, sequence: lot.sequence + 1 }
  return { outcome: 'bought_now', lot: sold(next, reservedFor, buyNowPrice) }
}

/** The order of a reservation ended unpaid before its time. Another reservation, or none, is left as it is. */
export function giveUp(
  lot: Lot,
  purchaseId: string,
  nowMs: number,
): { readonly lot: Lot; readonly entry: ReleaseEntry } | undefined {
  if (lot.phase !== 'reserved' || lot.purchaseId !== purchaseId) return undefined
  const lapsed = lapse(lot, nowMs)
  if (lapsed.entry !== null) return { lot: lapsed.lot, entry: lapsed.entry }
  return release(lot, 'cancelled', Math.max(Math.floor(nowMs), lot.lastDecidedAtMs ?? 0))
}
