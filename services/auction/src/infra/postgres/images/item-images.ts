import { type Selectable, sql, type Transaction } from 'kysely'
import type { Executor } from '#src/infra/postgres/item/items.ts'
import type { Database, ItemImagesTable } from '#src/infra/postgres/schema.ts'

export interface ItemImage {
  id: string
  itemId: string
  position: number
  altText: string
  width: number
  height: number
  createdAt: Date
}

/** The images of an item in their order. */
export async function readImages(db: Executor, itemId: string): Promise<ItemImage[]> {
  const rows = await db
    .selectFrom('item_images')
    .selectAll()
    .where('item_id', '=', itemId)
    .orderBy('position')
    .execute()
  return rows.map(toImage)
}

/** The first image of each of these items that has any. */
export async function readFirstImages(
  db: Executor,
  itemIds: readonly string[],
): Promise<ReadonlyMap<string, ItemImage>> {
  if (itemIds.length === 0) return new Map()
  const rows = await db
    .selectFrom('item_images')
    .selectAll()
    .where(sql<boolean>`item_id = any(${[...itemIds]}::uuid[])`)
    .where('position', '=', 0)
    .execute()
  return new Map(rows.map((row) => [row.item_id, toImage(row)]))
}

/** The image of an item that was made of these bytes. */
export async function findSentImage(
  db: Executor,
  itemId: string,
  sentDigest: Buffer,
): Promise<ItemImage | undefined> {
  const row = await db
    .selectFrom('item_images')
    .selectAll()
    .where('item_id', '=', itemId)
    .where('sent_digest', '=', sentDigest)
    .orderBy('position')
    .limit(1)
    .executeTakeFirst()
  return row === undefined ? undefined : toImage(row)
}

/** Puts an image behind the others; the caller holds the item's lock and knows how many there are. */
export async function insertImage(
  tx: Transaction<Database>,
  image: Omit<ItemImage, 'altText' | 'createdAt'>,
  sentDigest: Buffer | null,
): Promise<ItemImage> {
  const { id, position, width, height } = image
  const row = await tx
    .insertInto('item_images')
    .values({ id, position, width, height, item_id: image.itemId, sent_digest: sentDigest })
    .returningAll()
    .executeTakeFirstOrThrow()
  return toImage(row)
}

/** Deletes an image and closes the gap; a trigger queues its objects for deletion. */
export async function takeImage(
  tx: Transaction<Database>,
  itemId: string,
  id: string,
): Promise<ItemImage | undefined> {
  const row = await tx
    .deleteFrom('item_images')
    .where('item_id', '=', itemId)
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst()
  if (row === undefined) return undefined
  await tx
    .updateTable('item_images')
    .set((eb) => ({ position: eb('position', '-', 1) }))
    .where('item_id', '=', itemId)
    .where('position', '>', row.position)
    .execute()
  return toImage(row)
}

/** Gives every image of an item its place in `ids`, which names all of them. */
export async function orderImages(
  tx: Transaction<Database>,
  itemId: string,
  ids: readonly string[],
): Promise<void> {
  await tx
    .updateTable('item_images')
    .set({ position: sql<number>`array_position(${[...ids]}::uuid[], id) - 1` })
    .where('item_id', '=', itemId)
    .execute()
}

/** Sets the alternative text of an image; undefined when the item has no such image. */
export async function describeImage(
  tx: Transaction<Database>,
  itemId: string,
  id: string,
  altText: string,
): Promise<ItemImage | undefined> {
  const row = await tx
    .updateTable('item_images')
    .set({ alt_text: altText })
    .where('item_id', '=', itemId)
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst()
  return row === undefined ? undefined : toImage(row)
}

function toImage(row: Selectable<ItemImagesTable>): ItemImage {
  const { id, position, width, height } = row
  return {
    id,
    position,
    width,
    height,
    itemId: row.item_id,
    altText: row.alt_text,
    createdAt: row.created_at,
  }
}
