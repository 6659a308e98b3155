import type { Lot } from './lot.ts'
import { ENDED } from './purchase.ts'

export type CancelVerdict =
  | { readonly outcome: 'cancelled'; readonly lot: Lot }
  | { readonly outcome: 'unchanged' }
  | { readonly outcome: 'refused'; readonly reason: 'over' | 'has_bids' }

/** Before the end a lot with bids binds its seller for so long (R-TERMS-8). */
export const SELLER_BOUND_MS = 12 * 60 * 60_000

/** Ends a lot without a winner. A lot that has ended already stays as it ended. */
export function cancel(lot: Lot, nowMs: number, isBySeller: boolean): CancelVerdict {
  if (lot.phase === 'cancelled') return { outcome: 'unchanged' }
  if (lot.phase === 'closed') return { outcome: 'refused', reason: 'over' }
  if (isBySeller) {
    // After its end a lot only waits for the closer, and while it is being bought for the buyer.
    if (nowMs >= lot.endsAtMs || lot.phase === 'reserved') {
      return { outcome: 'refused', reason: 'over' }
    }
    if (lot.bidCount > 0 && lot.endsAtMs - nowMs <= SELLER_BOUND_MS) {
      return { outcome: 'refused', reason: 'has_bids' }
    }
  }
  return {
    outcome: 'cancelled',
    lot: {
      ...lot,
      phase: 'cancelled',
      outcome: 'cancelled',
      sequence: lot.sequence + 1,
      ...ENDED,
    },
  }
}
