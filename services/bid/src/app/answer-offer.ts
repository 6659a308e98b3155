import { hash } from 'node:crypto'
import { newId } from '@auction/common/ids.ts'
import { parseAmount } from '@auction/common/money.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import {
  answerOffer,
  isOpenAt,
  makeOffer,
  type Offer,
  type OfferAct,
  type OfferKind,
  type OfferState,
} from '#src/domain/offer.ts'
import { bidErrors, OFFER_REFUSALS } from '#src/errors.ts'
import { findOffer, findRequest } from '#src/infra/postgres/offers.ts'
import {
  changeAfterSale,
  insistOwnLot,
  type LockedSale,
  type OfferDependencies,
} from './after-sale.ts'

export interface OfferCommand {
  readonly itemId: string
  readonly sellerId: string
  readonly kind: OfferKind
  readonly days: number
  readonly bidderNumber: number | undefined
  readonly cascadeFloor: string | undefined
  readonly key: string | null
  readonly trace: Trace
}

/** An offer as its lot shows it, and whether it is the answer to an earlier request. */
export interface AnsweredOffer {
  readonly offer: Offer
  readonly itemId: string
  readonly round: number
  readonly currencyCode: string
  readonly bidderNumber: number | null
  readonly nowMs: number
  readonly isRepeat: boolean
}

/** A seller offers a lot to a bidder (R-OFFER-1). The same key and request get the same offer. */
export async function makeOfferTo(
  dependencies: OfferDependencies,
  command: OfferCommand,
): Promise<AnsweredOffer> {
  const { itemId, sellerId, kind, days, bidderNumber, key, trace } = command
  const requestHash = hash(
    'sha256',
    `${itemId}\n${kind}\n${days}\n${bidderNumber ?? ''}\n${command.cascadeFloor ?? ''}`,
    'base64url',
  )
  const { isOver } = await insistOwnLot(dependencies, itemId, sellerId)
  if (!isOver) throw OFFER_REFUSALS['offer.not_allowed']()
  const made = await changeAfterSale(dependencies, itemId, trace, async (locked) => {
    const { lot, bestBids } = locked.sale
    const former = key === null ? undefined : await findRequest(locked.tx, sellerId, key)
    if (former !== undefined) return repeated(locked, former, requestHash)
    const floor =
      command.cascadeFloor === undefined
        ? null
        : parseAmount(command.cascadeFloor, lot.currencyCode)
    if (floor !== null && !floor.ok) {
      throw bidErrors.offerAmountInvalid({ field: 'cascadeFloor', reason: floor.reason })
    }
    const bidderId =
      bidderNumber === undefined
        ? undefined
        : // A number without a bidder is as one who is not asked.
          (bestBids.find((each) => each.bidderNumber === bidderNumber)?.bidderId ?? '')
    const verdict = makeOffer(
      locked.sale,
      {
        offerId: newId(),
        kind,
        days,
        unit: 1,
        bidderId,
        cascadeFloor: floor?.minor ?? null,
      },
      locked.nowMs,
    )
    if (verdict.outcome === 'refused') throw OFFER_REFUSALS[verdict.code]()
    const isStored = await locked.make(verdict.offer, { key, hash: requestHash })
    // At the same time, for another lot.
    if (!isStored) throw bidErrors.offerKeyReused()
    return asAnswered(locked, verdict.offer)
  })
  if (made === undefined) throw bidErrors.lotNotFound()
  return made
}

function repeated(
  locked: LockedSale,
  former: { offerId: string; hash: string | null },
  requestHash: string,
): AnsweredOffer {
  const offer = locked.sale.offers.find(({ offerId }) => offerId === former.offerId)
  if (offer === undefined || former.hash !== requestHash) throw bidErrors.offerKeyReused()
  return asAnswered(locked, offer, true)
}

const BECOMES = { accept: 'accepted', decline: 'declined', withdraw: 'withdrawn' } as const

/** A bidder accepts or declines an offer, or its seller withdraws it (R-OFFER-3). */
export async function answerOfferAs(
  dependencies: OfferDependencies,
  command: { offerId: string; act: OfferAct; userId: string; key: string | null },
  trace: Trace,
): Promise<AnsweredOffer> {
  const { offerId, act, userId, key } = command
  const found = await findOffer(dependencies.db, offerId)
  // To whom it is nothing waits for no lock, and holds none.
  if (found === undefined || userId !== (act === 'withdraw' ? found.sellerId : found.userId)) {
    throw OFFER_REFUSALS['offer.not_found']()
  }
  const result = await changeAfterSale(dependencies, found.itemId, trace, async (locked) => {
    const verdict = answerOffer(locked.sale, { offerId, act, userId }, locked.nowMs)
    if (verdict.outcome === 'ended') {
      await locked.end(verdict.offer, { key })
      return asAnswered(locked, verdict.offer)
    }
    const offer = locked.sale.offers.find((each) => each.offerId === offerId)
    if (verdict.code === 'offer.not_open' && offer?.state === BECOMES[act] && key !== null) {
      // Read under the lock: the request with this key may have been the one before.
      const ended = await findOffer(locked.tx, offerId)
      if (ended?.answerKey === key) return asAnswered(locked, offer, true)
    }
    return verdict.code
  })
  if (result === undefined) throw OFFER_REFUSALS['offer.not_found']()
  // Thrown out here, so that what has expired meanwhile stays written down.
  if (typeof result === 'string') throw OFFER_REFUSALS[result]()
  return result
}

export function asAnswered(
  { sale: { lot, bestBids }, nowMs }: LockedSale,
  offer: Offer,
  isRepeat = false,
): AnsweredOffer {
  const { itemId, round, currencyCode } = lot
  const bidder = bestBids.find(({ bidderId }) => bidderId === offer.userId)
  const bidderNumber = bidder?.bidderNumber ?? null
  return { offer, itemId, round, currencyCode, bidderNumber, nowMs, isRepeat }
}

/** What an offer is at an instant, whether its end is written down or not. */
export const stateAt = (offer: Offer, nowMs: number): OfferState =>
  offer.state === 'open' && !isOpenAt(offer, nowMs) ? 'expired' : offer.state
