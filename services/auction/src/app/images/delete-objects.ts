import type { Kysely } from 'kysely'
import { IMAGE_SIZES, objectKey } from '#src/domain/image.ts'
import type { ImageStorage } from '#src/infra/images/image-storage.ts'
import { claimDeletions, finishDeletion } from '#src/infra/postgres/images/image-deletions.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

const BATCH_SIZE = 50

/**
 * Deletes the objects of deleted images, then the row that asks for it. After a crash between the two
 * it is done again.
 */
export async function deleteDueObjects({
  db,
  storage,
}: {
  db: Kysely<Database>
  storage: ImageStorage
}): Promise<number> {
  const imageIds = await claimDeletions(db, BATCH_SIZE)
  for (const imageId of imageIds) {
    await storage.remove(IMAGE_SIZES.map((size) => objectKey(imageId, size)))
    await finishDeletion(db, imageId)
  }
  return imageIds.length
}
