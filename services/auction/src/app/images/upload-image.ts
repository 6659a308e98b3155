import { itemImageUploaded } from '@auction/common/contracts/auction.ts'
import { createEvent } from '@auction/common/contracts/event.ts'
import { newId } from '@auction/common/ids.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import { outboxTransaction, writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import type { Transaction } from 'kysely'
import {
  type DescribeCommand,
  type DescribeDependencies,
  lockEditableItem,
} from '#src/app/item/editable-item.ts'
import { IMAGES_MAX, imagePath, objectKey } from '#src/domain/image.ts'
import { imageErrors } from '#src/errors.ts'
import type { ImageStorage } from '#src/infra/images/image-storage.ts'
import type { RenderedImage, RenderImage } from '#src/infra/images/render-image.ts'
import {
  abandonPendingUpload,
  completePendingUpload,
  recordPendingUpload,
} from '#src/infra/postgres/images/image-deletions.ts'
import { type ItemImage, insertImage, readImages } from '#src/infra/postgres/images/item-images.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface ImageDependencies extends DescribeDependencies {
  images: ImageStorage
  render: RenderImage
  log: Logger
}

/** Refuses an upload before the image is read, when it could not be stored anyway. */
export async function expectRoom(
  { db }: DescribeDependencies,
  command: DescribeCommand,
): Promise<void> {
  await db.transaction().execute((tx) => lockWithRoom(tx, command))
}

/** Stores a picture of the caller's item in three sizes, behind those it has. */
export async function uploadImage(
  dependencies: ImageDependencies,
  command: DescribeCommand,
  bytes: Buffer,
): Promise<ItemImage> {
  const { db, render, log } = dependencies
  const rendering = await render(bytes)
  switch (rendering.outcome) {
    case 'busy':
    case 'too_slow':
      throw imageErrors.busy()
    case 'not_supported':
      throw imageErrors.typeRefused({ format: rendering.format })
    case 'broken':
      throw imageErrors.broken()
    case 'too_many_pixels':
      throw imageErrors.tooManyPixels()
    case 'rendered':
  }
  const id = newId()
  await recordPendingUpload(db, id)
  try {
    await putObjects(dependencies, id, rendering.image)
    return await keepImage(dependencies, command, { ...rendering.image, id })
  } catch (error) {
    // Not necessary: without it the objects are deleted an hour later.
    await abandonPendingUpload(db, id).catch((err: unknown) =>
      log.warn({ err, imageId: id }, 'objects of a failed upload stay for an hour'),
    )
    throw error
  }
}

async function putObjects(
  { images, log }: ImageDependencies,
  id: string,
  { objects }: RenderedImage,
): Promise<void> {
  try {
    for (const { size, bytes } of objects) await images.put(objectKey(id, size), bytes)
  } catch (err) {
    log.error({ err }, 'image storage refuses objects')
    throw imageErrors.storageUnavailable()
  }
}

async function keepImage(
  { db }: ImageDependencies,
  command: DescribeCommand,
  { id, width, height }: { id: string; width: number; height: number },
): Promise<ItemImage> {
  const { itemId, trace } = command
  return outboxTransaction(db, async (tx) => {
    const position = await lockWithRoom(tx, command)
    if (!(await completePendingUpload(tx, id))) throw imageErrors.storageUnavailable()
    const image = await insertImage(tx, { id, itemId, position, width, height })
    await writeOutbox(tx, [
      createEvent(
        itemImageUploaded,
        { aggregateId: itemId, trace },
        {
          id,
          itemId,
          imageUrl: imagePath(itemId, id, 'large'),
          createdAt: image.createdAt.toISOString(),
        },
      ),
    ])
    return image
  })
}

/** How many images the caller's item has; its lock makes other uploads wait. */
async function lockWithRoom(
  tx: Transaction<Database>,
  { itemId, sellerId }: DescribeCommand,
): Promise<number> {
  await lockEditableItem(tx, itemId, sellerId, 'adds')
  const { length } = await readImages(tx, itemId)
  if (length >= IMAGES_MAX) throw imageErrors.tooMany({ limit: IMAGES_MAX })
  return length
}
