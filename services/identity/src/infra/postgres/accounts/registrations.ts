import type { Locale } from '@auction/common/contracts/identity.ts'
import type { Trace } from '@auction/common/telemetry/tracing.ts'
import { type Kysely, sql, type Transaction } from 'kysely'
import { ADDRESS_LINK_LIFETIME_HOURS, CLAIMS_MAX, LINK_TRIES_MAX } from '#src/domain/lifetimes.ts'
import type { Database } from '#src/infra/postgres/schema.ts'
import type { NewUser } from '#src/infra/postgres/users/users.ts'

/** A claim of an address: the account that it will become. */
export interface Claim extends NewUser {
  /** In which language its user is addressed; null: not known. */
  locale: Locale | null
}

export interface Registration extends Claim {
  trace: Trace
}

const lifetimeEnd = sql<Date>`clock_timestamp() + make_interval(hours => ${ADDRESS_LINK_LIFETIME_HOURS})`

const CLAIM = [
  'id',
  'email',
  'name',
  'email_normalised as emailNormalised',
  'password_hash as passwordHash',
  'locale',
] as const

/** Notes a claim for the worker. One that was answered a while ago is answered again. */
export async function insertRegistration(
  db: Kysely<Database>,
  { id, email, emailNormalised, name, passwordHash, locale }: Claim,
  trace: Trace,
): Promise<void> {
  await db
    .insertInto('registrations')
    .values({
      id,
      email,
      email_normalised: emailNormalised,
      name,
      password_hash: passwordHash,
      locale,
      trace: JSON.stringify(trace),
      expires_at: lifetimeEnd,
    })
    .onConflict((conflict) =>
      conflict
        .column('id')
        .doUpdateSet({ answered_at: null })
        .where(
          'registrations.answered_at',
          '<',
          sql<Date>`statement_timestamp() - interval '1 minute'`,
        ),
    )
    .execute()
}

/** The oldest claim without an answer, without a lock: its address is locked first. */
export async function findUnanswered(
  db: Kysely<Database>,
): Promise<Pick<Claim, 'id' | 'emailNormalised'> | undefined> {
  return db
    .selectFrom('registrations')
    .select(['id', 'email_normalised as emailNormalised'])
    .where('answered_at', 'is', null)
    .orderBy('id')
    .limit(1)
    .executeTakeFirst()
}

/** Marks it as looked at; undefined when another worker was faster. */
export async function takeUnanswered(
  tx: Transaction<Database>,
  id: string,
): Promise<Registration | undefined> {
  const { rows } = await sql<Registration>`
    update registrations set answered_at = clock_timestamp()
     where id = ${id} and answered_at is null
    returning id, email, email_normalised as "emailNormalised", name,
              password_hash as "passwordHash", locale, trace`.execute(tx)
  return rows[0]
}

/** Gives a claim the link that is mailed; answers when it ends. */
export async function setLink(
  tx: Transaction<Database>,
  id: string,
  digest: Buffer,
): Promise<Date> {
  const row = await tx
    .updateTable('registrations')
    .set({ digest, tries: 0, expires_at: lifetimeEnd })
    .where('id', '=', id)
    .returning('expires_at')
    .executeTakeFirstOrThrow()
  return row.expires_at
}

export async function deleteRegistration(tx: Transaction<Database>, id: string): Promise<void> {
  await tx.deleteFrom('registrations').where('id', '=', id).execute()
}

/** The address that a link belongs to, while it works. */
export async function readLinkedAddress(
  db: Kysely<Database>,
  digest: Buffer,
): Promise<string | undefined> {
  const row = await db
    .selectFrom('registrations')
    .select('email_normalised as emailNormalised')
    .where('digest', '=', digest)
    .where('expires_at', '>', sql<Date>`statement_timestamp()`)
    .executeTakeFirst()
  return row?.emailNormalised
}

/** The claims of an address that count, newest first. */
export async function readClaims(db: Kysely<Database>, emailNormalised: string): Promise<Claim[]> {
  return db
    .selectFrom('registrations')
    .select(CLAIM)
    .where('email_normalised', '=', emailNormalised)
    .where('expires_at', '>', sql<Date>`statement_timestamp()`)
    .orderBy('id', 'desc')
    .limit(CLAIMS_MAX)
    .execute()
}

/** Counts a password tried with a link before it is looked at; false when none is left. */
export async function admitLinkTry(db: Kysely<Database>, digest: Buffer): Promise<boolean> {
  const result = await db
    .updateTable('registrations')
    .set({ tries: sql`tries + 1` })
    .where('digest', '=', digest)
    .where('tries', '<', LINK_TRIES_MAX)
    .executeTakeFirst()
  return result.numUpdatedRows === 1n
}

/** Gives a try back: whether the password was right was never found out. */
export async function forgetLinkTry(db: Kysely<Database>, digest: Buffer): Promise<void> {
  await db
    .updateTable('registrations')
    .set({ tries: sql`greatest(tries - 1, 0)` })
    .where('digest', '=', digest)
    .execute()
}

/** Deletes the claims of an address that has an owner now. */
export async function deleteClaims(
  tx: Transaction<Database>,
  emailNormalised: string,
): Promise<void> {
  await tx.deleteFrom('registrations').where('email_normalised', '=', emailNormalised).execute()
}
