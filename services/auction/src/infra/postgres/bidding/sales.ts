import { sql, type Transaction } from 'kysely'
import type { Buyer, SaleState } from '#src/domain/sale.ts'
import { clock, type ReadItem, toReadItem } from '#src/infra/postgres/item/items.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** That an order of a buyer was cancelled, or reopened. */
export interface OrderNews {
  readonly itemId: string
  readonly buyerId: string
  readonly isCancelled: boolean
  readonly reason: string | null
  /** The order's. */
  readonly sequence: number
}

/** Stores what became of an order, unless something newer of it is stored. What the buyer paid is known from the item. */
export async function putOrderNews(tx: Transaction<Database>, news: OrderNews): Promise<void> {
  const { itemId, buyerId, isCancelled, reason, sequence } = news
  await sql`
    insert into item_buyers as known (item_id, buyer_id, price, sold_at, is_cancelled, reason, order_sequence)
    select id, ${buyerId}, case when buyer_id = ${buyerId} then end_price end,
      case when buyer_id = ${buyerId} then closed_at end, ${isCancelled}, ${reason}, ${sequence}
    from items where id = ${itemId}
    on conflict (item_id, buyer_id) do update set
      price = coalesce(known.price, excluded.price), sold_at = coalesce(known.sold_at, excluded.sold_at),
      is_cancelled = excluded.is_cancelled, reason = excluded.reason,
      order_sequence = excluded.order_sequence
      where known.order_sequence < excluded.order_sequence`.execute(tx)
}

/**
 * Stores that a bidder bought an item by an offer. From now on the item says what that one pays, so what its buyer so far paid is
 * stored first: the cancellation that made the offer possible may come later.
 */
export async function putAcceptance(
  tx: Transaction<Database>,
  sale: { itemId: string; buyerId: string; price: bigint; soldAt: Date },
): Promise<void> {
  await sql`
    insert into item_buyers as known (item_id, buyer_id, price, sold_at)
    select id, buyer_id, end_price, closed_at from items
    where id = ${sale.itemId} and buyer_id <> ${sale.buyerId}
    on conflict (item_id, buyer_id) do update set
      price = excluded.price, sold_at = excluded.sold_at
      where known.price is null`.execute(tx)
  await sql`
    insert into item_buyers (item_id, buyer_id, price, sold_at, is_offer)
    values (${sale.itemId}, ${sale.buyerId}, ${sale.price}, ${sale.soldAt}, true)
    on conflict (item_id, buyer_id) do update set
      price = excluded.price, sold_at = excluded.sold_at, is_offer = true`.execute(tx)
}

/** All who bought an item so far. */
export async function readBuyers(tx: Transaction<Database>, itemId: string): Promise<Buyer[]> {
  const rows = await tx
    .selectFrom('item_buyers')
    .select([
      'buyer_id as buyerId',
      'price',
      'sold_at as soldAt',
      'is_offer as isOffer',
      'is_cancelled as isCancelled',
      'reason',
    ])
    .where('item_id', '=', itemId)
    .execute()
  return rows
}

/** Stores whose a locked item is; one event follows. */
export async function updateSale(
  tx: Transaction<Database>,
  itemId: string,
  { status, buyerId, endPrice, endReason }: SaleState,
): Promise<ReadItem> {
  const row = await tx
    .updateTable('items')
    .set({
      status,
      buyer_id: buyerId,
      end_price: endPrice,
      end_reason: endReason,
      event_sequence: sql<bigint>`event_sequence + 1`,
      updated_at: sql<Date>`clock_timestamp()`,
    })
    .where('id', '=', itemId)
    .returningAll()
    .returning(clock)
    .executeTakeFirstOrThrow()
  return toReadItem(row)
}
