import type { Lot } from './lot.ts'

export type CancelVerdict =
  | { readonly outcome: 'cancelled'; readonly lot: Lot }
  | { readonly outcome: 'unchanged' }
  | { readonly outcome: 'refused' }

/** Takes a lot from under the hammer without a winner. What is over already stays as it ended. */
export function cancel(lot: Lot): CancelVerdict {
  if (lot.phase === 'cancelled') return { outcome: 'unchanged' }
  if (lot.phase === 'closed') return { outcome: 'refused' }
  return {
    outcome: 'cancelled',
    lot: {
      ...lot,
      phase: 'cancelled',
      outcome: 'cancelled',
      sequence: lot.sequence + 1,
      buyNowAvailable: false,
    },
  }
}
