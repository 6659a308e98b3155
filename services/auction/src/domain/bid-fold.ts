/** The public state of a lot right after one bid, as bid.placed carries it. */
export interface PlacedBid {
  readonly itemId: string
  readonly sequence: number
  readonly currencyCode: string
  readonly price: bigint
  readonly bidCount: number
  readonly reserveMet: boolean
  readonly buyNowAvailable: boolean
  readonly endDate: Date
  readonly isExtended: boolean
}

/** A lot whose reserve is met, as bid.reserve_met carries it; shares a sequence with its bid. */
export interface ReserveMet {
  readonly itemId: string
  readonly sequence: number
  readonly currencyCode: string
  readonly price: bigint
  readonly buyNowAvailable: boolean
}

/**
 * The latest state per item. Each event carries the whole state, so the one with the highest sequence
 * replaces all others, in whatever order they arrive.
 */
export function latestPerItem<E extends { readonly itemId: string; readonly sequence: number }>(
  events: readonly E[],
): E[] {
  const latest = new Map<string, E>()
  for (const event of events) {
    const known = latest.get(event.itemId)
    if (known === undefined || known.sequence < event.sequence) latest.set(event.itemId, event)
  }
  return [...latest.values()]
}
