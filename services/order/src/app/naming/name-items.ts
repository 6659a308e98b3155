import {
  ITEM_SUMMARIES_MAX,
  ITEM_SUMMARIES_PATH,
  type ItemSummaries,
} from '@auction/common/contracts/item-summaries.ts'
import { serviceUnavailable } from '@auction/common/http/errors.ts'
import type { InternalClient } from '@auction/common/http/internal-client.ts'
import type { Kysely } from 'kysely'
import { describeItems, readUndescribedItems } from '#src/infra/postgres/items/item-names.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/**
 * Asks auction what the items of new orders are called and in which categories they are, when they are bought. After the
 * order is stored, so that an auction service that is down holds up no order.
 */
export async function nameNewOrders(db: Kysely<Database>, auction: InternalClient): Promise<void> {
  const itemIds = await readUndescribedItems(db, ITEM_SUMMARIES_MAX)
  if (itemIds.length === 0) return
  const { statusCode, body } = await auction.request<ItemSummaries>('POST', ITEM_SUMMARIES_PATH, {
    itemIds,
  })
  if (statusCode !== 200) throw serviceUnavailable({ service: 'auction' })
  const found = new Map(body.items.map((item) => [item.id, item]))
  const unknown = { name: '', categoryIds: [] }
  await describeItems(db, new Map(itemIds.map((itemId) => [itemId, found.get(itemId) ?? unknown])))
}
