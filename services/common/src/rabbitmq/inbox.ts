import { type Kysely, sql, type Transaction } from 'kysely'
import type { Logger } from '../process/logger.ts'
import { type Repeated, repeat } from '../process/repeat.ts'

/** Claims a message inside the transaction of its effects; false when it was handled before. */
export async function claim<DB>(
  tx: Transaction<DB>,
  consumer: string,
  messageId: string,
): Promise<boolean> {
  const result = await sql`
    insert into inbox (consumer, message_id) values (${consumer}, ${messageId})
    on conflict do nothing
  `.execute(tx)
  return result.numAffectedRows === 1n
}

/** Counts a delivery that came again, in a statement of its own that survives a crash. */
export async function countAttempt<DB>(
  db: Kysely<DB>,
  consumer: string,
  messageId: string,
): Promise<number> {
  const { rows } = await sql<{ attempts: number }>`
    insert into inbox_attempts (consumer, message_id, attempts) values (${consumer}, ${messageId}, 1)
    on conflict (consumer, message_id)
      do update set attempts = inbox_attempts.attempts + 1, last_at = clock_timestamp()
    returning attempts
  `.execute(db)
  return rows[0]?.attempts ?? 1
}

/** Deletes what was counted of messages that are settled, so that a later copy begins at zero. */
export async function forgetAttempts<DB>(
  db: Kysely<DB>,
  consumer: string,
  messageIds: readonly string[],
): Promise<void> {
  if (messageIds.length === 0) return
  await sql`
    delete from inbox_attempts where consumer = ${consumer} and message_id = any(${messageIds})
  `.execute(db)
}

// Longer than outbox and dead letters are kept, so a late replay is still recognised.
const RETENTION_DAYS = 30
const PURGE_INTERVAL_MS = 60_000
const PURGE_BATCH = 1_000

/** Purges the inbox now and then; every worker runs it, because every consumer fills the inbox. */
export function startInboxPurge<DB>(db: Kysely<DB>, log: Logger): Repeated {
  return repeat('inbox purge', PURGE_INTERVAL_MS, log, () =>
    purgeInbox(db, RETENTION_DAYS, PURGE_BATCH),
  )
}

/** Deletes entries older than the retention, which must exceed that of outbox and dead letters. */
export async function purgeInbox<DB>(
  db: Kysely<DB>,
  retentionDays: number,
  limit: number,
): Promise<void> {
  await sql`
    delete from inbox where (consumer, message_id) in (
      select consumer, message_id from inbox
      where received_at < statement_timestamp() - make_interval(days => ${retentionDays})
      order by received_at limit ${limit})
  `.execute(db)
  await sql`
    delete from inbox_attempts where (consumer, message_id) in (
      select consumer, message_id from inbox_attempts
      where last_at < statement_timestamp() - make_interval(days => ${retentionDays})
      order by last_at limit ${limit})
  `.execute(db)
}
