/** The end of a lot, and how often extensions have moved it; null when the publisher does not count. */
export interface LotEnd {
  readonly endDate: Date
  readonly extensionCount: number | null
}

/** The public state of a lot right after one bid, as bid.placed carries it. */
export interface PlacedBid extends LotEnd {
  readonly itemId: string
  readonly sequence: number
  readonly currencyCode: string
  readonly price: bigint
  readonly bidCount: number
  readonly reserveMet: boolean
  readonly buyNowAvailable: boolean
  readonly isExtended: boolean
}

/** The end of a lot after an outage, as bid.extended carries it. */
export interface OutageExtension {
  readonly itemId: string
  /** The seller's end that it belongs to. */
  readonly originalEndDate: Date
  readonly endDate: Date
  readonly extensionCount: number
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

/**
 * Whether an extension lies between two states. The end decides and not the bid that extended: that
 * one may come late and is skipped then. An end that moved without an extension was edited, and an
 * extension may end before the end that is known here, when that one was edited meanwhile.
 */
export function isExtension(before: LotEnd, after: LotEnd): boolean {
  if (after.extensionCount === null || before.extensionCount === null)
    return after.endDate > before.endDate
  return after.extensionCount > before.extensionCount
}

/**
 * Those bids of one item that move its end, in their order, when the bids are folded into what is
 * known up to `sequence`.
 */
export function extensionsAmong<B extends PlacedBid>(
  known: LotEnd & { readonly sequence: bigint },
  bids: readonly B[],
): B[] {
  const extensions: B[] = []
  let end: LotEnd = known
  for (const bid of bids.toSorted((left, right) => left.sequence - right.sequence)) {
    if (BigInt(bid.sequence) <= known.sequence) continue
    if (isExtension(end, bid)) extensions.push(bid)
    end = laterEnd(end, bid)
  }
  return extensions
}

/** An extension after an outage may be known before a bid that came before it: its end stays. */
function laterEnd(known: LotEnd, { endDate, extensionCount }: LotEnd): LotEnd {
  if (extensionCount === null) return { endDate, extensionCount: known.extensionCount }
  const isOvertaken = known.extensionCount !== null && extensionCount < known.extensionCount
  return isOvertaken ? known : { endDate, extensionCount }
}
