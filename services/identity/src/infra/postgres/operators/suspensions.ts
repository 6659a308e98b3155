import { type Kysely, sql, type Transaction } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface NewSuspension {
  userId: string
  reason: string
  endsAt: Date | null
  /** Null: no person did it. */
  suspendedBy: string | null
  cause: 'operator' | 'strikes'
}

/** Why a locked account is suspended and until when; a later one replaces it. */
export async function putSuspension(
  tx: Transaction<Database>,
  { userId, reason, endsAt, suspendedBy, cause }: NewSuspension,
): Promise<void> {
  const row = {
    reason,
    ends_at: endsAt,
    suspended_by: suspendedBy,
    cause,
    suspended_at: sql<Date>`clock_timestamp()`,
  }
  await tx
    .insertInto('suspensions')
    .values({ user_id: userId, ...row })
    .onConflict((conflict) => conflict.column('user_id').doUpdateSet(row))
    .execute()
}

/** Whether an end is still to come, by the clock that will end it. */
export async function isInFuture(tx: Transaction<Database>, instant: Date): Promise<boolean> {
  const { rows } = await sql<{ isInFuture: boolean }>`
    select ${instant}::timestamptz > statement_timestamp() as "isInFuture"`.execute(tx)
  return rows[0]?.isInFuture === true
}

/** What a suspension is for and when it ends, null for never; undefined where there is none. */
export async function readSuspension(
  db: Kysely<Database>,
  userId: string,
): Promise<{ cause: 'operator' | 'strikes'; endsAt: Date | null } | undefined> {
  return db
    .selectFrom('suspensions')
    .select(['cause', 'ends_at as endsAt'])
    .where('user_id', '=', userId)
    .executeTakeFirst()
}

/** When a suspension ends: null for never, undefined where there is none. */
export async function readSuspensionEnd(
  db: Kysely<Database>,
  userId: string,
): Promise<Date | null | undefined> {
  const row = await db
    .selectFrom('suspensions')
    .select('ends_at as endsAt')
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return row?.endsAt
}

export async function deleteSuspension(tx: Transaction<Database>, userId: string): Promise<void> {
  await tx.deleteFrom('suspensions').where('user_id', '=', userId).execute()
}

/** Deletes the suspension of a locked account when its time is up; false when it is not. */
export async function deleteDueSuspension(
  tx: Transaction<Database>,
  userId: string,
): Promise<boolean> {
  const result = await tx
    .deleteFrom('suspensions')
    .where('user_id', '=', userId)
    .where('ends_at', '<=', sql<Date>`statement_timestamp()`)
    .executeTakeFirst()
  return result.numDeletedRows === 1n
}

/** Whose suspension is over, without a lock: who acts on it looks again under the user's. */
export async function readDueSuspensions(db: Kysely<Database>, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom('suspensions')
    .select('user_id as userId')
    .where('ends_at', '<=', sql<Date>`statement_timestamp()`)
    .orderBy('ends_at')
    .limit(limit)
    .execute()
  return rows.map(({ userId }) => userId)
}
