import { type Kysely, sql } from 'kysely'
import { ENDED_SESSION_RETENTION_DAYS } from '#src/domain/lifetimes.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** Deletes some refresh tokens that can no longer be used; answers how many. */
export async function purgeRefreshTokens(db: Kysely<Database>, limit: number): Promise<number> {
  const result = await sql`
    delete from refresh_tokens where digest in (
      select digest from refresh_tokens where expires_at < clock_timestamp() limit ${limit}
      for update skip locked)`.execute(db)
  return Number(result.numAffectedRows ?? 0n)
}

/** Deletes some sessions that ended a while ago, with their refresh tokens; answers how many. */
export async function purgeSessions(db: Kysely<Database>, limit: number): Promise<number> {
  const result = await sql`
    delete from sessions where id in (
      select id from sessions
       where least(expires_at, revoked_at)
             < clock_timestamp() - make_interval(days => ${ENDED_SESSION_RETENTION_DAYS})
       limit ${limit}
       for update skip locked)`.execute(db)
  return Number(result.numAffectedRows ?? 0n)
}

/** Links stay for the hour in which they are counted, although they work for half of it. */
const KEPT_MINUTES = { pending_logins: 0, passkey_challenges: 0, password_resets: 60 }

/** Deletes some rows whose time is over and that were never used; answers how many. */
export async function purgeExpired(
  db: Kysely<Database>,
  table: keyof typeof KEPT_MINUTES,
  limit: number,
): Promise<number> {
  const result = await sql`
    delete from ${sql.table(table)} where digest in (
      select digest from ${sql.table(table)}
       where expires_at < clock_timestamp() - make_interval(mins => ${KEPT_MINUTES[table]})
       limit ${limit}
      for update skip locked)`.execute(db)
  return Number(result.numAffectedRows ?? 0n)
}

/** Deletes some registrations whose link ran out; answers how many. */
export async function purgeRegistrations(db: Kysely<Database>, limit: number): Promise<number> {
  const result = await sql`
    delete from registrations where id in (
      select id from registrations
       where expires_at < clock_timestamp() and answered_at is not null limit ${limit}
      for update skip locked)`.execute(db)
  return Number(result.numAffectedRows ?? 0n)
}

/** Deletes some mails that no longer count; answers how many. */
export async function purgeUnaskedMails(db: Kysely<Database>, limit: number): Promise<number> {
  const result = await sql`
    delete from unasked_mails where id in (
      select id from unasked_mails where asked_at < clock_timestamp() - interval '1 hour'
       limit ${limit}
      for update skip locked)`.execute(db)
  return Number(result.numAffectedRows ?? 0n)
}
