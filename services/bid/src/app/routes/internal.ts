import {
  ApplyTermsAnswer,
  ApplyTermsRequest,
  CancelLotAnswer,
  internalPaths,
  LotCancellation,
  LotDeposit,
  PayReservationAnswer,
  RelistLotAnswer,
  RelistLotRequest,
  TakeBackAnswer,
  TakeBackRequest,
  UndoTakeBackAnswer,
} from '@auction/common/contracts/terms.ts'
import { obligationsRoute } from '@auction/common/http/obligations-route.ts'
import { answers, Uuid } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { formatAmount } from '@auction/common/money.ts'
import type { Pool } from 'pg'
import { Type } from 'typebox'
import type { OfferDependencies } from '#src/app/after-sale.ts'
import { type ApplyTermsDependencies, applyLotTerms, readTerms } from '#src/app/apply-terms.ts'
import { cancelLot } from '#src/app/cancel-lot.ts'
import { isoInstant } from '#src/app/lot-view.ts'
import { type PayDependencies, payForLot } from '#src/app/pay-reservation.ts'
import { relistLot } from '#src/app/relist-lot.ts'
import { takeBackUnit, undoTakeBackOf } from '#src/app/take-back-unit.ts'
import { effectivePhase } from '#src/domain/lot.ts'
import { bidErrors } from '#src/errors.ts'
import { readLot } from '#src/infra/postgres/lots.ts'
import { countLed } from '#src/infra/postgres/obligations.ts'

/** What other services call, never through the gateway and never without a service token. */
export async function internalRoutes(
  app: App,
  dependencies: ApplyTermsDependencies & PayDependencies & OfferDependencies & { pool: Pool },
): Promise<void> {
  app.put(
    internalPaths.lotTerms(':itemId'),
    {
      config: { auth: 'service' },
      schema: {
        params: Type.Object({ itemId: Uuid }),
        body: ApplyTermsRequest,
        response: answers({ 200: ApplyTermsAnswer }),
      },
    },
    async (request) => {
      if (request.body.itemId !== request.params.itemId) {
        throw bidErrors.lotInvalidTerms({ field: 'itemId', reason: 'differs from the path' })
      }
      const { requiresNoBids = false } = request.body
      return applyLotTerms(dependencies, readTerms(request.body), request.trace, requiresNoBids)
    },
  )

  app.put(
    internalPaths.lotCancellation(':itemId'),
    {
      config: { auth: 'service' },
      schema: {
        params: Type.Object({ itemId: Uuid }),
        body: LotCancellation,
        response: answers({ 200: CancelLotAnswer }),
      },
    },
    async (request) => {
      if (request.body.itemId !== request.params.itemId) {
        throw bidErrors.lotInvalidTerms({ field: 'itemId', reason: 'differs from the path' })
      }
      const { bySeller = false, ...terms } = request.body
      return cancelLot(dependencies, readTerms(terms), bySeller)
    },
  )

  app.get(
    internalPaths.lotDeposit(':itemId'),
    {
      config: { auth: 'service' },
      schema: {
        params: Type.Object({ itemId: Uuid }),
        response: answers({ 200: LotDeposit }),
      },
    },
    async ({ params: { itemId } }): Promise<LotDeposit> => {
      const view = await readLot(dependencies.pool, itemId)
      if (view === undefined) throw bidErrors.lotNotFound()
      const { lot, nowMs } = view
      const { sellerId, currencyCode, deposit, winnerId } = lot
      return {
        itemId,
        sellerId,
        currencyCode,
        ...(deposit === null ? {} : { deposit: formatAmount(deposit, currencyCode) }),
        phase: effectivePhase(lot, nowMs),
        endDate: isoInstant(lot.endsAtMs),
        ...(winnerId === null ? {} : { winnerId }),
      }
    },
  )

  app.put(
    internalPaths.purchasePayment(':itemId', ':purchaseId'),
    {
      config: { auth: 'service' },
      schema: {
        params: Type.Object({ itemId: Uuid, purchaseId: Uuid }),
        response: answers({ 200: PayReservationAnswer }, [409]),
      },
    },
    async (request) => payForLot(dependencies, request.params, request.trace),
  )

  app.put(
    internalPaths.lotRelisting(':itemId'),
    {
      config: { auth: 'service' },
      schema: {
        params: Type.Object({ itemId: Uuid }),
        body: RelistLotRequest,
        response: answers({ 200: RelistLotAnswer }, [409]),
      },
    },
    async ({ params: { itemId }, body, trace }) =>
      relistLot(dependencies, { itemId, ...body }, trace),
  )

  app.put(
    internalPaths.orderReopening(':itemId', ':orderId'),
    {
      config: { auth: 'service' },
      schema: {
        params: Type.Object({ itemId: Uuid, orderId: Uuid }),
        body: TakeBackRequest,
        response: answers({ 200: TakeBackAnswer }, [409]),
      },
    },
    async ({ params, body, trace }): Promise<TakeBackAnswer> => {
      await takeBackUnit(dependencies, { ...params, ...body }, trace)
      return { outcome: 'taken_back' }
    },
  )

  app.put(
    internalPaths.undoneReopening(':itemId', ':orderId'),
    {
      config: { auth: 'service' },
      schema: {
        params: Type.Object({ itemId: Uuid, orderId: Uuid }),
        body: TakeBackRequest,
        response: answers({ 200: UndoTakeBackAnswer }, [409]),
      },
    },
    async ({ params, body, trace }) => undoTakeBackOf(dependencies, { ...params, ...body }, trace),
  )

  obligationsRoute(app, 'leading', (userId) => countLed(dependencies.db, userId))
}
