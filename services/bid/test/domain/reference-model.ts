import { dollars } from '#src/domain/currency-worth.ts'
import { increment, tableFor } from '#src/domain/increments.ts'
import type { LotTerms } from '#src/domain/lot.ts'

interface Offer {
  bidder: string
  max: number
}

/** What every visitor sees of an auction, and who leads it. */
export interface Standing {
  price: number | null
  leader: string | null
  minNext: number
  reserveMet: boolean
  buyNowOpen: boolean
  endsAtMs: number
}

/**
 * A second, deliberately naive auction. It keeps the list of offers and works everything out
 * from that list again after each, in doubles and without any notion of an incumbent's answer.
 */
export function createReferenceModel(terms: LotTerms, movedByMs = 0) {
  const offers: Offer[] = []
  let reserve = terms.reservePrice === null ? null : Number(terms.reservePrice)
  let buyNowOpen = terms.buyNowPrice !== null
  let endsAtMs = terms.endsAtMs + movedByMs
  let hardEndMs = endsAtMs + terms.maxTotalExtensionMs
  let extensions = 0
  /** The price when the reserve was last lowered: it does not fall because of that. */
  let floor = 0

  const step = (price: number) =>
    Number(increment(terms.bidIncrement ?? tableFor(terms.currencyCode), BigInt(price)))

  /** The best offer of each bidder; the sort is stable, so the earlier of equals stays in front. */
  function ranking(list: readonly Offer[]): Offer[] {
    const best = new Map<string, Offer>()
    for (const offer of list) {
      const known = best.get(offer.bidder)
      if (known !== undefined && known.max >= offer.max) continue
      best.delete(offer.bidder)
      best.set(offer.bidder, offer)
    }
    return [...best.values()].sort((left, right) => right.max - left.max)
  }

  function price(): number | null {
    const [leader, second] = ranking(offers)
    if (leader === undefined) return null
    // Offers with which the leader only raised himself have not been called upon by a rival.
    let contested = offers.length
    while (contested > 1 && offers[contested - 1]?.bidder === leader.bidder) {
      if (ranking(offers.slice(0, contested - 1))[0]?.bidder !== leader.bidder) break
      contested -= 1
    }
    const offered = ranking(offers.slice(0, contested))[0]?.max ?? 0
    const wanted = second === undefined ? 0 : second.max + step(second.max)
    const called = reserve === null ? 0 : Math.min(reserve, leader.max)
    return Math.max(floor, called, Math.min(offered, Math.max(Number(terms.startPrice), wanted)))
  }

  function standing(): Standing {
    const leader = ranking(offers)[0]
    const now = price()
    const minNext = now === null ? Number(terms.startPrice) : now + step(now)
    return {
      price: now,
      leader: leader?.bidder ?? null,
      minNext,
      reserveMet: reserve === null || (leader !== undefined && leader.max >= reserve),
      // Were it still open, no amount would be neither too low nor too high.
      buyNowOpen: buyNowOpen && minNext < Number(terms.buyNowPrice),
      endsAtMs,
    }
  }

  /** The lowest bid that would be taken from this bidder. */
  function minimumFor(bidder: string): number {
    const { minNext, leader } = standing()
    return leader === bidder ? Math.max(minNext, (ranking(offers)[0]?.max ?? 0) + 1) : minNext
  }

  /** The first thing that is wrong with a bid, or undefined. */
  function refusal(bidder: string, max: number, atMs: number, confirmed: boolean) {
    const { price: shown, buyNowOpen: isOpen } = standing()
    const hundredDollars = Number(dollars(1n, terms.currencyCode))
    const cap = Math.min(hundredDollars * 10_000_000, 1e12)
    const isUsual =
      max < hundredDollars ||
      max <= 5 * (shown ?? Number(terms.startPrice)) ||
      max === minimumFor(bidder)
    if (bidder === terms.sellerId) return 'bid.own_item'
    if (atMs < terms.startsAtMs) return 'bid.not_started'
    if (atMs >= endsAtMs) return 'bid.ended'
    if (max < 1 || max > cap) return 'bid.amount_invalid'
    if (isOpen && max >= Number(terms.buyNowPrice)) return 'bid.exceeds_buy_now'
    if (max < minimumFor(bidder)) return 'bid.too_low'
    return confirmed || isUsual ? undefined : 'bid.confirmation_required'
  }

  function offer(bidder: string, max: number, atMs: number): void {
    const before = standing()
    offers.push({ bidder, max })
    const after = standing()
    if (after.reserveMet) buyNowOpen = false
    if (before.price === after.price && before.leader === after.leader) return
    if (endsAtMs - atMs > terms.extensionThresholdMs) return
    if (terms.maxExtensions !== 0 && extensions === terms.maxExtensions) return
    const base = terms.extensionMode === 'from_end' ? endsAtMs : atMs
    const wanted = Math.min(base + terms.extensionDurationMs, hardEndMs)
    if (wanted <= endsAtMs) return
    endsAtMs = wanted
    extensions += 1
  }

  function lowerReserve(to: number | null): void {
    floor = price() ?? 0
    reserve = to
    if (standing().reserveMet) buyNowOpen = false
  }

  function outage(byMs: number): void {
    endsAtMs += byMs
    hardEndMs += byMs
  }

  return { standing, refusal, offer, lowerReserve, outage }
}
