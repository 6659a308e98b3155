import { type Kysely, sql } from 'kysely'
import { ENDED_SESSION_RETENTION_DAYS } from '#src/domain/lifetimes.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** Deletes some refresh tokens that can no longer be used; answers how many. */
export async function purgeRefreshTokens(db: Kysely<Database>, limit: number): Promise<number> {
  const result = await sql`
    delete from refresh_tokens where digest in (
      select digest from refresh_tokens where expires_at < statement_timestamp()
       order by expires_at limit ${limit}
       for update skip locked)`.execute(db)
  return Number(result.numAffectedRows ?? 0n)
}

/** Deletes some sessions that ended a while ago, with their refresh tokens; answers how many. */
export async function purgeSessions(db: Kysely<Database>, limit: number): Promise<number> {
  const result = await sql`
    delete from sessions where id in (
      select id from sessions
       where least(expires_at, revoked_at)
             < statement_timestamp() - make_interval(days => ${ENDED_SESSION_RETENTION_DAYS})
       order by least(expires_at, revoked_at) limit ${limit}
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
       where expires_at < statement_timestamp() - make_interval(mins => ${KEPT_MINUTES[table]})
       order by expires_at limit ${limit}
       for update skip locked)`.execute(db)
  return Number(result.numAffectedRows ?? 0n)
}

/** Deletes some registrations whose link ran out; answers how many. */
export async function purgeRegistrations(db: Kysely<Database>, limit: number): Promise<number> {
  const result = await sql`
    delete from registrations where id in (
      select id from registrations
       where expires_at < statement_timestamp() and answered_at is not null
       order by expires_at limit ${limit}
       for update skip locked)`.execute(db)
  return Number(result.numAffectedRows ?? 0n)
}

/** Deletes some mails that no longer count; answers how many. */
export async function purgeUnaskedMails(db: Kysely<Database>, limit: number): Promise<number> {
  const result = await sql`
    delete from unasked_mails where id in (
      select id from unasked_mails where asked_at < statement_timestamp() - interval '1 hour'
       order by asked_at limit ${limit}
       for update skip locked)`.execute(db)
  return Number(result.numAffectedRows ?? 0n)
}
