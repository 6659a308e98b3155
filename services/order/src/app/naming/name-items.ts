import {
  ITEM_SUMMARIES_MAX,
  ITEM_SUMMARIES_PATH,
  type ItemSummaries,
  type ItemSummariesRequest,
  type ItemSummary,
} from '@auction/common/contracts/item-summaries.ts'
import { serviceUnavailable } from '@auction/common/http/errors.ts'
import type { InternalClient } from '@auction/common/http/internal-client.ts'
import type { Kysely } from 'kysely'
import {
  describeOrders,
  readUndescribedOrders,
  type UndescribedOrder,
} from '#src/infra/postgres/items/item-names.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/**
 * Asks auction what the items of new orders are called, and in which categories they were when they were sold. After the
 * order is stored, so that an auction service that is down holds up no order.
 */
export async function nameNewOrders(db: Kysely<Database>, auction: InternalClient): Promise<void> {
  const orders = await readUndescribedOrders(db, ITEM_SUMMARIES_MAX)
  if (orders.length === 0) return
  const found = new Map((await readSummaries(auction, orders)).map((item) => [item.id, item]))
  const unknown = { name: '', categoryIds: [] }
  await describeOrders(
    db,
    orders.map(({ id, itemId }) => {
      const { name, categoryIds } = found.get(itemId) ?? unknown
      return { id, itemId, name, categoryIds }
    }),
  )
}

async function readSummaries(
  auction: InternalClient,
  orders: readonly UndescribedOrder[],
): Promise<Omit<ItemSummary, 'sequence'>[]> {
  const ask = (request: ItemSummariesRequest) =>
    auction.request<ItemSummaries>('POST', ITEM_SUMMARIES_PATH, request)
  const itemIds = orders.map(({ itemId }) => itemId)
  const { statusCode, body } = await ask({
    itemIds,
    soldAt: orders.map(({ wonAt }) => wonAt.toISOString()),
  })
  if (statusCode === 200) return body.items
  // A version of auction before this knows only the categories of now. Those of the sale wait for the next one.
  const named = statusCode === 400 ? await ask({ itemIds }) : undefined
  if (named?.statusCode !== 200) throw serviceUnavailable({ service: 'auction' })
  return named.body.items.map(({ categoryIds: _now, ...item }) => item)
}
