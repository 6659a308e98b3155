import { itemImageUploaded } from '@auction/common/contracts/auction.ts'
import { createEvent, type OutboxEvent } from '@auction/common/contracts/event.ts'
import type { DescribeCommand } from '#src/app/item/editable-item.ts'
import { imagePath } from '#src/domain/image.ts'
import type { ItemImage } from '#src/infra/postgres/images/item-images.ts'

/** An item has a picture more: sent by its seller, or copied. */
export const uploadedEvent = (
  { itemId, trace }: Pick<DescribeCommand, 'itemId' | 'trace'>,
  { id, createdAt }: Pick<ItemImage, 'id' | 'createdAt'>,
): OutboxEvent =>
  createEvent(
    itemImageUploaded,
    { aggregateId: itemId, trace },
    { id, itemId, imageUrl: imagePath(itemId, id, 'large'), createdAt: createdAt.toISOString() },
  )
