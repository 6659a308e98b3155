import type { Trace } from '@auction/common/telemetry/tracing.ts'
import {
  type BestBid,
  candidatesFor,
  OFFER_KINDS,
  type OfferKind,
  type OfferRefusal,
  offeredUntil,
  offerProblem,
} from '#src/domain/offer.ts'
import { bidErrors } from '#src/errors.ts'
import { changeAfterSale, insistOwnLot, type OfferDependencies } from './after-sale.ts'
import { type AnsweredOffer, asAnswered } from './answer-offer.ts'

export interface OffersOfLot {
  currencyCode: string
  nowMs: number
  offers: AnsweredOffer[]
  kinds: {
    kind: OfferKind
    untilMs: number | undefined
    refusal: OfferRefusal | undefined
    candidates: BestBid[]
  }[]
}

const NOTHING_YET = OFFER_KINDS.map((kind) => ({
  kind,
  untilMs: undefined,
  refusal: 'offer.not_allowed' as const,
  candidates: [],
}))

/**
 * The offers of a lot, and to whom its seller may offer it now. Whose turn it is, and at what price, is shown only where an
 * offer is possible: the highest bid of the winner never is, and that of a loser is for sale only then (R-OFFER-2).
 */
export async function readOffersOfLot(
  dependencies: OfferDependencies,
  itemId: string,
  sellerId: string,
  trace: Trace,
): Promise<OffersOfLot> {
  const { isOver, currencyCode, nowMs } = await insistOwnLot(dependencies, itemId, sellerId)
  if (!isOver) return { currencyCode, nowMs, offers: [], kinds: NOTHING_YET }
  const read = await changeAfterSale(dependencies, itemId, trace, async (locked) => {
    const { sale, nowMs } = locked
    const kinds = OFFER_KINDS.map((kind) => {
      const problem = offerProblem(sale, kind, 1, nowMs)
      const candidates = problem === undefined ? candidatesFor(sale, kind, 1) : []
      const isEmpty = problem === undefined && candidates.length === 0
      const refusal: OfferRefusal | undefined = isEmpty ? 'offer.nobody_left' : problem
      return { kind, untilMs: offeredUntil(sale, kind), refusal, candidates }
    })
    const offers = sale.offers.toReversed().map((offer) => asAnswered(locked, offer))
    return { currencyCode: sale.lot.currencyCode, nowMs, offers, kinds }
  })
  if (read === undefined) throw bidErrors.lotNotFound()
  return read
}
