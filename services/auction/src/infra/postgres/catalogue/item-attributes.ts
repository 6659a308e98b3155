import type { Selectable, Transaction } from 'kysely'
import type { Executor } from '#src/infra/postgres/item/items.ts'
import type { Database, ItemAttributesTable } from '#src/infra/postgres/schema.ts'

export interface ItemAttribute {
  id: string
  itemId: string
  key: string
  value: string
  /** The value as a number where the category says it is one. */
  number: string | null
  createdAt: Date
}

/** The attributes of an item, by key. */
export async function readAttributes(db: Executor, itemId: string): Promise<ItemAttribute[]> {
  const rows = await db
    .selectFrom('item_attributes')
    .selectAll()
    .where('item_id', '=', itemId)
    .orderBy('key')
    .execute()
  return rows.map(toAttribute)
}

/** Stores attributes; one whose key is there already gets the new value and keeps its id. */
export async function putAttributes(
  tx: Transaction<Database>,
  attributes: readonly Omit<ItemAttribute, 'createdAt'>[],
): Promise<ItemAttribute[]> {
  const rows = await tx
    .insertInto('item_attributes')
    .values(
      attributes.map(({ id, itemId, key, value, number }) => ({
        id,
        key,
        value,
        number,
        item_id: itemId,
      })),
    )
    .onConflict((conflict) =>
      conflict.columns(['item_id', 'key']).doUpdateSet((eb) => ({
        value: eb.ref('excluded.value'),
        number: eb.ref('excluded.number'),
      })),
    )
    .returningAll()
    .execute()
  return rows.map(toAttribute).sort((a, b) => (a.key < b.key ? -1 : 1))
}

/** Deletes one attribute of an item, and returns it. */
export async function takeAttribute(
  tx: Transaction<Database>,
  itemId: string,
  id: string,
): Promise<ItemAttribute | undefined> {
  const row = await tx
    .deleteFrom('item_attributes')
    .where('item_id', '=', itemId)
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst()
  return row === undefined ? undefined : toAttribute(row)
}

function toAttribute(row: Selectable<ItemAttributesTable>): ItemAttribute {
  const { id, key, value, number } = row
  return { id, key, value, number, itemId: row.item_id, createdAt: row.created_at }
}
