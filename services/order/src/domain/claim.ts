import { isUnpaid, type Order, totalOf } from './order.ts'

export type ClaimVerdict =
  | { readonly outcome: 'claimed' }
  /** This payment holds it, or has paid it. */
  | { readonly outcome: 'unchanged' }
  | { readonly outcome: 'not_payable' }
  | { readonly outcome: 'claimed_by_another' }
  | { readonly outcome: 'amount_mismatch' }
  /** The payment is over, and this claim of it comes late. */
  | { readonly outcome: 'payment_ended' }

/**
 * Whether a payment may take an order for itself, before money moves (R-ORDER-4). From then on neither time
 * nor people cancel the order, until it is paid or the payment lets it go.
 */
export function judgeClaim(
  order: Order,
  {
    paymentId,
    total,
    currencyCode,
    hasEnded,
  }: {
    paymentId: string
    total: bigint
    currencyCode: string
    /** The payment is over, and took no money. */
    hasEnded: boolean
  },
): ClaimVerdict {
  if (order.paidBy === paymentId) return { outcome: 'unchanged' }
  if (hasEnded) return { outcome: 'payment_ended' }
  if (!isUnpaid(order)) return { outcome: 'not_payable' }
  if (order.claimedBy !== null && order.claimedBy !== paymentId)
    return { outcome: 'claimed_by_another' }
  if (currencyCode !== order.currencyCode || total !== totalOf(order))
    return { outcome: 'amount_mismatch' }
  return { outcome: order.claimedBy === null ? 'claimed' : 'unchanged' }
}
