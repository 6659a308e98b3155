import { newId } from '@auction/common/ids.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import { type Kysely, sql, type Transaction } from 'kysely'
import { DELETION_DELAY_SECONDS, DELETION_LOOK_SECONDS } from '#src/domain/lifetimes.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface Deletion {
  userId: string
  emailNormalised: string
  trace: Trace
}

const inSeconds = (seconds: number) =>
  sql<Date>`statement_timestamp() + make_interval(secs => ${seconds})`

/** The next look at what the owner owes; of what a process of before recorded it is the end. */
const NEXT_LOOK = sql<Date>`coalesce(look_at, due_at)`

export interface NewDeletion {
  userId: string
  /** Of the secret in the mailed link that keeps the account. */
  digest: Buffer
  /** How long it can be kept, beyond the minute in which requests that were let in end. */
  days: number
}

/**
 * Records, or renews, that a locked user's account is to be deleted; answers after which time.
 */
export async function insertDeletion(
  tx: Transaction<Database>,
  { userId, digest, days }: NewDeletion,
  trace: Trace,
): Promise<Date> {
  const asked = {
    trace: JSON.stringify(trace),
    digest,
    look_at: inSeconds(DELETION_DELAY_SECONDS),
    due_at: sql<Date>`statement_timestamp() + make_interval(days => ${days}, secs => ${DELETION_DELAY_SECONDS})`,
  }
  const { dueAt } = await tx
    .insertInto('deletions')
    .values({ user_id: userId, ...asked })
    .onConflict((conflict) => conflict.column('user_id').doUpdateSet(asked))
    .returning('due_at as dueAt')
    .executeTakeFirstOrThrow()
  return dueAt
}

/** After which time an account that waits for its deletion is deleted. */
export async function readDeletedAfter(
  db: Kysely<Database>,
  userId: string,
): Promise<Date | undefined> {
  const row = await db
    .selectFrom('deletions')
    .select('due_at as dueAt')
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return row?.dueAt
}

/** Whose account the mailed link with this digest keeps. */
export async function readLinkedDeletion(
  db: Kysely<Database>,
  digest: Buffer,
): Promise<string | undefined> {
  const row = await db
    .selectFrom('deletions')
    .select('user_id as userId')
    .where('digest', '=', digest)
    .executeTakeFirst()
  return row?.userId
}

/** Deletions whose next look has come, without a lock. */
export async function readDueDeletions(db: Kysely<Database>, limit: number): Promise<Deletion[]> {
  return db
    .selectFrom('deletions')
    .innerJoin('users', 'users.id', 'deletions.user_id')
    .select(['users.id as userId', 'users.email_normalised as emailNormalised'])
    .select('deletions.trace')
    .where(NEXT_LOOK, '<=', sql<Date>`statement_timestamp()`)
    .orderBy(NEXT_LOOK)
    .limit(limit)
    .execute()
}

/** For how long the oldest account that should be deleted has waited beyond its time; 0 when none has. */
export async function readDeletionOverdueSeconds(db: Kysely<Database>): Promise<number> {
  const { seconds } = await db
    .selectFrom('deletions')
    .select(
      sql<number>`coalesce(greatest(extract(epoch from statement_timestamp() - min(due_at)), 0), 0)::float8`.as(
        'seconds',
      ),
    )
    .executeTakeFirstOrThrow()
  return seconds
}

/** Lets the others go first after a failure. */
export async function postponeDeletion(db: Kysely<Database>, userId: string): Promise<void> {
  await db
    .updateTable('deletions')
    .set({ look_at: inSeconds(DELETION_DELAY_SECONDS) })
    .where('user_id', '=', userId)
    .execute()
}

/**
 * Whether the time of a locked user's deletion is over. Undefined when its look has not come any more: it was
 * withdrawn, or withdrawn and asked for again, since it was read.
 */
export async function readDueDeletion(
  tx: Transaction<Database>,
  userId: string,
): Promise<{ isOver: boolean } | undefined> {
  return tx
    .selectFrom('deletions')
    .select(sql<boolean>`due_at <= statement_timestamp()`.as('isOver'))
    .where('user_id', '=', userId)
    .where(NEXT_LOOK, '<=', sql<Date>`statement_timestamp()`)
    .executeTakeFirst()
}

/** Moves the next look at a locked user's deletion, at most to its end. */
export async function moveNextLook(tx: Transaction<Database>, userId: string): Promise<void> {
  await tx
    .updateTable('deletions')
    .set({ look_at: sql<Date>`least(due_at, ${inSeconds(DELETION_LOOK_SECONDS)})` })
    .where('user_id', '=', userId)
    .execute()
}

/**
 * Makes a locked user's deletion due now, but not before requests that were let in have ended; false when there is none.
 */
export async function endDeletionWait(tx: Transaction<Database>, userId: string): Promise<boolean> {
  const result = await tx
    .updateTable('deletions')
    .set({
      look_at: null,
      due_at: sql<Date>`least(due_at, greatest(statement_timestamp(),
        asked_at + make_interval(secs => ${DELETION_DELAY_SECONDS})))`,
    })
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return result.numUpdatedRows === 1n
}

/** Ends a locked user's deletion; false when there is none. */
export async function deleteDeletion(
  tx: Transaction<Database>,
  userId: string,
  digest?: Buffer,
): Promise<boolean> {
  const result = await tx
    .deleteFrom('deletions')
    .where('user_id', '=', userId)
    .$if(digest !== undefined, (query) => query.where('digest', '=', digest as Buffer))
    .executeTakeFirst()
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
