import type { Lot } from './lot.ts'
import { ENDED } from './purchase.ts'

export type CloseVerdict =
  | { readonly outcome: 'refused'; readonly reason: 'not_open' | 'not_due' }
  | {
      readonly outcome: 'sold'
      readonly lot: Lot
      readonly winnerId: string
      readonly finalAmount: bigint
    }
  | { readonly outcome: 'no_bids' | 'reserve_not_met'; readonly lot: Lot }

/**
 * Ends a lot once. The grace is for bids that arrived in time and still wait for the lock; the
 * caller has re-read the lot under that lock, so an end that moved meanwhile is refused here.
 */
export function close(lot: Lot, nowMs: number, graceMs = 0): CloseVerdict {
  if (lot.phase !== 'open') return { outcome: 'refused', reason: 'not_open' }
  if (nowMs < lot.endsAtMs + graceMs) return { outcome: 'refused', reason: 'not_due' }
  const ended: Lot = { ...lot, phase: 'closed', sequence: lot.sequence + 1, ...ENDED }
  if (lot.leaderId === null || lot.currentPrice === null) {
    return { outcome: 'no_bids', lot: { ...ended, outcome: 'no_bids' } }
  }
  if (!lot.reserveMet) {
    return { outcome: 'reserve_not_met', lot: { ...ended, outcome: 'reserve_not_met' } }
  }
  const { leaderId: winnerId, currentPrice: finalAmount } = lot
  return {
    outcome: 'sold',
    lot: { ...ended, outcome: 'sold', winnerId, finalAmount },
    winnerId,
    finalAmount,
  }
}
