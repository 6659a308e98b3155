import { Obligations, obligationsPath } from '@auction/common/contracts/obligations.ts'
import { internalPaths, LotTerms } from '@auction/common/contracts/terms.ts'
import { answers, Uuid } from '@auction/common/schemas.ts'
import type { App } from '@auction/common/server.ts'
import type { Kysely } from 'kysely'
import { Type } from 'typebox'
import { isPublic } from '#src/domain/item.ts'
import { itemErrors } from '#src/errors.ts'
import { readItem } from '#src/infra/postgres/items.ts'
import { countForSale } from '#src/infra/postgres/obligations.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { lotTerms } from '../item-terms.ts'

/** What other services call, never through the gateway: it tells the reserve. */
export async function internalRoutes(app: App, { db }: { db: Kysely<Database> }): Promise<void> {
  app.get(
    internalPaths.itemTerms(':id'),
    {
      config: { auth: 'service' },
      schema: { params: Type.Object({ id: Uuid }), response: answers({ 200: LotTerms }) },
    },
    async (request) => {
      const read = await readItem(db, request.params.id)
      if (read === undefined || !isPublic(read.item.status)) throw itemErrors.termsNotFound()
      const { item } = read
      return lotTerms(item, item, item.termsVersion)
    },
  )

  app.get(
    obligationsPath(':userId'),
    {
      config: { auth: 'service' },
      schema: {
        params: Type.Object({ userId: Uuid }),
        response: answers({ 200: Obligations }),
      },
    },
    async (request) => {
      const count = await countForSale(db, request.params.userId)
      return { obligations: count === 0 ? [] : [{ kind: 'selling' as const, count }] }
    },
  )
}
