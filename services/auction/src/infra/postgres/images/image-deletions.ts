import { sql, type Transaction } from 'kysely'
import type { Executor } from '#src/infra/postgres/item/items.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** Records an upload before its first object is written: unless it is completed, the objects are deleted. */
export async function recordPendingUpload(db: Executor, imageId: string): Promise<void> {
  await db
    .insertInto('image_deletions')
    .values({ image_id: imageId, due_at: sql`clock_timestamp() + interval '1 hour'` })
    .execute()
}

/** The same for a place that is used again, from now on. False: its objects may be being deleted. */
export async function holdPendingUpload(
  tx: Transaction<Database>,
  imageId: string,
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('image_deletions')
    .values({ image_id: imageId, due_at: sql`clock_timestamp() + interval '1 hour'` })
    .onConflict((conflict) =>
      conflict
        .column('image_id')
        .doUpdateSet((eb) => ({ due_at: eb.ref('excluded.due_at') }))
        .where('image_deletions.attempted_at', 'is', null),
    )
    .executeTakeFirstOrThrow()
  return numInsertedOrUpdatedRows === 1n
}

/** Deletes that record in the transaction that stores the image. False: its objects may be deleted. */
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

/** The upload failed: its objects can be deleted at once. */
export async function abandonPendingUpload(db: Executor, imageId: string): Promise<void> {
  await db
    .updateTable('image_deletions')
    .set({ due_at: sql`clock_timestamp()` })
    .where('image_id', '=', imageId)
    .execute()
}

/**
 * Takes images whose objects are to be deleted, for a minute: if this process crashes, another one
 * tries again. No transaction stays open meanwhile.
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
        .where('due_at', '<=', sql<Date>`statement_timestamp()`)
        .orderBy('due_at')
        .limit(limit)
        .forUpdate()
        .skipLocked(),
    )
    .returning('image_id')
    .execute()
  return rows.map(({ image_id }) => image_id)
}

/** Records that the objects are deleted. */
export async function finishDeletion(db: Executor, imageId: string): Promise<void> {
  await db.deleteFrom('image_deletions').where('image_id', '=', imageId).execute()
}
