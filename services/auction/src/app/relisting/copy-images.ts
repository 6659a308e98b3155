import type { Logger } from '@auction/common/process/logger.ts'
import type { Kysely, Transaction } from 'kysely'
import { copyObject, holdPlace } from '#src/app/images/copy-images.ts'
import { isOver } from '#src/domain/relist.ts'
import type { ImageStorage } from '#src/infra/images/image-storage.ts'
import { completePendingUpload } from '#src/infra/postgres/images/image-deletions.ts'
import {
  describeImage,
  type ItemImage,
  insertImage,
  readImages,
} from '#src/infra/postgres/images/item-images.ts'
import { lockItem } from '#src/infra/postgres/item/items.ts'
import type { Relist } from '#src/infra/postgres/relisting/relists.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface CopyDependencies {
  db: Kysely<Database>
  images: ImageStorage
  log: Logger
}

type RelistedItem = Pick<Relist, 'itemId' | 'newItemId'>

/**
 * Copies the objects of an item's pictures, so that the pictures of each round can be deleted by themselves. Until their rows are
 * stored they are as an upload that was cut off: what is left behind is deleted in an hour. Each try copies to the same
 * places, so several of them leave nothing behind; none is made once the new round is stored. `held`: a moderator hides the item.
 */
export async function copyObjects(
  { db, images, log }: CopyDependencies,
  relisted: RelistedItem,
): Promise<ItemImage[] | 'held'> {
  const planned = await db.transaction().execute((tx) => planCopies(tx, relisted))
  if (planned === 'held') return 'held'
  const copies: ItemImage[] = []
  for (const { image, id } of planned) {
    if (await copyObject(images, image.id, id)) copies.push({ ...image, id })
    else {
      const { itemId } = relisted
      log.warn({ itemId, imageId: image.id }, 'picture has no object and is not copied')
    }
  }
  return copies
}

/** Where the pictures go. Under the item's lock, so none of these places is in use by a round that is stored. */
async function planCopies(
  tx: Transaction<Database>,
  { itemId, newItemId }: RelistedItem,
): Promise<{ image: ItemImage; id: string }[] | 'held'> {
  const read = await lockItem(tx, itemId)
  if (read === undefined || read.item.relistedAs !== null) return []
  if (!isOver(read.item.status)) return 'held'
  const planned: { image: ItemImage; id: string }[] = []
  for (const image of await readImages(tx, itemId)) {
    planned.push({ image, id: await holdPlace(tx, `${newItemId} ${image.id}`) })
  }
  return planned
}

/** Stores the rows of copied pictures. Those whose objects were deleted again meanwhile are left out. */
export async function keepCopies(
  tx: Transaction<Database>,
  newItemId: string,
  copies: readonly ItemImage[],
): Promise<void> {
  let position = 0
  for (const { id, width, height, altText } of copies) {
    if (!(await completePendingUpload(tx, id))) continue
    await insertImage(tx, { id, itemId: newItemId, position, width, height }, null)
    if (altText !== '') await describeImage(tx, newItemId, id, altText)
    position += 1
  }
}
