import { contentId } from '@auction/common/ids.ts'
import { outboxTransaction, writeOutbox } from '@auction/common/rabbitmq/outbox.ts'
import type { Transaction } from 'kysely'
import { type DescribeCommand, lockEditableItem } from '#src/app/item/editable-item.ts'
import { IMAGE_SIZES, objectKey } from '#src/domain/image.ts'
import { imageErrors } from '#src/errors.ts'
import type { ImageStorage } from '#src/infra/images/image-storage.ts'
import {
  completePendingUpload,
  holdPendingUpload,
} from '#src/infra/postgres/images/image-deletions.ts'
import {
  describeImage,
  type ItemImage,
  insertImage,
  readImages,
} from '#src/infra/postgres/images/item-images.ts'
import { lockOwnItem } from '#src/infra/postgres/item/items.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import { expectEditable, type ImageDependencies } from './upload-image.ts'
import { uploadedEvent } from './uploaded-event.ts'

export interface CopyCommand extends DescribeCommand {
  /** The item whose pictures they are; its seller is the caller as well. */
  fromItemId: string
}

/**
 * Gives an item without pictures those of another item of its seller, and answers them. One that has some keeps them as
 * they are, so a copy that is asked for again makes no second one.
 */
export async function copyImages(
  dependencies: ImageDependencies,
  command: CopyCommand,
): Promise<ItemImage[]> {
  const { db, images, log } = dependencies
  const { itemId, fromItemId } = command
  await expectEditable(dependencies, command)
  const given = await db.transaction().execute((tx) => readGiven(tx, command))
  const planned = await db.transaction().execute((tx) => planCopies(tx, command, given))
  const copies: ItemImage[] = []
  for (const { image, id } of planned) {
    const isCopied = await copyObject(images, image.id, id).catch((err: unknown) => {
      log.error({ err }, 'image storage refuses objects')
      throw imageErrors.storageUnavailable()
    })
    if (isCopied) copies.push({ ...image, id })
    else log.warn({ itemId, fromItemId, imageId: image.id }, 'picture without object is not copied')
  }
  return keepCopies(dependencies, command, copies)
}

async function readGiven(
  tx: Transaction<Database>,
  { fromItemId, sellerId }: CopyCommand,
): Promise<ItemImage[]> {
  if ((await lockOwnItem(tx, fromItemId, sellerId)) === undefined) throw imageErrors.sourceUnknown()
  return readImages(tx, fromItemId)
}

/** Where the pictures go. Until their rows are stored they are as an upload that was cut off, and deleted in an hour. */
async function planCopies(
  tx: Transaction<Database>,
  { itemId, sellerId }: CopyCommand,
  given: readonly ItemImage[],
): Promise<{ image: ItemImage; id: string }[]> {
  await lockEditableItem(tx, itemId, sellerId, 'adds')
  if ((await readImages(tx, itemId)).length > 0) return []
  const planned: { image: ItemImage; id: string }[] = []
  for (const image of given) {
    planned.push({ image, id: await holdPlace(tx, `${itemId} ${image.id}`) })
  }
  return planned
}

/** The first place of a copy that is not being deleted: a try that was cut off may be long ago. */
export async function holdPlace(tx: Transaction<Database>, name: string): Promise<string> {
  for (let place = 1; ; place += 1) {
    const id = contentId(`${name} ${place}`)
    if (await holdPendingUpload(tx, id)) return id
  }
}

/** False: there is no such object. */
export async function copyObject(images: ImageStorage, from: string, to: string): Promise<boolean> {
  for (const size of IMAGE_SIZES) {
    const bytes = await images.read(objectKey(from, size))
    if (bytes === undefined) return false
    await images.put(objectKey(to, size), bytes)
  }
  return true
}

/** Stores the rows. Those whose objects were deleted again meanwhile are left out. */
async function keepCopies(
  { db }: ImageDependencies,
  command: CopyCommand,
  copies: readonly ItemImage[],
): Promise<ItemImage[]> {
  const { itemId, sellerId } = command
  return outboxTransaction(db, async (tx) => {
    await lockEditableItem(tx, itemId, sellerId, 'adds')
    // Another request was quicker, or the seller was.
    const present = await readImages(tx, itemId)
    if (present.length > 0) return present
    const kept: ItemImage[] = []
    for (const { id, width, height, altText } of copies) {
      if (!(await completePendingUpload(tx, id))) continue
      const row = await insertImage(tx, { id, itemId, position: kept.length, width, height }, null)
      const described = altText === '' ? row : await describeImage(tx, itemId, id, altText)
      kept.push(described ?? row)
    }
    await writeOutbox(
      tx,
      kept.map((image) => uploadedEvent(command, image)),
    )
    return kept
  })
}
