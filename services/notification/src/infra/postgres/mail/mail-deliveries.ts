import { ADVISORY_LOCKS } from '@auction/common/postgres/advisory-locks.ts'
import { type Kysely, sql, type Transaction } from 'kysely'
import { TEMPLATES } from '#src/domain/notices.ts'
import { ALWAYS_MAILED } from '#src/domain/preferences.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

// A version that is newer than this one may have others; they are left to it.
const isKnown = sql`notice.template = any(${[...TEMPLATES]})`
const now = sql<Date>`clock_timestamp()`

/** Users for whom mails are due, those first that have waited for longest. */
export async function readDueUsers(db: Kysely<Database>, deliveries: number): Promise<string[]> {
  const { rows } = await sql<{ userId: string }>`
    select user_id as "userId" from (
      select user_id, due_at from deliveries
      where channel = 'mail' and state = 'queued' and due_at <= statement_timestamp()
      order by due_at limit ${deliveries}
    ) as due group by user_id order by min(due_at)`.execute(db)
  return rows.map(({ userId }) => userId)
}

/** One process at a time makes mails for a user; false: another one does it now. */
export async function lockMailsOfUser(tx: Transaction<Database>, userId: string): Promise<boolean> {
  const { rows } = await sql<{ isLocked: boolean }>`
    select pg_try_advisory_xact_lock(
      hashtextextended(${userId}, ${ADVISORY_LOCKS.mailsOfUser})) as "isLocked"`.execute(tx)
  return rows[0]?.isLocked === true
}

/** The deliveries that are due for a user, locked. */
export async function lockDueDeliveries(
  tx: Transaction<Database>,
  userId: string,
  limit: number,
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select delivery.id from deliveries as delivery
    join notices as notice on notice.id = delivery.notice_id
    where delivery.user_id = ${userId} and delivery.channel = 'mail' and delivery.state = 'queued'
      and delivery.due_at <= statement_timestamp() and ${isKnown}
    order by delivery.due_at limit ${limit}
    for update of delivery`.execute(tx)
  return rows.map(({ id }) => id)
}

/** When a mail that could have waited was last sent to a user, or may have been; seconds ago. */
export async function readSecondsSinceFolded(
  tx: Transaction<Database>,
  userId: string,
): Promise<number | undefined> {
  const { rows } = await sql<{ seconds: number }>`
    select extract(epoch from clock_timestamp() - delivery.changed_at)::float8 as seconds
    from deliveries as delivery join notices as notice on notice.id = delivery.notice_id
    where delivery.user_id = ${userId} and delivery.channel = 'mail'
      and delivery.state in ('sending', 'sent', 'unknown')
      and notice.template <> all(${[...ALWAYS_MAILED]})
    order by delivery.changed_at desc limit 1`.execute(tx)
  return rows[0]?.seconds
}

/** They are not sent, each for a reason of its own. */
export async function dropDeliveries(
  tx: Transaction<Database>,
  dropped: readonly { id: string; reason: string }[],
): Promise<void> {
  for (const [reason, group] of Map.groupBy(dropped, (one) => one.reason)) {
    await tx
      .updateTable('deliveries')
      .set({ state: 'dropped', reason, changed_at: now })
      .where(
        'id',
        'in',
        group.map(({ id }) => id),
      )
      .execute()
  }
}

/** They wait for so long, as if they were due then. */
export async function deferDeliveries(
  tx: Transaction<Database>,
  ids: readonly string[],
  seconds: number,
): Promise<void> {
  await tx
    .updateTable('deliveries')
    .set({ due_at: sql<Date>`clock_timestamp() + make_interval(secs => ${seconds})` })
    .where('id', 'in', [...ids])
    .execute()
}

/** They are being sent, in one mail. */
export async function startDeliveries(
  tx: Transaction<Database>,
  ids: readonly string[],
  messageId: string,
): Promise<number> {
  const rows = await tx
    .updateTable('deliveries')
    .set({ state: 'sending', message_id: messageId, tries: sql`tries + 1`, changed_at: now })
    .where('id', 'in', [...ids])
    .returning('tries')
    .execute()
  return Math.max(...rows.map(({ tries }) => tries))
}

/** How a mail ended, for all that it carries. It may be known after the lease of its process is over. */
export async function endDeliveries(
  db: Kysely<Database>,
  messageId: string,
  state: 'sent' | 'failed' | 'unknown',
  reason: string | null,
): Promise<void> {
  await db
    .updateTable('deliveries')
    .set({ state, reason, changed_at: now })
    .where('message_id', '=', messageId)
    .where('state', 'in', ['sending', 'unknown'])
    .execute()
}

/**
 * The server did not take the mail: what it carries waits, and is judged and put together again. Nothing is
 * said about a delivery by a server that is not there, so it stays due as it was.
 */
export async function requeueDeliveries(
  db: Kysely<Database>,
  messageId: string,
  { reason, seconds }: { reason: string; seconds?: number },
): Promise<void> {
  await db
    .updateTable('deliveries')
    .set({
      state: 'queued',
      reason,
      message_id: null,
      changed_at: now,
      ...(seconds === undefined
        ? { tries: sql`tries - 1` }
        : { due_at: sql<Date>`clock_timestamp() + make_interval(secs => ${seconds})` }),
    })
    .where('message_id', '=', messageId)
    .where('state', '=', 'sending')
    .execute()
}

/** Mails whose process ended while it sent them: no one can know, and notices are not sent twice. */
export async function abandonDeliveries(
  db: Kysely<Database>,
  leaseSeconds: number,
): Promise<number> {
  const { numUpdatedRows } = await db
    .updateTable('deliveries')
    .set({ state: 'unknown', reason: 'no_answer', changed_at: now })
    .where('channel', '=', 'mail')
    .where('state', '=', 'sending')
    .where(
      'changed_at',
      '<',
      sql<Date>`statement_timestamp() - make_interval(secs => ${leaseSeconds})`,
    )
    .executeTakeFirstOrThrow()
  return Number(numUpdatedRows)
}

/** How long the oldest delivery that is due has waited, in seconds. */
export async function readDeliveryLag(db: Kysely<Database>): Promise<number> {
  const { rows } = await sql<{ seconds: number }>`
    select extract(epoch from statement_timestamp() - due_at)::float8 as seconds from deliveries
    where channel = 'mail' and state = 'queued' and due_at <= statement_timestamp()
    order by due_at limit 1`.execute(db)
  return rows[0]?.seconds ?? 0
}
