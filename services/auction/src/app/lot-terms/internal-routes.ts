import { ApplyTermsRequest, internalPaths } from '@auction/common/contracts/terms.ts'
import { obligationsRoute } from '@auction/common/http/obligations-route.ts'
import { answers, Uuid } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import type { Kysely } from 'kysely'
import { Type } from 'typebox'
import { isPublic } from '#src/domain/item.ts'
import { itemErrors } from '#src/errors.ts'
import { countForSale, readItem } from '#src/infra/postgres/item/items.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { lotTerms } from './item-terms.ts'

/** Routes for other services, never behind the gateway: the answer contains the reserve. */
export async function internalRoutes(app: App, { db }: { db: Kysely<Database> }): Promise<void> {
  app.get(
    internalPaths.itemTerms(':id'),
    {
      config: { auth: 'service' },
      schema: { params: Type.Object({ id: Uuid }), response: answers({ 200: ApplyTermsRequest }) },
    },
    async (request) => {
      const read = await readItem(db, request.params.id)
      if (read === undefined || !isPublic(read.item.status)) throw itemErrors.termsNotFound()
      const { item } = read
      return lotTerms(item, item, item.termsVersion)
    },
  )

  obligationsRoute(app, 'selling', (userId) => countForSale(db, userId))
}
