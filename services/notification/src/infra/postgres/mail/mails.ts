import { newId } from '@auction/common/ids.ts'
import { type Kysely, sql, type Transaction } from 'kysely'
import type { Language } from '#src/domain/notice-text.ts'
import type { SecurityTemplate } from '#src/domain/security-mails.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

export interface RequestedMail {
  id: string
  userId?: string
  template: SecurityTemplate
  to: string
  name: string
  /** Of a reader who has chosen none. */
  language?: Language
  /** Without its secret, which stays sealed. */
  link?: { url: string; sealedSecret: Buffer }
  outdatedAt: Date
  correlationId: string
}

/** A mail that this process sends. */
export interface ClaimedMail extends RequestedMail {
  /** Names this attempt, for what becomes of it. */
  attemptId: string
  /** How often it was tried, this time included. */
  tries: number
  isOutdated: boolean
  /** The account is gone, and its mails are for no one. */
  isOfDepartedUser: boolean
}

/** Queues a mail; one that is known already stays what it is. */
export async function insertMail(tx: Transaction<Database>, mail: RequestedMail): Promise<void> {
  const { id, userId, template, to, name, language, link, outdatedAt, correlationId } = mail
  await tx
    .insertInto('mails')
    .values({
      id,
      user_id: userId ?? null,
      template,
      recipient: to,
      name,
      locale: language ?? null,
      link: link?.url ?? null,
      sealed_secret: link?.sealedSecret ?? null,
      outdated_at: outdatedAt,
      correlation_id: correlationId,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/**
 * Takes the mail that has been due for longest and that no other process takes. It is committed as being sent
 * when this returns.
 */
export async function claimMail(db: Kysely<Database>): Promise<ClaimedMail | undefined> {
  const attemptId = newId()
  const row = await db
    .updateTable('mails')
    .set({
      state: 'sending',
      attempt_id: attemptId,
      tries: sql`tries + 1`,
      changed_at: sql`clock_timestamp()`,
    })
    .where('id', '=', (eb) =>
      eb
        .selectFrom('mails')
        .select('id')
        .where('state', '=', 'queued')
        .where('due_at', '<=', sql<Date>`statement_timestamp()`)
        .orderBy('due_at')
        .limit(1)
        .forUpdate()
        .skipLocked(),
    )
    .returning([
      'id',
      'user_id as userId',
      'template',
      'recipient',
      'name',
      'locale',
      'link',
      'sealed_secret as sealedSecret',
      'outdated_at as outdatedAt',
      'correlation_id as correlationId',
      'tries',
    ])
    .returning([
      sql<boolean>`outdated_at <= statement_timestamp()`.as('isOutdated'),
      sql<boolean>`exists (select from departed_users where departed_users.user_id = mails.user_id)`.as(
        'isOfDepartedUser',
      ),
    ])
    .executeTakeFirst()
  if (row === undefined) return undefined
  const { userId, recipient, name, locale, link, sealedSecret, template, ...rest } = row
  return {
    ...rest,
    attemptId,
    // The consumer stores no others.
    template: template as SecurityTemplate,
    to: recipient ?? '',
    name: name ?? '',
    ...(userId === null ? {} : { userId }),
    ...(locale === null ? {} : { language: locale }),
    ...(link === null || sealedSecret === null ? {} : { link: { url: link, sealedSecret } }),
  }
}

/** One attempt to send a mail. */
export type Attempt = Pick<ClaimedMail, 'id' | 'attemptId'>

/**
 * Only the attempt that the row names may say how it ended; that may come after its lease. A process that was frozen
 * for longer finds another attempt there, whose outcome counts.
 */
const isLatest = ({ id, attemptId }: Attempt) =>
  sql<boolean>`id = ${id} and attempt_id = ${attemptId}`
const ofSender = sql<boolean>`state in ('sending', 'unknown')`

// Its address is not needed any more.
const ended = (state: 'sent' | 'dropped', reason: string | null) => ({
  state,
  reason,
  recipient: null,
  name: null,
  link: null,
  sealed_secret: null,
  changed_at: sql<Date>`clock_timestamp()`,
})

/** The mail is not to be sent. */
export async function dropMail(
  db: Kysely<Database>,
  attempt: Attempt,
  reason: string,
): Promise<void> {
  await db
    .updateTable('mails')
    .set(ended('dropped', reason))
    .where(isLatest(attempt))
    .where(ofSender)
    .execute()
}

/**
 * The server has the mail. That stays true whatever a newer attempt is at, and ends the mail also when it was queued
 * once more because nothing was known of this attempt.
 */
export async function endSentMail(db: Kysely<Database>, { id, attemptId }: Attempt): Promise<void> {
  await db
    .updateTable('mails')
    .set(ended('sent', null))
    .where('id', '=', id)
    .where(
      sql<boolean>`(${ofSender} or state = 'queued' and is_repeated and attempt_id = ${attemptId})`,
    )
    .execute()
}

/** What became of a mail by an attempt; `superseded`: a newer attempt or an operator has it, and nothing was changed. */
export type Settled<State extends string> = State | 'superseded'

/** It will not be sent by itself; an operator can send it again. */
export async function failMail(
  db: Kysely<Database>,
  attempt: Attempt,
  reason: string,
): Promise<Settled<'failed'>> {
  const { numUpdatedRows } = await db
    .updateTable('mails')
    .set({ state: 'failed', reason, changed_at: sql`clock_timestamp()` })
    .where(isLatest(attempt))
    .where(ofSender)
    .executeTakeFirstOrThrow()
  return numUpdatedRows === 1n ? 'failed' : 'superseded'
}

/** The server did not take it: it is tried again after a pause, or has failed when it is outdated by then. */
export async function postponeMail(
  db: Kysely<Database>,
  attempt: Attempt,
  { reason, seconds, isTry }: { reason: string; seconds: number; isTry: boolean },
): Promise<Settled<'queued' | 'failed'>> {
  const dueAt = sql<Date>`clock_timestamp() + make_interval(secs => ${seconds})`
  const row = await db
    .updateTable('mails')
    .set({
      state: sql<
        'queued' | 'failed'
      >`case when outdated_at > ${dueAt} then 'queued' else 'failed' end`,
      due_at: dueAt,
      reason,
      // A server that is not there says nothing about a mail.
      tries: sql`tries - ${isTry ? 0 : 1}::integer`,
      changed_at: sql`clock_timestamp()`,
    })
    .where(isLatest(attempt))
    .where('state', '=', 'sending')
    .returning('state')
    .executeTakeFirst()
  return (row?.state as 'queued' | 'failed' | undefined) ?? 'superseded'
}

const REPEAT_SECONDS = 60

// The account of its reader may hang on it, so it is better to come twice than not at all. Once.
const repeated = {
  state: sql<'queued' | 'unknown'>`case when is_repeated then 'unknown' else 'queued' end`,
  due_at: sql<Date>`clock_timestamp() + make_interval(secs => ${REPEAT_SECONDS})`,
  is_repeated: true,
  reason: 'no_answer',
  changed_at: sql<Date>`clock_timestamp()`,
}

/** The server may have it or not: it is sent once more. */
export async function repeatMail(
  db: Kysely<Database>,
  attempt: Attempt,
): Promise<Settled<'queued' | 'unknown'>> {
  const row = await db
    .updateTable('mails')
    .set(repeated)
    .where(isLatest(attempt))
    .where('state', '=', 'sending')
    .returning('state')
    .executeTakeFirst()
  return (row?.state as 'queued' | 'unknown' | undefined) ?? 'superseded'
}

/** The same for mails whose process ended while it sent them. Returns their number. */
export async function repeatAbandonedMails(
  db: Kysely<Database>,
  leaseSeconds: number,
): Promise<number> {
  const { numUpdatedRows } = await db
    .updateTable('mails')
    .set(repeated)
    .where('state', '=', 'sending')
    .where('changed_at', '<', abandonedBefore(leaseSeconds))
    .executeTakeFirstOrThrow()
  return Number(numUpdatedRows)
}

const abandonedBefore = (leaseSeconds: number) =>
  sql<Date>`statement_timestamp() - make_interval(secs => ${leaseSeconds})`

/** Deletes mails that ended long ago. Returns their number. */
export async function purgeMails(
  db: Kysely<Database>,
  retentionDays: number,
  limit: number,
): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('mails')
    .where('id', 'in', (eb) =>
      eb
        .selectFrom('mails')
        .select('id')
        .where(sql<boolean>`state not in ('queued', 'sending')`)
        .where(
          'changed_at',
          '<',
          sql<Date>`statement_timestamp() - make_interval(days => ${retentionDays})`,
        )
        .orderBy('changed_at')
        .limit(limit),
    )
    .executeTakeFirstOrThrow()
  return Number(numDeletedRows)
}

/** How long the oldest mail that is due has waited, in seconds. */
export async function readMailLag(db: Kysely<Database>): Promise<number> {
  const { rows } = await sql<{ seconds: number | null }>`
    select extract(epoch from statement_timestamp() - due_at)::float8 as seconds from mails
      where state = 'queued' and due_at <= statement_timestamp() order by due_at limit 1`.execute(
    db,
  )
  return rows[0]?.seconds ?? 0
}
