import { type Kysely, sql } from 'kysely'
import type { Database } from '#src/infra/postgres/schema.ts'

/** A mail that did not arrive, as far as is known. */
export interface UnsentMail {
  readonly id: string
  /** `notice`: a delivery; the others are mails that identity asked for. */
  readonly kind: 'security' | 'notice'
  readonly template: string
  readonly state: string
  readonly reason: string | null
  readonly tries: number
  readonly changedAt: Date
}

/** The latest of each, newest first. */
export async function listUnsent(db: Kysely<Database>, limit: number): Promise<UnsentMail[]> {
  const { rows } = await sql<UnsentMail>`
    (select id, 'security' as kind, template, state, reason, tries, changed_at as "changedAt"
      from mails where state in ('failed', 'unknown') order by changed_at desc limit ${limit})
    union all
    (select delivery.id, 'notice', notice.template, delivery.state, delivery.reason,
        delivery.tries, delivery.changed_at
      from deliveries as delivery join notices as notice on notice.id = delivery.notice_id
      where delivery.channel = 'mail' and delivery.state in ('failed', 'unknown')
      order by delivery.changed_at desc limit ${limit})
    order by "changedAt" desc limit ${limit}`.execute(db)
  return rows
}

/** How many mails wait, those included that are not due yet. */
export async function countWaiting(db: Kysely<Database>): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select (select count(*) from mails where state = 'queued')::int
      + (select count(*) from deliveries where channel = 'mail' and state = 'queued')::int as count`.execute(
    db,
  )
  return rows[0]?.count ?? 0
}

/** Which mails are to be sent again. */
export type Resending = { readonly id: string } | { readonly failedSince: Date }

/**
 * Queues mails again that failed or whose outcome is not known; a mail of several notices is named by any of their
 * ids. They are judged again when they are sent. Returns how many there were.
 */
export async function resend(db: Kysely<Database>, which: Resending): Promise<number> {
  const again = {
    state: 'queued' as const,
    due_at: sql<Date>`clock_timestamp()`,
    tries: 0,
    reason: null,
    changed_at: sql<Date>`clock_timestamp()`,
  }
  const mails = db
    .updateTable('mails')
    .set({ ...again, is_repeated: false, attempt_id: null })
    .where(sql<boolean>`recipient is not null and outdated_at > statement_timestamp()`)
  const deliveries = db
    .updateTable('deliveries')
    .set({ ...again, message_id: null })
    .where('channel', '=', 'mail')
  const results =
    'id' in which
      ? [
          await mails
            .where('id', '=', which.id)
            .where('state', 'in', ['failed', 'unknown'])
            .executeTakeFirstOrThrow(),
          await deliveries
            .where('id', '=', which.id)
            .where('state', 'in', ['failed', 'unknown'])
            .executeTakeFirstOrThrow(),
        ]
      : [
          await mails
            .where('state', '=', 'failed')
            .where('changed_at', '>=', which.failedSince)
            .executeTakeFirstOrThrow(),
          await deliveries
            .where('state', '=', 'failed')
            .where('changed_at', '>=', which.failedSince)
            .executeTakeFirstOrThrow(),
        ]
  return results.reduce((sum, { numUpdatedRows }) => sum + Number(numUpdatedRows), 0)
}
