import { type Kysely, sql } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

/** Items of which some order does not know what they are called, or a payable one their categories; the latest first. */
export async function readUndescribedItems(db: Kysely<Database>, limit: number): Promise<string[]> {
  const { rows } = await sql<{ itemId: string }>`
    select item_id as "itemId" from orders
    where item_name is null or (category_ids is null and state in ('pending_payment', 'overdue'))
    order by id desc limit ${limit}`.execute(db)
  return [...new Set(rows.map(({ itemId }) => itemId))]
}

export interface ItemDescription {
  /** Empty: auction does not know the item. */
  name: string
  /** Undefined: a version of auction before this does not say. */
  categoryIds?: readonly string[]
}

/** Stores the names and categories of items in their orders, as they are when they are asked for first. */
export async function describeItems(
  db: Kysely<Database>,
  items: ReadonlyMap<string, ItemDescription>,
): Promise<void> {
  const descriptions = [...items.values()]
  // Locked in the order of their ids, as everywhere, so that no two callers wait for each other.
  await sql`
    with named as materialized (
      select orders.id, names.name, names.category_ids::uuid[] as category_ids
      from orders
        join unnest(${[...items.keys()]}::uuid[], ${descriptions.map(({ name }) => name)}::text[],
            ${descriptions.map(({ categoryIds }) => (categoryIds === undefined ? null : `{${categoryIds.join(',')}}`))}::text[])
          as names (item_id, name, category_ids) on names.item_id = orders.item_id
      where orders.item_name is null or orders.category_ids is null
      order by orders.id for no key update of orders
    )
    update orders set item_name = coalesce(orders.item_name, named.name),
      category_ids = coalesce(orders.category_ids, named.category_ids)
    from named where orders.id = named.id`.execute(db)
}
