import { createHash } from 'node:crypto'
import { newId } from '@auction/common/ids.ts'
import type { Logger } from '@auction/common/process/logger.ts'
import { outboxTransaction, writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import type { Transaction } from 'kysely'
import {
  type DescribeCommand,
  type DescribeDependencies,
  lockEditableItem,
} from '#src/app/item/editable-item.ts'
import { IMAGES_MAX, objectKey } from '#src/domain/image.ts'
import { imageErrors } from '#src/errors.ts'
import type { ImageStorage } from '#src/infra/images/image-storage.ts'
import type { RenderedImage, RenderImage } from '#src/infra/images/render-image.ts'
import {
  abandonPendingUpload,
  completePendingUpload,
  recordPendingUpload,
} from '#src/infra/postgres/images/image-deletions.ts'
import {
  findSentImage,
  type ItemImage,
  insertImage,
  readImages,
} from '#src/infra/postgres/images/item-images.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { uploadedEvent } from './uploaded-event.ts'

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

/** Refuses one of whom the item is not, before what they send is read. */
export async function expectEditable(
  { db }: DescribeDependencies,
  { itemId, sellerId }: DescribeCommand,
): Promise<void> {
  await db.transaction().execute((tx) => lockEditableItem(tx, itemId, sellerId, 'adds'))
}

export interface UploadCommand extends DescribeCommand {
  bytes: Buffer
  /** The same bytes again are the image that is there: what is sent again after a lost answer makes no second one. */
  isOnce: boolean
}

/** Stores a picture of the caller's item in three sizes, behind those it has. */
export async function uploadImage(
  dependencies: ImageDependencies,
  command: UploadCommand,
): Promise<ItemImage> {
  const { db, render, log } = dependencies
  const { itemId, bytes, isOnce } = command
  const sentDigest = createHash('sha256').update(bytes).digest()
  const known = isOnce ? await findSentImage(db, itemId, sentDigest) : undefined
  if (known !== undefined) return known
  if (isOnce) await expectRoom(dependencies, command)
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
    const image = { ...rendering.image, id, sentDigest }
    const kept = await keepImage(dependencies, command, image)
    // Another request with the same bytes was quicker.
    if (kept.id !== id) await abandonPendingUpload(db, id)
    return kept
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
  command: UploadCommand,
  {
    id,
    width,
    height,
    sentDigest,
  }: Pick<ItemImage, 'id' | 'width' | 'height'> & { sentDigest: Buffer },
): Promise<ItemImage> {
  const { itemId, sellerId, isOnce } = command
  return outboxTransaction(db, async (tx) => {
    await lockEditableItem(tx, itemId, sellerId, 'adds')
    const known = isOnce ? await findSentImage(tx, itemId, sentDigest) : undefined
    if (known !== undefined) return known
    const position = await lockWithRoom(tx, command)
    if (!(await completePendingUpload(tx, id))) throw imageErrors.storageUnavailable()
    const image = await insertImage(tx, { id, itemId, position, width, height }, sentDigest)
    await writeOutbox(tx, [uploadedEvent(command, image)])
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
