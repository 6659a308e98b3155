import { newId } from '@auction/common/ids.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import { type Kysely, sql, type Transaction } from 'kysely'
import { DELETION_DELAY_SECONDS } from '#src/domain/lifetimes.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface Deletion {
  userId: string
  emailNormalised: string
  trace: Trace
}

/** Records, or renews, that a locked user's account is to be deleted; answers when that is due. */
export async function insertDeletion(
  tx: Transaction<Database>,
  userId: string,
  trace: Trace,
): Promise<Date> {
  const asked = {
    trace: JSON.stringify(trace),
    due_at: sql<Date>`clock_timestamp() + make_interval(secs => ${DELETION_DELAY_SECONDS})`,
  }
  const { dueAt } = await tx
    .insertInto('deletions')
    .values({ user_id: userId, ...asked })
    .onConflict((conflict) => conflict.column('user_id').doUpdateSet(asked))
    .returning('due_at as dueAt')
    .executeTakeFirstOrThrow()
  return dueAt
}

/** Deletions whose time has come, without a lock. */
export async function readDueDeletions(db: Kysely<Database>, limit: number): Promise<Deletion[]> {
  return db
    .selectFrom('deletions')
    .innerJoin('users', 'users.id', 'deletions.user_id')
    .select(['users.id as userId', 'users.email_normalised as emailNormalised'])
    .select('deletions.trace')
    .where('deletions.due_at', '<=', sql<Date>`statement_timestamp()`)
    .orderBy('deletions.due_at')
    .limit(limit)
    .execute()
}

/** Lets the others go first after a failure. */
export async function postponeDeletion(db: Kysely<Database>, userId: string): Promise<void> {
  await db
    .updateTable('deletions')
    .set({
      due_at: sql<Date>`clock_timestamp() + make_interval(secs => ${DELETION_DELAY_SECONDS})`,
    })
    .where('user_id', '=', userId)
    .execute()
}

/** False when another worker was faster. */
export async function deleteDeletion(tx: Transaction<Database>, userId: string): Promise<boolean> {
  const result = await tx.deleteFrom('deletions').where('user_id', '=', userId).executeTakeFirst()
  return result.numDeletedRows === 1n
}

/** What belongs to this person only. Terms they agreed to stay, by the account's id. */
const PERSONAL = [
  'sessions',
  'password_resets',
  'totp_secrets',
  'recovery_codes',
  'pending_logins',
  'passkeys',
  'passkey_challenges',
  'known_origins',
  'suspensions',
  'profiles',
  'profile_photos',
  'email_changes',
] as const

/**
 * Leaves of a locked account its id, so that ledgers that name it stay whole, and its version.
 * The address is free again. Answers the version, the sequence of its last event.
 */
export async function anonymise(
  tx: Transaction<Database>,
  userId: string,
  emailNormalised: string,
): Promise<number> {
  for (const table of PERSONAL) {
    await sql`delete from ${sql.table(table)} where user_id = ${userId}`.execute(tx)
  }
  for (const table of ['registrations', 'mail_requests', 'unasked_mails', 'email_changes']) {
    await sql`delete from ${sql.table(table)} where email_normalised = ${emailNormalised}`.execute(
      tx,
    )
  }
  // Unforeseeable: an address made of the public id could have been registered before.
  const address = `${newId()}@deleted.invalid`
  const { version } = await tx
    .updateTable('users')
    .set({
      email: address,
      email_normalised: address,
      name: 'Deleted user',
      // No password has this digest: nothing hashes to it, and deleted users are never looked up.
      password_hash: '$argon2id$deleted',
      email_verified_at: null,
      two_factor_enabled_at: null,
      roles: ['user'],
      status: 'deleted' as const,
      version: sql`version + 1`,
      updated_at: sql<Date>`clock_timestamp()`,
    })
    .where('id', '=', userId)
    .returning('version')
    .executeTakeFirstOrThrow()
  return version
}
