import {
  ApplyTermsAnswer,
  ApplyTermsRequest,
  CancelLotAnswer,
  internalPaths,
  LotCancellation,
} from '@auction/common/contracts/terms.ts'
import { obligationsRoute } from '@auction/common/http/obligations-route.ts'
import { answers, Uuid } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import { Type } from 'typebox'
import { type ApplyTermsDependencies, applyLotTerms, readTerms } from '#src/app/apply-terms.ts'
import { cancelLot } from '#src/app/cancel-lot.ts'
import { bidErrors } from '#src/errors.ts'
import { countLed } from '#src/infra/postgres/obligations.ts'

/** What other services call, never through the gateway and never without a service token. */
export async function internalRoutes(
  app: App,
  dependencies: ApplyTermsDependencies,
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

  obligationsRoute(app, 'leading', (userId) => countLed(dependencies.db, userId))
}
