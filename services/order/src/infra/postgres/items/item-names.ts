import { type Kysely, sql } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

/** An order that does not know what its item is called, or in which categories it was sold. */
export interface UndescribedOrder {
  id: string
  itemId: string
  wonAt: Date
}

/**
 * Orders that do not know what their item is called, or payable ones its categories; the latest first, and one of each item:
 * the others may be of other sales of it, and have their turn.
 */
export async function readUndescribedOrders(
  db: Kysely<Database>,
  limit: number,
): Promise<UndescribedOrder[]> {
  const { rows } = await sql<UndescribedOrder>`
    select id, item_id as "itemId", won_at as "wonAt" from orders
    where item_name is null or (category_ids is null and state in ('pending_payment', 'overdue'))
    order by id desc limit ${limit}`.execute(db)
  return [...new Map(rows.toReversed().map((row) => [row.itemId, row])).values()]
}

/** Those of them that do not even know the name; the latest first. */
export async function readUnnamedOrders(
  db: Kysely<Database>,
  limit: number,
): Promise<UndescribedOrder[]> {
  const { rows } = await sql<UndescribedOrder>`
    select id, item_id as "itemId", won_at as "wonAt" from orders
    where item_name is null order by id desc limit ${limit}`.execute(db)
  return [...new Map(rows.map((row) => [row.itemId, row])).values()]
}

export interface OrderDescription extends Pick<UndescribedOrder, 'id' | 'itemId'> {
  /** Empty: auction does not know the item. */
  name: string
  /** Undefined: a version of auction before this does not say. */
  categoryIds?: readonly string[] | undefined
}

/** Stores the names of items in their orders, and in each order the categories in which its own was sold. */
export async function describeOrders(
  db: Kysely<Database>,
  descriptions: readonly OrderDescription[],
): Promise<void> {
  const column = (read: (one: OrderDescription) => string | null) => descriptions.map(read)
  const categories = column(({ categoryIds }) =>
    categoryIds === undefined ? null : `{${categoryIds.join(',')}}`,
  )
  // Locked in the order of their ids, as everywhere, so that no two callers wait for each other.
  await sql`
    with described as materialized (
      select orders.id, one.name, case when orders.id = one.order_id then one.category_ids::uuid[] end as category_ids
      from orders
        join unnest(${column(({ id }) => id)}::uuid[], ${column(({ itemId }) => itemId)}::uuid[],
            ${column(({ name }) => name)}::text[], ${categories}::text[])
          as one (order_id, item_id, name, category_ids) on one.item_id = orders.item_id
      where orders.item_name is null or orders.category_ids is null
      order by orders.id for no key update of orders
    )
    update orders set item_name = coalesce(orders.item_name, described.name),
      category_ids = coalesce(orders.category_ids, described.category_ids)
    from described where orders.id = described.id`.execute(db)
}
