import type { TakeBackRequest, UndoTakeBackAnswer } from '@auction/common/contracts/terms.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import { isOrderOfSale, takeBack, undoTakeBack } from '#src/domain/offer.ts'
import { bidErrors } from '#src/errors.ts'
import {
  freeUnitAgain,
  hasAcceptedOffer,
  putFreedUnit,
  readUnitOfOrder,
} from '#src/infra/postgres/offers.ts'
import { changeAfterSale, type OfferDependencies } from './after-sale.ts'

type TakeBack = TakeBackRequest & { itemId: string; orderId: string }

/**
 * A seller takes the buyer of a cancelled order back, before the order is reopened: the unit is that buyer's again (R-OFFER-6).
 * Asking again changes nothing. Throws lot.unit_taken when it is offered or sold to another, or in a new round, and
 * lot.take_back_outdated when order has given it up meanwhile.
 */
export async function takeBackUnit(
  dependencies: OfferDependencies,
  { itemId, ...order }: TakeBack,
  trace: Trace,
): Promise<void> {
  const verdict = await changeAfterSale(
    dependencies,
    itemId,
    trace,
    async ({ tx, sale, nowMs }) => {
      const known = await readUnitOfOrder(tx, order.orderId)
      const verdict = takeBack(sale, known, order, nowMs)
      if (verdict === 'taken_back') await putFreedUnit(tx, { itemId, ...order, isFree: false })
      return verdict
    },
  )
  if (verdict === undefined) throw bidErrors.lotNotFound()
  if (verdict === 'unit_taken') throw bidErrors.unitTaken()
  if (verdict === 'outdated') throw bidErrors.takeBackOutdated()
}

/**
 * The order is not reopened with this number after all: the unit is free as it was. Comes it before the request that it undoes, then
 * that one is refused. Asking again changes nothing. Throws lot.take_back_outdated when something newer of the order is known.
 */
export async function undoTakeBackOf(
  dependencies: OfferDependencies,
  { itemId, ...order }: TakeBack,
  trace: Trace,
): Promise<UndoTakeBackAnswer> {
  const outcome = await changeAfterSale(
    dependencies,
    itemId,
    trace,
    async ({ tx, sale: { lot } }) => {
      const verdict = undoTakeBack(await readUnitOfOrder(tx, order.orderId), order.sequence)
      if (verdict !== 'undone') return verdict
      const hasAccepted = await hasAcceptedOffer(tx, { itemId, ...order })
      // The order is of a sale, or it would not have been cancelled unpaid; no other may free a unit.
      if (!isOrderOfSale(lot, hasAccepted, order)) return 'unchanged'
      await freeUnitAgain(tx, { itemId, ...order })
      return verdict
    },
  )
  if (outcome === undefined) throw bidErrors.lotNotFound()
  if (outcome === 'outdated') throw bidErrors.takeBackOutdated()
  return { outcome }
}
