import { ADVISORY_LOCKS } from '@auction/common/postgres/advisory-locks.ts'
import { sql, type Transaction } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

const departures = sql.lit(ADVISORY_LOCKS.departures)

/**
 * No user is deleted before this transaction ends. Code that writes for a user takes this first,
 * then reads `departed_users`: a deletion either is seen, or comes later and deletes what was written.
 */
export async function shareDepartures(tx: Transaction<Database>): Promise<void> {
  await sql`select pg_advisory_xact_lock_shared(${departures})`.execute(tx)
}

/** Waits for all that write for users now, and lets others wait until this transaction ends. */
export async function lockDepartures(tx: Transaction<Database>): Promise<void> {
  await sql`select pg_advisory_xact_lock(${departures})`.execute(tx)
}

/** Records deleted accounts; again changes nothing. */
export async function recordDepartedUsers(
  tx: Transaction<Database>,
  userIds: readonly string[],
): Promise<void> {
  await sql`
    insert into departed_users (user_id) select unnest(${[...userIds]}::uuid[])
    on conflict do nothing`.execute(tx)
}

/** Whether an account is gone, for code that shares departures. */
export async function hasDeparted(tx: Transaction<Database>, userId: string): Promise<boolean> {
  const row = await tx
    .selectFrom('departed_users')
    .select('user_id')
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return row !== undefined
}

/** Deletes what is kept of users: notices with their deliveries, mails, and how they want to be notified. */
export async function deleteUsers(
  tx: Transaction<Database>,
  userIds: readonly string[],
): Promise<void> {
  for (const table of ['notices', 'mails', 'readers', 'preferences'] as const) {
    await sql`delete from ${sql.table(table)} where user_id = any(${[...userIds]}::uuid[])`.execute(
      tx,
    )
  }
}
