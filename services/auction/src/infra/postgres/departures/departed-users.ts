import { type Kysely, sql, type Transaction } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

/** Records deleted accounts; again changes nothing. */
export async function recordDepartedUsers(
  tx: Transaction<Database>,
  userIds: readonly string[],
): Promise<void> {
  await tx
    .insertInto('departed_users')
    .values(userIds.map((user_id) => ({ user_id })))
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** Takes a departed user whose erasure is due; other workers skip the row. */
export async function takeDepartedUser(tx: Transaction<Database>): Promise<string | undefined> {
  const row = await tx
    .selectFrom('departed_users')
    .select('user_id')
    .where('due_at', '<=', sql<Date>`statement_timestamp()`)
    .orderBy('due_at')
    .limit(1)
    .forUpdate()
    .skipLocked()
    .executeTakeFirst()
  return row?.user_id
}

/** Deletes a user's review flags and what they were computed from. */
export async function deleteReviewsOf(tx: Transaction<Database>, userId: string): Promise<void> {
  await sql`
    delete from review_flags where user_id = ${userId}
      or (subject_id = ${userId} and kind in ('same_address', 'only_one_seller'))`.execute(tx)
  for (const table of ['bidder_checks', 'bidder_items', 'late_bids'] as const) {
    await sql`delete from ${sql.table(table)} where bidder_id = ${userId}`.execute(tx)
  }
  await sql`delete from user_registrations where user_id = ${userId}`.execute(tx)
}

/** Postpones an erasure that failed, so that others go first. */
export async function retryErasureLater(db: Kysely<Database>, userId: string): Promise<void> {
  await db
    .updateTable('departed_users')
    .set({ due_at: sql<Date>`clock_timestamp() + interval '10 minutes'` })
    .where('user_id', '=', userId)
    .execute()
}

/** Schedules the next erasure of a departed user: now, or a last one after late events. */
export async function scheduleNextErasure(
  tx: Transaction<Database>,
  userId: string,
  hasMore: boolean,
): Promise<void> {
  if (hasMore) return
  // A token lives for minutes and an event waits for hours at most.
  await sql`
    with over as (delete from departed_users
      where user_id = ${userId} and left_at < statement_timestamp() - interval '1 day')
    update departed_users set due_at = left_at + interval '25 hours'
    where user_id = ${userId} and left_at >= statement_timestamp() - interval '1 day'`.execute(tx)
}
