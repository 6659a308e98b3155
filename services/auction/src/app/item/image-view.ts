import { Uuid } from '@auction/common/http/schemas.ts'
import { type Static, Type } from 'typebox'
import { type ImageSize, imagePath } from '#src/domain/image.ts'
import type { ItemImage } from '#src/infra/postgres/images/item-images.ts'

/** An image on the wire; `url` is the largest size, the others lie beside it. */
export const ImageAnswer = Type.Object(
  {
    id: Uuid,
    item_id: Uuid,
    url: Type.String(),
    display_order: Type.Integer(),
    alt_text: Type.String(),
    width: Type.Integer({ description: 'Of the largest size, in pixels.' }),
    height: Type.Integer(),
    urls: Type.Object({ small: Type.String(), medium: Type.String(), large: Type.String() }),
  },
  { title: 'Image' },
)

export function imageAnswer(image: ItemImage): Static<typeof ImageAnswer> {
  const { id, itemId, position, altText, width, height } = image
  const url = (size: ImageSize) => imagePath(itemId, id, size)
  return {
    id,
    item_id: itemId,
    url: url('large'),
    display_order: position,
    alt_text: altText,
    width,
    height,
    urls: { small: url('small'), medium: url('medium'), large: url('large') },
  }
}
