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
  readUnnamedOrders,
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
  const soldAt = orders.map(({ wonAt }) => wonAt.toISOString())
  const items = await readSummaries(auction, { itemIds: orders.map(idOfItem), soldAt })
  if (items === 'before') return nameOnly(db, auction)
  const found = new Map(items.map((item) => [item.id, item]))
  const unknown = { name: '', categoryIds: [] }
  await describeOrders(
    db,
    orders.map(({ id, itemId }) => {
      const { name, categoryIds } = found.get(itemId) ?? unknown
      return { id, itemId, name, categoryIds }
    }),
  )
}

/**
 * A version of auction before this knows only the categories of now. Those of the sale wait for the next one, and orders that
 * wait for nothing else are left out: they would stand before those without a name for ever.
 */
async function nameOnly(db: Kysely<Database>, auction: InternalClient): Promise<void> {
  const orders = await readUnnamedOrders(db, ITEM_SUMMARIES_MAX)
  if (orders.length === 0) return
  const items = await readSummaries(auction, { itemIds: orders.map(idOfItem) })
  if (items === 'before') throw serviceUnavailable({ service: 'auction' })
  const names = new Map(items.map(({ id, name }) => [id, name]))
  await describeOrders(
    db,
    orders.map(({ id, itemId }) => ({ id, itemId, name: names.get(itemId) ?? '' })),
  )
}

const idOfItem = ({ itemId }: UndescribedOrder) => itemId

/** 'before': this version of auction does not know instants of sales. */
async function readSummaries(
  auction: InternalClient,
  request: ItemSummariesRequest,
): Promise<readonly ItemSummary[] | 'before'> {
  const { statusCode, body } = await auction.request<ItemSummaries | Refused>(
    'POST',
    ITEM_SUMMARIES_PATH,
    request,
  )
  if (statusCode === 200) return (body as ItemSummaries).items
  // It refuses what it does not know by this code and the field; of what it knows and does not like it names the place in the list.
  const { code, details } = body as Refused
  if (code === 'request.invalid_body' && details?.field === SOLD_AT) return 'before'
  throw serviceUnavailable({ service: 'auction' })
}

interface Refused {
  code?: string
  details?: { field?: string }
}

const SOLD_AT: keyof ItemSummariesRequest = 'soldAt'
