import {
  ITEM_SUMMARIES_PATH,
  ItemSummaries,
  ItemSummariesRequest,
} from '@auction/common/contracts/item-summaries.ts'
import { requestErrors } from '@auction/common/http/error-answers.ts'
import { answers } from '@auction/common/http/schemas.ts'
import type { App } from '@auction/common/http/server.ts'
import type { Kysely } from 'kysely'
import { readSummaries } from '#src/infra/postgres/item/items.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

// A hundred ids of 36 characters and a hundred instants, with quotes and commas.
const BODY_LIMIT_BYTES = 8 * 1024

/** Answers other services what items are called. Also drafts and removed items: users are notified of those too. */
export async function itemSummaryRoutes(app: App, { db }: { db: Kysely<Database> }): Promise<void> {
  app.post(
    ITEM_SUMMARIES_PATH,
    {
      config: { auth: 'service' },
      bodyLimit: BODY_LIMIT_BYTES,
      schema: { body: ItemSummariesRequest, response: answers({ 200: ItemSummaries }) },
    },
    async ({ body: { itemIds, soldAt } }) => {
      if (soldAt !== undefined && soldAt.length !== itemIds.length) {
        // Named by its place, as an instant that is none: the field alone is what a version before this refuses.
        const field = `soldAt.${Math.min(soldAt.length, itemIds.length)}`
        throw requestErrors.invalidBody({ field, reason: 'must be one instant for each item' })
      }
      return { items: await readSummaries(db, itemIds, soldAt) }
    },
  )
}
