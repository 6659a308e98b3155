import type { Static } from 'typebox'
import type { Item } from '#src/domain/item.ts'
import { readFirstImages } from '#src/infra/postgres/images/item-images.ts'
import type { Executor } from '#src/infra/postgres/item/items.ts'
import { imageAnswer } from './image-view.ts'
import { type ItemBody, itemBody } from './item-view.ts'

/** Items of a list as this viewer may see them, each with its first image. */
export async function listedItems(
  db: Executor,
  items: readonly Item[],
  viewerId: string | undefined,
): Promise<Static<typeof ItemBody>[]> {
  const images = await readFirstImages(
    db,
    items.map(({ id }) => id),
  )
  return items.map((item) => {
    const image = images.get(item.id)
    const body = itemBody(item, viewerId)
    return image === undefined ? body : { ...body, image: imageAnswer(image) }
  })
}
