import type { Locale } from '@auction/common/contracts/identity.ts'
import { newId } from '@auction/common/ids.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import { type Kysely, sql, type Transaction } from 'kysely'
import { ADDRESS_LINK_LIFETIME_HOURS, EMAIL_CHANGES_PER_DAY_MAX } from '#src/domain/lifetimes.ts'
import type { Database } from '#src/infra/postgres/schema.ts'

/** A user's request for another address. */
export interface EmailChange {
  id: string
  userId: string
  sessionId: string
  email: string
  emailNormalised: string
  /** In which language the link is mailed; null: not known. */
  locale: Locale | null
}

export interface RequestedEmailChange extends EmailChange {
  trace: Trace
}

const CHANGE = [
  'id',
  'email',
  'user_id as userId',
  'session_id as sessionId',
  'email_normalised as emailNormalised',
  'locale',
] as const

const lifetimeEnd = sql<Date>`clock_timestamp() + make_interval(hours => ${ADDRESS_LINK_LIFETIME_HOURS})`

/**
 * Records a request of a locked user for the worker, in place of earlier ones, whose links end. When this
 * user asked too often within a day, nothing is recorded, and the seconds are returned after which the next is.
 */
export async function insertEmailChange(
  tx: Transaction<Database>,
  { userId, sessionId, email, emailNormalised, locale }: Omit<EmailChange, 'id'>,
  trace: Trace,
): Promise<{ waitSeconds: number } | undefined> {
  const today = await tx
    .selectFrom('email_changes')
    .select([
      (eb) => eb.fn.countAll<bigint>().as('count'),
      sql<number>`ceil(extract(epoch from min(created_at) + interval '1 day' - statement_timestamp()))::int`.as(
        'waitSeconds',
      ),
    ])
    .where('user_id', '=', userId)
    .where('created_at', '>', sql<Date>`statement_timestamp() - interval '1 day'`)
    .executeTakeFirstOrThrow()
  const { count, waitSeconds } = today
  if (Number(count) >= EMAIL_CHANGES_PER_DAY_MAX) return { waitSeconds }
  await endEmailChanges(tx, userId)
  await tx
    .insertInto('email_changes')
    .values({
      id: newId(),
      user_id: userId,
      session_id: sessionId,
      email,
      email_normalised: emailNormalised,
      locale,
      trace: JSON.stringify(trace),
      expires_at: lifetimeEnd,
    })
    .execute()
  return undefined
}

/** No request of this user can be confirmed any more; they still count. */
export async function endEmailChanges(tx: Transaction<Database>, userId: string): Promise<void> {
  await tx
    .updateTable('email_changes')
    .set({ digest: null, answered_at: sql<Date>`coalesce(answered_at, clock_timestamp())` })
    .where('user_id', '=', userId)
    .execute()
}

/** The oldest request without an answer, without a lock: its address is locked first. */
export async function findUnansweredChange(
  db: Kysely<Database>,
): Promise<Pick<EmailChange, 'id' | 'emailNormalised'> | undefined> {
  return db
    .selectFrom('email_changes')
    .select(['id', 'email_normalised as emailNormalised'])
    .where('answered_at', 'is', null)
    .orderBy('id')
    .limit(1)
    .executeTakeFirst()
}

/** Marks it as answered; undefined when another worker or a newer request was faster. */
export async function takeUnansweredChange(
  tx: Transaction<Database>,
  id: string,
): Promise<RequestedEmailChange | undefined> {
  return tx
    .updateTable('email_changes')
    .set({ answered_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', id)
    .where('answered_at', 'is', null)
    .returning([...CHANGE, 'trace'])
    .executeTakeFirst()
}

/** Gives it the link that is mailed; answers when it ends. */
export async function setChangeLink(
  tx: Transaction<Database>,
  id: string,
  digest: Buffer,
): Promise<Date> {
  const row = await tx
    .updateTable('email_changes')
    .set({ digest, expires_at: lifetimeEnd })
    .where('id', '=', id)
    .returning('expires_at as expiresAt')
    .executeTakeFirstOrThrow()
  return row.expiresAt
}

/** The request that a link confirms, while it works. */
export async function readLinkedChange(
  db: Kysely<Database>,
  digest: Buffer,
): Promise<EmailChange | undefined> {
  return db
    .selectFrom('email_changes')
    .select(CHANGE)
    .where('digest', '=', digest)
    .where('expires_at', '>', sql<Date>`statement_timestamp()`)
    .executeTakeFirst()
}

/** Deletes some requests that no longer count; answers how many. */
export async function purgeEmailChanges(db: Kysely<Database>, limit: number): Promise<number> {
  const result = await sql`
    delete from email_changes where id in (
      select id from email_changes where expires_at < statement_timestamp()
       order by expires_at limit ${limit}
       for update skip locked)`.execute(db)
  return Number(result.numAffectedRows ?? 0n)
}
