import type { Lot } from './lot.ts'

export const OFFER_KINDS = ['second_chance', 'below_reserve'] as const
export type OfferKind = (typeof OFFER_KINDS)[number]

/** For how many days an offer may be open. */
export const OFFER_DAYS = [1, 3, 5, 7] as const

export const OFFER_STATES = ['open', 'accepted', 'declined', 'expired', 'withdrawn'] as const
export type OfferState = (typeof OFFER_STATES)[number]

export type OfferRefusal =
  | 'offer.not_found'
  | 'offer.not_open'
  | 'offer.not_allowed'
  | 'offer.too_late'
  | 'offer.invalid_duration'
  | 'offer.no_such_unit'
  | 'offer.already_open'
  | 'offer.order_not_cancelled'
  | 'offer.not_eligible'
  | 'offer.nobody_left'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** For how long after the close a lot is offered. That instant is outside already. */
export interface OfferWindows {
  /** To the leader of a lot below its reserve. So long an automatic relist waits as well. */
  readonly belowReserveMs: number
  readonly secondChanceMs: number
}

export const OFFER_WINDOWS: OfferWindows = {
  belowReserveMs: 48 * HOUR_MS,
  secondChanceMs: 60 * DAY_MS,
}

const windowOf = ({ belowReserveMs, secondChanceMs }: OfferWindows, kind: OfferKind) =>
  kind === 'below_reserve' ? belowReserveMs : secondChanceMs

/** A seller's offer of a unit to one bidder, at that bidder's own price. Never changed in place. */
export interface Offer {
  readonly offerId: string
  readonly unit: number
  readonly kind: OfferKind
  readonly userId: string
  /** The bid whose amount is the price. */
  readonly bidId: string
  readonly amount: bigint
  readonly days: number
  /** An offer that comes to nothing is made to the next in line, down to this price; null: to no one. */
  readonly cascadeFloor: bigint | null
  readonly madeAtMs: number
  /** That instant is outside already. */
  readonly expiresAtMs: number
  readonly state: OfferState
  readonly endedAtMs: number | null
}

/** The own highest bid of a bidder that still stands. */
export interface BestBid {
  readonly bidderId: string
  readonly bidderNumber: number
  readonly bidId: string
  readonly amount: bigint
}

/** A lot that is over, and what came after. */
export interface AfterSale {
  readonly lot: Lot
  readonly closedAtMs: number | null
  readonly windows: OfferWindows
  /** In line: the highest first, of equal ones the one that was set earlier. */
  readonly bestBids: readonly BestBid[]
  readonly offers: readonly Offer[]
  /** Identical units there are, the lot's own included. */
  readonly units: number
  /** Buyers, by unit, whose order was cancelled so that the unit is free again: for offers as well, or for a new round alone. */
  readonly freed: readonly {
    readonly unit: number
    readonly buyerId: string
    readonly isOfferable: boolean
  }[]
  /** Who may not trade here: suspended, left or blocked by the seller. The seller may be among them. */
  readonly barred: ReadonlySet<string>
  /** Who wants no offers. One that is open already can be answered. */
  readonly unwilling: ReadonlySet<string>
  /** A new round of the item was begun, or moderators hide it: nothing of this one is offered any more. */
  readonly isRelisted: boolean
  readonly isHidden: boolean
}

export interface NewOffer {
  readonly offerId: string
  readonly kind: OfferKind
  readonly days: number
  readonly unit: number
  /** Undefined: the next in line. */
  readonly bidderId?: string | undefined
  readonly cascadeFloor: bigint | null
}

export type OfferVerdict =
  | { readonly outcome: 'made'; readonly offer: Offer }
  | { readonly outcome: 'refused'; readonly code: OfferRefusal }

const refused = (code: OfferRefusal) => ({ outcome: 'refused', code }) as const

/** Whether an offer can be accepted at an instant, whenever a timer runs that writes its end down (R-OFFER-4). */
export const isOpenAt = ({ state, expiresAtMs }: Offer, nowMs: number) =>
  state === 'open' && nowMs < expiresAtMs

/**
 * An offer of a unit to a bidder (R-OFFER-1, R-OFFER-2). Offers whose time is over are ended first; see `expire`. What the
 * refusals say depends on no hidden maximum.
 */
export function makeOffer(sale: AfterSale, wanted: NewOffer, nowMs: number): OfferVerdict {
  const { kind, days, unit, bidderId } = wanted
  const early = windowProblem(sale, kind, nowMs)
  if (early !== undefined) return refused(early)
  if (!OFFER_DAYS.some((each) => each === days)) return refused('offer.invalid_duration')
  const problem = offerProblem(sale, kind, unit, nowMs)
  if (problem !== undefined) return refused(problem)
  const line = candidatesFor(sale, kind, unit)
  const chosen = bidderId === undefined ? line[0] : line.find((each) => each.bidderId === bidderId)
  if (chosen === undefined) {
    return refused(bidderId === undefined ? 'offer.nobody_left' : 'offer.not_eligible')
  }
  return { outcome: 'made', offer: offerTo(chosen, wanted, nowMs) }
}

/** Why a unit cannot be offered to anyone in this way at this instant. */
export function offerProblem(
  sale: AfterSale,
  kind: OfferKind,
  unit: number,
  nowMs: number,
): OfferRefusal | undefined {
  const early = windowProblem(sale, kind, nowMs)
  if (early !== undefined) return early
  if (unit < 1 || unit > sale.units) return 'offer.no_such_unit'
  if (sale.offers.some((offer) => offer.unit === unit && isOpenAt(offer, nowMs))) {
    return 'offer.already_open'
  }
  return holderOf(sale, unit) === undefined ? undefined : 'offer.order_not_cancelled'
}

/** Until when offers of this kind can be made; undefined where the lot gives no occasion. */
export function offeredUntil(sale: AfterSale, kind: OfferKind): number | undefined {
  const { closedAtMs, windows } = sale
  if (closedAtMs === null || windowProblem(sale, kind, closedAtMs) !== undefined) return undefined
  return closedAtMs + windowOf(windows, kind)
}

function offerTo(
  { bidderId, bidId, amount }: BestBid,
  { offerId, kind, days, unit, cascadeFloor }: NewOffer,
  nowMs: number,
): Offer {
  return {
    offerId,
    unit,
    kind,
    userId: bidderId,
    bidId,
    amount,
    days,
    cascadeFloor,
    madeAtMs: nowMs,
    expiresAtMs: nowMs + days * DAY_MS,
    state: 'open',
    endedAtMs: null,
  }
}

/** Why offers of this kind are not made of this lot at this instant. */
function windowProblem(sale: AfterSale, kind: OfferKind, nowMs: number): OfferRefusal | undefined {
  const { lot, closedAtMs, windows, isRelisted, isHidden, barred } = sale
  if (lot.phase !== 'closed' || closedAtMs === null || isRelisted || isHidden) {
    return 'offer.not_allowed'
  }
  // No matter who asks: the offer that follows another is made by no request.
  if (barred.has(lot.sellerId)) return 'offer.not_allowed'
  if (lot.leaderId === null) return 'offer.not_allowed'
  if (kind === 'below_reserve' && lot.outcome !== 'reserve_not_met') return 'offer.not_allowed'
  return nowMs < closedAtMs + windowOf(windows, kind) ? undefined : 'offer.too_late'
}

/** Who has bought a unit and has not lost it to another bidder. */
export function holderOf(sale: AfterSale, unit: number): string | undefined {
  return standingBuyer(
    sale,
    unit,
    sale.freed.filter(({ isOfferable }) => isOfferable),
  )
}

function standingBuyer(
  sale: AfterSale,
  unit: number,
  freed: AfterSale['freed'],
): string | undefined {
  return buyersOf(sale, unit).find(
    (buyerId) => !freed.some((each) => each.unit === unit && each.buyerId === buyerId),
  )
}

/** All who have ever bought a unit. The lot itself was sold as unit 1. */
function buyersOf({ lot, offers }: AfterSale, unit: number): string[] {
  const buyers = offers
    .filter((offer) => offer.unit === unit && offer.state === 'accepted')
    .map(({ userId }) => userId)
  return unit === 1 && lot.winnerId !== null ? [lot.winnerId, ...buyers] : buyers
}

/**
 * Whether an order is of a sale: to the winner, or to one who accepted an offer. That of a reservation which came to nothing is of
 * none, though its buyer may win the lot afterwards (R-OFFER-1).
 */
export function isOrderOfSale(
  { phase, outcome, winnerId, purchaseId }: Lot,
  hasAcceptedOffer: boolean,
  order: {
    readonly unit: number
    readonly buyerId: string
    readonly purchaseId?: string | undefined
  },
): boolean {
  if (phase !== 'closed') return false
  const isWinner = order.unit === 1 && winnerId === order.buyerId
  if (order.purchaseId === undefined) return isWinner || hasAcceptedOffer
  return isWinner && outcome === 'bought_now' && purchaseId === order.purchaseId
}

/** What is known last of an order: that its unit is free, or that its buyer has it again. */
export interface UnitOfOrder {
  readonly isFree: boolean
  readonly sequence: number
}

export type TakeBackVerdict = 'taken_back' | 'unit_taken' | 'outdated'

/**
 * Whether the buyer of a cancelled order gets its unit again, before the order is reopened with this number (R-OFFER-6). What was
 * given up under this number stays so, for the order will not be reopened with it.
 */
export function takeBack(
  sale: AfterSale,
  known: UnitOfOrder | undefined,
  { unit, buyerId, sequence }: { unit: number; buyerId: string; sequence: number },
  nowMs: number,
): TakeBackVerdict {
  if (known !== undefined && (known.sequence > sequence || isUndone(known, sequence))) {
    return 'outdated'
  }
  const holder = holderOf(sale, unit)
  const isOffered = sale.offers.some((offer) => offer.unit === unit && isOpenAt(offer, nowMs))
  const isTaken = sale.isRelisted || isOffered || (holder !== undefined && holder !== buyerId)
  return isTaken ? 'unit_taken' : 'taken_back'
}

/** Whether a unit that was taken back for an order is free again, because the order is not reopened with this number. */
export function undoTakeBack(
  known: UnitOfOrder | undefined,
  sequence: number,
): 'undone' | 'unchanged' | 'outdated' {
  if (known !== undefined && known.sequence > sequence) return 'outdated'
  return known !== undefined && isUndone(known, sequence) ? 'unchanged' : 'undone'
}

const isUndone = (known: UnitOfOrder, sequence: number) =>
  known.sequence === sequence && known.isFree

/** To whom a unit may be offered, in line (R-OFFER-2). */
export function candidatesFor(sale: AfterSale, kind: OfferKind, unit: number): BestBid[] {
  const { lot, bestBids, offers, barred, unwilling } = sale
  const left = new Set<string>([lot.sellerId, ...barred, ...unwilling])
  for (let each = 1; each <= sale.units; each += 1) {
    for (const buyerId of buyersOf(sale, each)) left.add(buyerId)
  }
  for (const offer of offers) if (offer.unit === unit) left.add(offer.userId)
  return bestBids.filter(
    ({ bidderId }) =>
      !left.has(bidderId) && (kind === 'second_chance' || bidderId === lot.leaderId),
  )
}

export type OfferAct = 'accept' | 'decline' | 'withdraw'

export type AnswerVerdict =
  | { readonly outcome: 'ended'; readonly offer: Offer }
  | { readonly outcome: 'refused'; readonly code: OfferRefusal }

const ENDS = { accept: 'accepted', decline: 'declined', withdraw: 'withdrawn' } as const

/**
 * What the bidder or the seller does with an offer (R-OFFER-3, R-OFFER-4). Whose offer it is not learns nothing of it. Who may
 * not buy any more may still decline.
 */
export function answerOffer(
  sale: AfterSale,
  { offerId, act, userId }: { offerId: string; act: OfferAct; userId: string },
  nowMs: number,
): AnswerVerdict {
  const offer = sale.offers.find((each) => each.offerId === offerId)
  if (offer === undefined) return refused('offer.not_found')
  if (userId !== (act === 'withdraw' ? sale.lot.sellerId : offer.userId)) {
    return refused('offer.not_found')
  }
  if (!isOpenAt(offer, nowMs)) return refused('offer.not_open')
  if (act === 'accept') {
    if (sale.isRelisted || sale.isHidden || holderOf(sale, offer.unit) !== undefined) {
      return refused('offer.not_open')
    }
    if (sale.barred.has(userId) || sale.barred.has(sale.lot.sellerId)) {
      return refused('offer.not_eligible')
    }
  }
  return { outcome: 'ended', offer: ended(offer, ENDS[act], nowMs) }
}

const ended = (offer: Offer, state: OfferState, endedAtMs: number): Offer => ({
  ...offer,
  state,
  endedAtMs,
})

/** The sale after some of its offers have changed or were made. */
export function withOffers(sale: AfterSale, changed: readonly Offer[]): AfterSale {
  const byId = new Map([...sale.offers, ...changed].map((offer) => [offer.offerId, offer]))
  return { ...sale, offers: [...byId.values()] }
}

/**
 * The offer that follows one that was declined or has expired, where its seller chose that: to the next in line, unless that
 * one's price is below the floor or it is too late (R-OFFER-5). `sale` is that after the end of the former.
 */
export function nextInLine(
  sale: AfterSale,
  former: Offer,
  offerId: string,
  nowMs: number,
): Offer | undefined {
  const { cascadeFloor, days, unit } = former
  if (cascadeFloor === null) return undefined
  const verdict = makeOffer(
    sale,
    { offerId, kind: 'second_chance', days, unit, cascadeFloor },
    nowMs,
  )
  if (verdict.outcome === 'refused' || verdict.offer.amount < cascadeFloor) return undefined
  return verdict.offer
}

/** The open offers whose time is over, as ended at their last instant. */
export function expire(sale: AfterSale, nowMs: number): Offer[] {
  return sale.offers
    .filter((offer) => offer.state === 'open' && !isOpenAt(offer, nowMs))
    .map((offer) => ended(offer, 'expired', offer.expiresAtMs))
}

export type RelistVerdict =
  /** `withdrawn`: the offers that end with it. */
  | { readonly outcome: 'relisted'; readonly withdrawn: readonly Offer[] }
  | { readonly outcome: 'refused' }
  /**
   * An automatic one is to be asked for again: not before this instant, or in a while, for an offer ends and a hidden lot is
   * shown when others want it.
   */
  | { readonly outcome: 'later'; readonly untilMs: number | null }

/**
 * Whether a lot may go into a new round (R-RELIST-1): not while it runs, once, and not while someone has bought it. In a new round all
 * may bid, so there the seller passes over no one. By itself only
 * one that was never sold: without bids at once, below its reserve when its seller's 48 hours are over and no offer is open
 * (R-RELIST-2). One that moderators hide waits until it is shown.
 */
export function relist(sale: AfterSale, isAutomatic: boolean, nowMs: number): RelistVerdict {
  const { lot, closedAtMs, windows, offers, isRelisted, isHidden } = sale
  const isOver = lot.phase === 'closed' || lot.phase === 'cancelled'
  const isBought = standingBuyer(sale, 1, sale.freed) !== undefined
  if (!isOver || isRelisted || isBought) return { outcome: 'refused' }
  if (isHidden && !isAutomatic) return { outcome: 'refused' }
  const open = offers.filter((offer) => isOpenAt(offer, nowMs))
  if (isAutomatic) {
    const isSold = lot.winnerId !== null || offers.some(({ state }) => state === 'accepted')
    const isBarred = sale.barred.has(lot.sellerId)
    if (isSold || isBarred || lot.phase !== 'closed' || closedAtMs === null) {
      return { outcome: 'refused' }
    }
    if (isHidden) return { outcome: 'later', untilMs: null }
    const isEarly = lot.outcome === 'reserve_not_met' && nowMs < closedAtMs + windows.belowReserveMs
    if (isEarly) return { outcome: 'later', untilMs: closedAtMs + windows.belowReserveMs }
    if (open.length > 0) return { outcome: 'later', untilMs: null }
  }
  return { outcome: 'relisted', withdrawn: open.map((offer) => ended(offer, 'withdrawn', nowMs)) }
}
