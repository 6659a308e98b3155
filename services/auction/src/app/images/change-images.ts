import { itemImageDeleted } from '@auction/common/contracts/auction.ts'
import { createEvent } from '@auction/common/contracts/event.ts'
import { readClock } from '@auction/common/postgres/clock.ts'
import { outboxTransaction, writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import {
  type DescribeCommand,
  type DescribeDependencies,
  lockEditableItem,
} from '#src/app/item/editable-item.ts'
import { imagePath, isReordering } from '#src/domain/image.ts'
import { imageErrors } from '#src/errors.ts'
import {
  describeImage,
  type ItemImage,
  orderImages,
  readImages,
  takeImage,
} from '#src/infra/postgres/images/item-images.ts'

/** Deletes an image of the caller's item; the worker deletes its objects later. */
export async function removeImage(
  { db }: DescribeDependencies,
  { itemId, sellerId, trace }: DescribeCommand,
  imageId: string,
): Promise<void> {
  await outboxTransaction(db, async (tx) => {
    await lockEditableItem(tx, itemId, sellerId)
    const taken = await takeImage(tx, itemId, imageId)
    if (taken === undefined) throw imageErrors.notFound()
    await writeOutbox(tx, [
      createEvent(
        itemImageDeleted,
        { aggregateId: itemId, trace },
        {
          id: imageId,
          itemId,
          imageUrl: imagePath(itemId, imageId, 'large'),
          deletedAt: (await readClock(tx)).toISOString(),
        },
      ),
    ])
  })
}

/** Puts all images of the caller's item into a new order. */
export async function reorderImages(
  { db }: DescribeDependencies,
  { itemId, sellerId }: DescribeCommand,
  ids: readonly string[],
): Promise<ItemImage[]> {
  return db.transaction().execute(async (tx) => {
    await lockEditableItem(tx, itemId, sellerId)
    const known = (await readImages(tx, itemId)).map(({ id }) => id)
    if (!isReordering(known, ids)) {
      throw imageErrors.orderInvalid({ field: 'ids', reason: 'not_each_image_once' })
    }
    await orderImages(tx, itemId, ids)
    return readImages(tx, itemId)
  })
}

/** Sets the text that screen readers read for an image. */
export async function changeAltText(
  { db }: DescribeDependencies,
  { itemId, sellerId }: DescribeCommand,
  imageId: string,
  altText: string,
): Promise<ItemImage> {
  return db.transaction().execute(async (tx) => {
    await lockEditableItem(tx, itemId, sellerId)
    const image = await describeImage(tx, itemId, imageId, altText)
    if (image === undefined) throw imageErrors.notFound()
    return image
  })
}
