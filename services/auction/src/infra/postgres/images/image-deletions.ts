import { sql, type Transaction } from 'kysely'
import type { Executor } from '#src/infra/postgres/item/items.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** Notes an upload before its first object is written: unless it is finished, the objects go. */
export async function recordPendingUpload(db: Executor, imageId: string): Promise<void> {
  await db
    .insertInto('image_deletions')
    .values({ image_id: imageId, due_at: sql`clock_timestamp() + interval '1 hour'` })
    .execute()
}

/** Strikes the note in the transaction that makes the image. False: its objects may be gone. */
export async function completePendingUpload(
  tx: Transaction<Database>,
  imageId: string,
): Promise<boolean> {
  const { numDeletedRows } = await tx
    .deleteFrom('image_deletions')
    .where('image_id', '=', imageId)
    .where('attempted_at', 'is', null)
    .executeTakeFirstOrThrow()
  return numDeletedRows > 0n
}

/** The upload came to nothing: its objects need not wait for the hour. */
export async function abandonPendingUpload(db: Executor, imageId: string): Promise<void> {
  await db
    .updateTable('image_deletions')
    .set({ due_at: sql`clock_timestamp()` })
    .where('image_id', '=', imageId)
    .execute()
}

/**
 * Takes on images whose objects are to be deleted, for a minute: should this process die over it,
 * another one tries again. No transaction stays open meanwhile.
 */
export async function claimDeletions(db: Executor, limit: number): Promise<string[]> {
  const rows = await db
    .updateTable('image_deletions')
    .set({
      due_at: sql`clock_timestamp() + interval '1 minute'`,
      attempted_at: sql`clock_timestamp()`,
    })
    .where('image_id', 'in', (eb) =>
      eb
        .selectFrom('image_deletions')
        .select('image_id')
        .where('due_at', '<=', sql<Date>`clock_timestamp()`)
        .orderBy('due_at')
        .limit(limit)
        .forUpdate()
        .skipLocked(),
    )
    .returning('image_id')
    .execute()
  return rows.map(({ image_id }) => image_id)
}

/** The objects are gone. */
export async function finishDeletion(db: Executor, imageId: string): Promise<void> {
  await db.deleteFrom('image_deletions').where('image_id', '=', imageId).execute()
}
