import { sql, type Transaction } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

/** Records that a report of strikes has had its effect; false when a later one had it before. */
export async function takeStrikeReport(
  tx: Transaction<Database>,
  userId: string,
  sequence: number,
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    insert into strike_reports as report (user_id, sequence) values (${userId}, ${sequence})
    on conflict (user_id) do update set sequence = excluded.sequence
      where report.sequence < excluded.sequence`.execute(tx)
  return numAffectedRows === 1n
}

/** Records what strikes suspend until, unless an operator has pardoned them; null: nothing. */
export async function putStrikesEnd(
  tx: Transaction<Database>,
  userId: string,
  until: Date | null,
): Promise<void> {
  await sql`
    update strike_reports
    set suspended_until = case when ${until}::timestamptz > pardoned_until or pardoned_until is null
      then ${until}::timestamptz end
    where user_id = ${userId}`.execute(tx)
}

/** What the strikes of a user suspend until; undefined when they do not, or that is over. */
export async function readStrikesEnd(
  tx: Transaction<Database>,
  userId: string,
): Promise<Date | undefined> {
  const { rows } = await sql<{ until: Date }>`
    select suspended_until as until from strike_reports
    where user_id = ${userId} and suspended_until > statement_timestamp()`.execute(tx)
  return rows[0]?.until
}

/** An operator lets the user in again: what strikes brought so far counts no more. */
export async function pardonStrikes(tx: Transaction<Database>, userId: string): Promise<void> {
  await sql`
    update strike_reports
    set pardoned_until = greatest(pardoned_until, suspended_until), suspended_until = null
    where user_id = ${userId} and suspended_until is not null`.execute(tx)
}
