import { type Kysely, sql, type Transaction } from 'kysely'
import { PENDING_LOGIN } from '#src/domain/two-factor.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** Opens a login that waits for its second factor; answers until when. */
export async function insertPendingLogin(
  tx: Transaction<Database>,
  digest: Buffer,
  userId: string,
): Promise<Date> {
  const row = await tx
    .insertInto('pending_logins')
    .values({
      digest,
      user_id: userId,
      expires_at: sql<Date>`clock_timestamp() + make_interval(secs => ${PENDING_LOGIN.seconds})`,
    })
    .returning('expires_at as expiresAt')
    .executeTakeFirstOrThrow()
  return row.expiresAt
}

/** Whose login waits, without counting a try. */
export async function readPendingLogin(
  db: Kysely<Database>,
  digest: Buffer,
): Promise<{ userId: string } | undefined> {
  return db
    .selectFrom('pending_logins')
    .select('user_id as userId')
    .where('digest', '=', digest)
    .where('tries', '<', PENDING_LOGIN.triesMax)
    .where('expires_at', '>', sql<Date>`statement_timestamp()`)
    .executeTakeFirst()
}

/**
 * Counts a try before its code is looked at; undefined when the login is unknown, over, or has no
 * try left. One statement, so that parallel tries cannot get more than there are.
 */
export async function admitPendingLogin(
  db: Kysely<Database>,
  digest: Buffer,
): Promise<{ userId: string; triesLeft: number } | undefined> {
  return db
    .updateTable('pending_logins')
    .set({ tries: sql`tries + 1` })
    .where('digest', '=', digest)
    .where('tries', '<', PENDING_LOGIN.triesMax)
    .where('expires_at', '>', sql<Date>`statement_timestamp()`)
    .returning([
      'user_id as userId',
      sql<number>`${PENDING_LOGIN.triesMax} - tries`.as('triesLeft'),
    ])
    .executeTakeFirst()
}

/** Ends a login that waited. False when something else ended it first. */
export async function endPendingLogin(tx: Transaction<Database>, digest: Buffer): Promise<boolean> {
  const result = await tx
    .deleteFrom('pending_logins')
    .where('digest', '=', digest)
    .executeTakeFirst()
  return result.numDeletedRows === 1n
}
