import { type Kysely, sql, type Transaction } from 'kysely'
import { RESET_LIFETIME_MINUTES, RESETS_PER_HOUR_MAX } from '#src/domain/lifetimes.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface ResettableUser {
  id: string
  email: string
  name: string
}

/** Who may be mailed a reset: an account that is not deleted and was not mailed too often. */
export async function lockResettableUser(
  tx: Transaction<Database>,
  emailNormalised: string,
): Promise<ResettableUser | undefined> {
  const user = await tx
    .selectFrom('users')
    .select(['id', 'email', 'name'])
    .where('email_normalised', '=', emailNormalised)
    .where('status', '!=', 'deleted')
    .forUpdate()
    .executeTakeFirst()
  if (user === undefined) return undefined
  const recent = await tx
    .selectFrom('password_resets')
    .select((eb) => eb.fn.countAll<bigint>().as('count'))
    .where('user_id', '=', user.id)
    .where('created_at', '>', sql<Date>`statement_timestamp() - interval '1 hour'`)
    .executeTakeFirstOrThrow()
  return Number(recent.count) >= RESETS_PER_HOUR_MAX ? undefined : user
}

/** Stores a reset and answers when it ends. */
export async function insertReset(
  tx: Transaction<Database>,
  digest: Buffer,
  userId: string,
): Promise<Date> {
  const row = await tx
    .insertInto('password_resets')
    .values({
      digest,
      user_id: userId,
      expires_at: sql<Date>`clock_timestamp() + make_interval(mins => ${RESET_LIFETIME_MINUTES})`,
    })
    .returning('expires_at')
    .executeTakeFirstOrThrow()
  return row.expires_at
}

/** Whose password a link would reset, without using it. */
export async function readReset(
  db: Kysely<Database>,
  digest: Buffer,
): Promise<(ResettableUser & { passwordHash: string; emailNormalised: string }) | undefined> {
  return db
    .selectFrom('password_resets as reset')
    .innerJoin('users', 'users.id', 'reset.user_id')
    .select(['users.id', 'users.email', 'users.name', 'users.password_hash as passwordHash'])
    .select('users.email_normalised as emailNormalised')
    .where('reset.digest', '=', digest)
    .where('reset.expires_at', '>', sql<Date>`statement_timestamp()`)
    .where('users.status', '!=', 'deleted')
    .executeTakeFirst()
}

/** Uses a link up, and with it all others of the user; false when another request was faster. */
export async function spendReset(
  tx: Transaction<Database>,
  digest: Buffer,
  userId: string,
): Promise<boolean> {
  const spent = await tx
    .deleteFrom('password_resets')
    .where('digest', '=', digest)
    .where('user_id', '=', userId)
    .where('expires_at', '>', sql<Date>`statement_timestamp()`)
    .executeTakeFirst()
  if (spent.numDeletedRows !== 1n) return false
  await forgetResets(tx, userId)
  return true
}

/** No link mailed before works any more. */
export async function forgetResets(tx: Transaction<Database>, userId: string): Promise<void> {
  await tx.deleteFrom('password_resets').where('user_id', '=', userId).execute()
}
