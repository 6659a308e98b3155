import type { Item } from './item.ts'

/** One who bought an item, as events of orders and offers have said it so far. */
export interface Buyer {
  readonly buyerId: string
  /** Null until the event of the sale has come. */
  readonly price: bigint | null
  readonly soldAt: Date | null
  readonly isOffer: boolean
  readonly isCancelled: boolean
  readonly reason: string | null
}

export type SaleState = Pick<Item, 'status' | 'buyerId' | 'endPrice' | 'endReason'>

/**
 * Whose an item is that was over (R-OFFER-7). The last buyer whose order stands has it; without one it is not sold. The events come
 * in any order: an acceptance may be known before the cancellation that made it possible.
 */
export function settleSale(item: SaleState, buyers: readonly Buyer[]): SaleState {
  if (item.status !== 'sold' && item.status !== 'expired') return item
  const [standing] = buyers
    .filter(({ isCancelled, price }) => !isCancelled && price !== null)
    .toSorted((a, b) => (b.soldAt?.getTime() ?? 0) - (a.soldAt?.getTime() ?? 0))
  if (standing !== undefined) {
    if (item.status === 'sold' && item.buyerId === standing.buyerId) return item
    const { buyerId, price: endPrice, isOffer } = standing
    return { status: 'sold', buyerId, endPrice, endReason: isOffer ? 'offer' : 'sold' }
  }
  const holder = buyers.find(({ buyerId }) => buyerId === item.buyerId)
  if (item.status !== 'sold' || holder?.isCancelled !== true) return item
  return { ...item, status: 'expired', endReason: holder.reason ?? 'cancelled' }
}
